"""The frame while the service is away, or does not let it in: it goes on with what it has, and comes back by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from colour_encoder import ColourServer
from frame_run import FrameRun
from home_certificates import HomeCertificates
from loopback_ports import free_address
from object_store import serve_folder
from search_house import SearchHouse, picture
from soutu_client.frame.actions import Action

Run = Callable[..., FrameRun]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_client.frame.supply._FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("soutu_client.frame.supply._LONGEST_PAUSE_SECONDS", 0.2)


def test_it_bears_that_the_service_goes_away_and_comes_back(run: Run, tmp_path: Path) -> None:
    embedding = ColourServer()
    with serve_folder(tmp_path / "s3") as store:
        house = SearchHouse(tmp_path / "house", store, embedding, "away", listen=free_address())
        ids = [house.upload(f"{colour}.png", picture(colour, 1)) for colour in "红绿"]
        house.client.wait_until_ready(ids)
        frame = run(house.address, queries="最新", refresh_seconds="1")
        first = frame.until_photo()
        frame.until(lambda: len(frame.frame.cache.slides()) == 2)
        house.stop()
        frame.until(lambda: frame.state.is_away)
        frame.frame.turn()
        assert "cannot reach" in frame.state.problem
        assert frame.ink(0, 0, 0.5, 0.12) > 30  # the sign
        second = frame.next_photo()
        assert second.photo_id != first.photo_id
        frame.press(Action.LIKE)  # told later

        frame.close()
        frame = run(house.address, queries="最新")  # with the service away
        assert frame.until_photo().photo_id in ids
        frame.until(lambda: frame.state.is_away)
        frame.frame.turn()
        assert frame.ink(0, 0, 0.5, 0.12) > 30

        frame.press(Action.SEARCH)
        frame.press(Action.PAUSE)
        house.start()
        frame.until(lambda: not frame.state.is_away)
        frame.until(lambda: house.client.photo(second.photo_id).annotations.favourite)
        frame.frame.turn()
        assert frame.ink(0, 0, 0.5, 0.12) == 0

        house.stop()
        frame.press(Action.LIKE)  # an hour before the photos are asked for again
        frame.until(lambda: frame.state.is_away)
        house.start()
        frame.until(lambda: not frame.state.is_away)
        house.close()
    embedding.stop()


def test_a_new_query_shows_what_is_kept_while_the_service_is_away(run: Run, house: SearchHouse, tmp_path: Path) -> None:
    frame = run(queries="绿")
    frame.until(lambda: len(frame.frame.cache.slides()) == 4)
    frame.close()
    frame = run(free_address(), queries="没有问过的")
    frame.until(lambda: frame.state.is_away)
    frame.until_photo()
    assert len(frame.state.slides) == 4


def test_with_nothing_kept_it_says_why_there_is_nothing(run: Run) -> None:
    frame = run(free_address(), queries="红")
    problem = frame.until(lambda: frame.state.problem)
    frame.frame.turn()
    assert "cannot reach" in problem and "\n" not in problem
    assert frame.slide is None and frame.ink(0, 0.3, 1, 0.8) > 50


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"address": "not an address"}, "is not an address"),
        ({"authority": "/nothing/ca.pem"}, "does not exist"),
        ({"token_file": "/nothing/token"}, "does not exist"),
    ],
)
def test_settings_of_the_connection_that_are_not_right_are_said_on_the_screen(
    run: Run, settings: dict[str, str], said: str
) -> None:
    frame = run(queries="红", **settings)
    assert said in frame.until(lambda: frame.state.problem)
    frame.frame.turn()
    assert frame.ink(0, 0.3, 1, 0.8) > 50


def test_a_token_or_a_certificate_that_is_refused_is_said_and_it_goes_on_asking(run: Run, tmp_path: Path) -> None:
    certificates = HomeCertificates(tmp_path / "certificates")
    tls = certificates.machine("127.0.0.1")
    embedding = ColourServer()
    (tmp_path / "wrong").write_text("soutu_wrong\n")
    with serve_folder(tmp_path / "s3") as store:
        house = SearchHouse(tmp_path / "house", store, embedding, "shut", tls=tls, tokens="required")
        for settings, said in (
            ({"authority": str(certificates.authority), "token_file": str(tmp_path / "wrong")}, "token"),
            ({"authority": str(certificates.stranger), "token_file": str(tmp_path / "wrong")}, "certificate"),
        ):
            frame = run(house.address, queries="红", **settings)
            assert said in frame.until(lambda frame=frame: frame.state.problem)
            assert frame.state.is_away
            frame.close()
        right = tmp_path / "house" / "data" / "admin-token"
        frame = run(house.address, queries="红", authority=str(certificates.authority), token_file=str(tmp_path / "wrong"))
        frame.until(lambda: frame.state.is_away)
        (tmp_path / "wrong").write_text(right.read_text())
        frame.until(lambda: not frame.state.is_away and not frame.state.is_loading)
        assert not frame.state.problem
        house.close()
    embedding.stop()
