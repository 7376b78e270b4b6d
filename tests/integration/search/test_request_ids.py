"""One id from the client through the search service to the embedding service."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from patience import eventually
from search_house import picture
from soutu_services.runtime.logs import configure_logging


@pytest.fixture
def log(monkeypatch):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("debug", json=True)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines(keepends=True) if line.endswith("\n")]
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def ids_of(lines: list[dict[str, str]], method: str) -> list[str]:
    return [line["request_id"] for line in lines if f"/{method} ended with" in line["message"]]


def test_a_search_has_one_id_in_the_logs_of_both_services_and_each_search_its_own(house, log):
    house.upload("红.png", picture("红"))
    house.settled()
    house.found("红")
    house.found("绿")
    eventually(lambda: len(ids_of(log(), "EmbedTexts")) == 2)
    searches = ids_of(log(), "SearchPhotos")
    assert len(set(searches)) == 2
    assert ids_of(log(), "EmbedTexts") == searches


def test_what_the_ingest_sends_has_an_id_too(house, log):
    house.upload("蓝.png", picture("蓝"))
    house.settled()
    eventually(lambda: ids_of(log(), "EmbedImages"))
    (upload,) = ids_of(log(), "UploadPhoto")
    (batch,) = ids_of(log(), "EmbedImages")
    assert upload and batch and upload != batch
