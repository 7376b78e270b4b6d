"""The page's server as a process, and files that are large: what is refused is not read, what is read is not held in memory."""

from __future__ import annotations

import hashlib
import http.client
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from patience import eventually
from search_house import SearchHouse
from web_process import WebProcess

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of a process from /proc")

_MEBIBYTE = 1 << 20


@pytest.fixture
def process(house: SearchHouse, tmp_path: Path) -> Iterator[WebProcess]:
    running = WebProcess(house.address, TMPDIR=str(tmp_path))
    yield running
    running.stop()


def begin_upload(process: WebProcess, name: str, size_bytes: int) -> http.client.HTTPConnection:
    connection = process.connect()
    connection.putrequest("PUT", f"/api/uploads?name={name}")
    for header, value in (("x-soutu", "1"), ("content-length", str(size_bytes)), ("accept-language", "en")):
        connection.putheader(header, value)
    connection.endheaders()
    return connection


def test_300_megabytes_are_refused_before_they_are_sent(process: WebProcess) -> None:
    before = process.peak_bytes
    connection = begin_upload(process, "large.jpg", 300 * _MEBIBYTE)
    answer = connection.getresponse()  # nothing of the body was sent
    told = json.loads(answer.read())
    assert (answer.status, told["reason"]) == (413, "TOO_LARGE")
    assert told["message"] == "the file has 300 MiB, more than the limit of 256 MiB; it was not uploaded"
    assert process.peak_bytes - before < 8 * _MEBIBYTE


def test_a_large_upload_is_never_held_in_memory(process: WebProcess, house: SearchHouse) -> None:
    size, piece = 160 * _MEBIBYTE, np.random.default_rng(1).bytes(4 * _MEBIBYTE)
    digest = hashlib.sha256()
    before = process.peak_bytes
    connection = begin_upload(process, "large.jpg", size)
    for _ in range(0, size, len(piece)):
        connection.send(piece)
        digest.update(piece)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert (answer.status, told["created"]) == (200, True), told
    assert told["photo_id"] == digest.hexdigest()[:32]
    assert process.peak_bytes - before < 40 * _MEBIBYTE
    connection.request("GET", f"/api/photos/{told['photo_id']}/original")
    answer = connection.getresponse()
    read = hashlib.sha256()
    while some := answer.read(_MEBIBYTE):
        read.update(some)
    assert read.digest() == digest.digest()
    assert process.peak_bytes - before < 64 * _MEBIBYTE


def test_an_upload_that_breaks_off_leaves_nothing(process: WebProcess, house: SearchHouse, tmp_path: Path) -> None:
    before = house.keys("photos")
    connection = begin_upload(process, "broken.jpg", 16 * _MEBIBYTE)
    connection.send(b"x" * _MEBIBYTE)
    eventually(lambda: list(tmp_path.rglob("upload")))
    connection.close()
    eventually(lambda: not list(tmp_path.iterdir()))
    assert house.keys("photos") == before
    connection = process.connect()
    connection.request("GET", "/api/session")
    assert connection.getresponse().status == 200
