"""A search service over a real S3 server and a real embedding service with a small model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from colour_encoder import ColourServer
from object_store import serve_folder
from search_house import SearchHouse
from soutu_services.tuning.library_client import LibraryClient
from soutu_services.tuning.library_settings import LibrarySettings


@pytest.fixture
def embedding() -> Iterator[ColourServer]:
    server = ColourServer()
    yield server
    server.stop()


@pytest.fixture
def house(tmp_path: Path, embedding: ColourServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchHouse]:
    monkeypatch.setattr("soutu_services.search.embedder_watch._PROBE_SECONDS", 0.1)
    folder = tmp_path / "house"
    folder.mkdir()
    (tmp_path / "store").mkdir()
    with serve_folder(tmp_path / "store") as store:
        house = SearchHouse(folder, store, embedding, "tuning")
        yield house
        house.close()


@pytest.fixture
def library(house: SearchHouse) -> Iterator[LibraryClient]:
    client = LibraryClient(LibrarySettings(address=house.address), "en")
    yield client
    client.close()
