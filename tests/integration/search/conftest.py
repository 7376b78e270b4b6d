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
from search_house import SearchHouse

_numbers = itertools.count(1)


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
