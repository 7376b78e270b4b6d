"""A search service over a real S3 server and a real embedding service with a small model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from colour_encoder import ColourEncoder, ColourServer
from object_store import ObjectServer, serve_folder
from patience import PATIENCE
from search_house import SearchHouse
from search_process import SearchProcess

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _embedders_are_asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.embedder_watch._PROBE_SECONDS", 0.1)


@pytest.fixture(scope="package")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with serve_folder(tmp_path_factory.mktemp("search-s3")) as running:
        yield running


@pytest.fixture(scope="package")
def colour_server() -> Iterator[ColourServer]:
    server = ColourServer()
    yield server
    server.stop()


@pytest.fixture
def encoder(colour_server: ColourServer) -> ColourEncoder:
    colour_server.encoder.images_embedded = 0
    colour_server.encoder.gate.set()
    return colour_server.encoder


@pytest.fixture
def start_house(
    tmp_path: Path, object_server: ObjectServer, colour_server: ColourServer, encoder: ColourEncoder
) -> Iterator[Callable[..., SearchHouse]]:
    with ExitStack() as stack:

        def start(**settings: Any) -> SearchHouse:
            number = next(_numbers)
            folder = tmp_path / f"house-{number}"
            folder.mkdir()
            embedding = settings.pop("embedding", colour_server)
            store = settings.pop("object_server", object_server)
            house = SearchHouse(folder, store, embedding, f"h{number}", **settings)
            stack.callback(house.close)
            stack.callback(encoder.gate.set)
            return house

        yield start


@pytest.fixture
def house(start_house: Callable[..., SearchHouse]) -> SearchHouse:
    return start_house()


@pytest.fixture
def environment(
    tmp_path: Path, object_server: ObjectServer, colour_server: ColourServer, encoder: ColourEncoder
) -> dict[str, str]:
    store = object_server.settings
    bucket = tmp_path.name.replace("_", "-")[-40:].strip("-")
    return {
        "SOUTU_SEARCH_LISTEN": "127.0.0.1:0",
        "SOUTU_SEARCH_METRICS_LISTEN": "",
        "SOUTU_SEARCH_DATA_FOLDER": str(tmp_path / "data"),
        "SOUTU_SEARCH_STORE__URL": store.url,
        "SOUTU_SEARCH_STORE__ACCESS_KEY": store.access_key,
        "SOUTU_SEARCH_STORE__SECRET_KEY": store.secret_key.get_secret_value(),
        "SOUTU_SEARCH_PHOTOS_BUCKET": f"{bucket}-photos",
        "SOUTU_SEARCH_THUMBNAILS_BUCKET": f"{bucket}-thumbs",
        "SOUTU_SEARCH_RECYCLE_BUCKET": f"{bucket}-recycle",
        "SOUTU_SEARCH_EMBEDDING_ADDRESS": colour_server.address,
        "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
        "SOUTU_SEARCH_GRACE_SECONDS": str(PATIENCE),
        "SOUTU_SEARCH_INGEST__BATCH_PHOTOS": "4",
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., SearchProcess]]:
    with ExitStack() as stack:

        def start_process(**more: str) -> SearchProcess:
            process = SearchProcess({**environment, **more})
            stack.callback(process.end)
            return process

        yield start_process
