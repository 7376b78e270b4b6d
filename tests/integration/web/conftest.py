"""The HTTP API over a real search service, store and embedding service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from colour_encoder import ColourServer
from object_store import serve_folder
from search_house import SearchHouse
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings

HEADERS = {"accept-language": "en", "x-soutu": "1"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchHouse]:
    embedding = ColourServer()
    with serve_folder(tmp_path_factory.mktemp("web-s3")) as store:
        running = SearchHouse(tmp_path_factory.mktemp("web-house"), store, embedding, "web")
        yield running
        running.close()
    embedding.stop()


@pytest.fixture
def web(house: SearchHouse) -> Iterator[TestClient]:
    settings = WebSettings(address=house.address, max_upload_bytes=1 << 20, max_query_bytes=1 << 20)
    application = create_application(settings)
    with TestClient(application, base_url="http://localhost", headers=HEADERS, raise_server_exceptions=False) as client:
        yield client
