"""A service that cannot be made or started: it says why, and holds nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search_house import SearchHouse, picture
from soutu_services.search.catalog import Catalog
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.objects import StoreRefused
from soutu_services.search.service import SearchService
from soutu_services.search.settings import SearchSettings, StoreSettings


def test_service_that_cannot_be_made_gives_its_folder_back(tmp_path: Path) -> None:
    store = StoreSettings(url="http://127.0.0.1:9", access_key="ab")
    with pytest.raises(StoreRefused) as refused:
        SearchService(SearchSettings(data_folder=tmp_path, store=store))
    DataFolder.open(tmp_path).close()
    assert refused.value.reason == "STORE_REFUSED"


def test_no_other_user_of_the_machine_reads_the_data_folder(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        DataFolder.open(tmp_path / "data").close()
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_service_that_cannot_be_started_says_why_and_is_closed(house: SearchHouse) -> None:
    house.upload("a.png", picture("红"))
    house.settled()
    service = house.service
    settings = service._settings
    house.stop()
    with closing(sqlite3.connect(settings.data_folder / "catalog.sqlite3")) as catalog, catalog:
        catalog.execute("DROP TABLE embeddings")
    service = SearchService(settings)
    try:
        with pytest.raises(sqlite3.OperationalError, match="embeddings"):
            service.start()
    finally:
        service.close()
    DataFolder.open(settings.data_folder).close()
    Catalog.open(settings.data_folder / "catalog.sqlite3").close()
