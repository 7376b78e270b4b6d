import os
from pathlib import Path

import pytest

from soutu_services.home.house import House
from soutu_services.home.library import Library
from soutu_services.home.settings import HomeSettings
from soutu_services.runtime.settings import load_settings


def test_an_empty_variable_says_nothing_but_switches_metrics_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HOME_PHOTOS",
        "HOME_IN_PLACE",
        "SEARCH_LISTEN",
        "SEARCH_METRICS_LISTEN",
        "EMBEDDING_METRICS_LISTEN",
        "WEB_LISTEN",
    ):
        monkeypatch.setenv(f"SOUTU_{name}", "")
    settings = load_settings(HomeSettings)
    assert (settings.photos, settings.in_place, settings.search_listen) == (None, False, "127.0.0.1:8401")
    assert (settings.search_metrics_listen, settings.embedding_metrics_listen, settings.web_listen) == ("", "", "")


def test_photos_may_have_a_name_that_is_no_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"SOUTU_HOME_PHOTOS", "/照片".encode("gbk"))
    assert load_settings(HomeSettings).photos == Path(os.fsdecode("/照片".encode("gbk")))


@pytest.mark.parametrize(
    ("addresses", "in_place", "is_open"),
    [
        ({}, True, False),
        ({"search_listen": "0.0.0.0:8401"}, False, True),
        ({"embedding_listen": "0.0.0.0:8402"}, False, True),
        ({"web_listen": "0.0.0.0:8400"}, False, True),
        ({"web_listen": ""}, False, False),
        ({"embedding_listen": "0.0.0.0:8402", "embedding_address": "gpu:8402"}, False, False),
        ({"store_listen": "0.0.0.0:8403"}, False, True),
        ({"store_listen": "0.0.0.0:8403", "store_url": "https://nas:9000"}, False, False),
        ({"in_place_listen": "0.0.0.0:8404"}, False, False),
        ({"in_place_listen": "0.0.0.0:8404"}, True, True),
        ({"search_metrics_listen": "0.0.0.0:8411"}, False, False),
    ],
)
def test_only_what_is_started_can_be_open_to_others(
    tmp_path: Path, addresses: dict[str, str], in_place: bool, is_open: bool
) -> None:
    with Library.open(tmp_path / "library", least_free_bytes=0) as library:
        if in_place:
            library.add_in_place(tmp_path)
        house = House(HomeSettings(**addresses), library, on_death=lambda *_: None)  # type: ignore[arg-type]
        assert house.is_open_to_others is is_open
