"""The machine of the embedding service sleeps: photos wait, words are searched by the text service, nobody does anything."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from colour_encoder import ColourEncoder, ColourServer
from patience import PATIENCE, eventually
from search_house import SearchHouse, picture
from soutu_client import Client, Filter, NoticeReason, PhotoState, UnavailableError
from soutu_services.embedding.encoder import Tower
from soutu_services.search.wake_on_lan import magic_packet

MAC = "02:00:00:00:00:01"


@pytest.fixture
def machine() -> Iterator[ColourServer]:
    server = ColourServer()
    yield server
    server.stop()


@pytest.fixture
def text_service() -> Iterator[ColourServer]:
    server = ColourServer(ColourEncoder(towers=frozenset({Tower.TEXT})))
    yield server
    server.stop()


@pytest.fixture
def wire() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.setblocking(False)
        yield heard


def packets(wire: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(wire.recv(4096))
        except BlockingIOError:
            return found


def test_everything_that_needs_no_picture_embedded_goes_on_while_the_machine_sleeps(
    start_house: Callable[..., SearchHouse], machine: ColourServer, text_service: ColourServer
) -> None:
    house = start_house(embedding=machine, text_embedding_address=text_service.address)
    red, blue = house.upload("first.png", picture("红", 1)), house.upload("2019/IMG_20190704_120000.png", picture("蓝", 1))
    house.settled()
    awake = house.client.status()
    assert awake.embedder.embeds_images and awake.embedder.embeds_texts and awake.embedder.unavailable_since is None
    assert awake.text_embedder is not None
    assert (awake.text_embedder.embeds_texts, awake.text_embedder.embeds_images) == (True, False)
    machine.stop()
    waiting = [house.upload(f"奶奶/{number}.png", picture("绿", number)) for number in range(3)]
    eventually(lambda: all(house.photo(photo).width for photo in waiting))
    status = eventually(lambda: (found := house.client.status()).embedder.unavailable_since and found)
    assert (status.photos_ready, status.photos_pending) == (2, 3)
    assert not status.embedder.available and not status.embedder.embeds_images and "does not answer" in status.embedder.problem
    assert status.text_embedder is not None and status.text_embedder.available
    assert status.pending_since is not None
    assert status.pending_seconds_left is not None and status.pending_seconds_left > 0, "from the rate before it fell asleep"
    page = house.client.search("红")
    assert page.hits[0].photo.photo_id == red and page.hits[0].cosine is not None
    assert [notice.reason for notice in page.notices] == [NoticeReason.PHOTOS_PENDING]
    assert set(house.found("奶奶")[:3]) == set(waiting), "by name"
    assert [hit.photo.photo_id for hit in house.client.search(filter=Filter(taken_until="2020")).hits] == [blue], "by date"
    assert blue in [hit.photo.photo_id for hit in house.client.similar(red).hits], "by a known photo"
    assert house.client.thumbnail(waiting[0]).image
    for language in ("en", "zh"):
        with (
            Client(house.address, timeout_seconds=PATIENCE, language=language) as client,
            pytest.raises(UnavailableError) as caught,
        ):
            client.similar(picture("红"))
        assert ("asleep" if language == "en" else "休眠") in caught.value.message and "\n" not in caught.value.message
    machine.start()
    house.settled()
    assert {house.photo(photo).state for photo in waiting} == {PhotoState.READY}
    assert set(house.found("绿")[:3]) == set(waiting)
    assert house.client.status().embedder.unavailable_since is None
    assert house.client.status().pending_seconds_left is None


def test_a_house_that_starts_while_the_machine_sleeps_searches_by_look(
    start_house: Callable[..., SearchHouse], machine: ColourServer, text_service: ColourServer
) -> None:
    house = start_house(embedding=machine, text_embedding_address=text_service.address)
    red = house.upload("first.png", picture("红", 1))
    house.settled()
    house.stop()
    machine.stop()
    house.start()
    page = house.client.search("红")
    assert [hit.photo.photo_id for hit in page.hits] == [red]
    assert page.notices == ()


def test_without_any_service_that_embeds_words_names_answer_with_a_notice(
    start_house: Callable[..., SearchHouse], machine: ColourServer, text_service: ColourServer
) -> None:
    house = start_house(embedding=machine, text_embedding_address=text_service.address)
    photo = house.upload("奶奶.png", picture("红", 1))
    house.settled()
    machine.stop()
    text_service.stop()
    eventually(lambda: house.client.status().embedder.problem)
    page = house.client.search("奶奶")
    assert [hit.photo.photo_id for hit in page.hits] == [photo]
    assert [notice.reason for notice in page.notices] == [NoticeReason.EMBEDDING_UNAVAILABLE]
    assert "text embedding service does not answer" in page.notices[0].message


def test_a_text_service_of_another_model_is_refused_and_said_so_in_the_status(
    start_house: Callable[..., SearchHouse], machine: ColourServer
) -> None:
    other = ColourServer(ColourEncoder("another-space", towers=frozenset({Tower.TEXT})))
    try:
        house = start_house(embedding=machine, text_embedding_address=other.address)
        red = house.upload("a.png", picture("红", 1))
        house.settled()
        status = eventually(lambda: (found := house.client.status()).text_embedder and found.text_embedder.problem and found)
        assert status.text_embedder is not None
        assert "another model than the library's" in status.text_embedder.problem
        assert status.embedder.problem == ""
        assert house.found("红") == [red], "by the main one"
    finally:
        other.stop()


def test_the_machine_is_woken_once_when_enough_photos_wait(
    start_house: Callable[..., SearchHouse], machine: ColourServer, wire: socket.socket
) -> None:
    host, port = wire.getsockname()
    wake = {"mac": MAC, "broadcast": f"{host}:{port}", "min_photos": 2, "min_wait_seconds": 86_400, "interval_seconds": 86_400}
    house = start_house(embedding=machine, wake=wake)
    house.upload("0.png", picture("红", 0))
    house.settled()
    machine.stop()
    house.upload("1.png", picture("红", 1))
    eventually(lambda: house.client.status().embedder.unavailable_since)
    asked = house.service._link._main._gate
    eventually(lambda: asked.has_failed)
    assert (packets(wire), house.client.status().embedder.woken_at) == ([], None), "one photo is not enough"
    house.upload("2.png", picture("红", 2))
    status = eventually(lambda: (found := house.client.status()).embedder.woken_at and found)
    house.restart()
    eventually(lambda: house.client.status().embedder.problem)
    assert packets(wire) == [magic_packet(MAC)]
    again = house.client.status().embedder.woken_at
    assert again is not None and status.embedder.woken_at is not None
    assert again >= status.embedder.woken_at - timedelta(seconds=5), "it is still known"
    machine.start()
    house.settled()


def test_the_machine_is_woken_for_a_re_index_as_well(start_house: Callable[..., SearchHouse], wire: socket.socket) -> None:
    old, new = ColourEncoder(), ColourEncoder("newer")
    machine = ColourServer(old, new)
    try:
        host, port = wire.getsockname()
        wake = {"mac": MAC, "broadcast": f"{host}:{port}", "min_photos": 2, "min_wait_seconds": 86_400}
        house = start_house(embedding=machine, wake=wake)
        photos = [house.upload(f"{number}.png", picture("红", number)) for number in range(3)]
        house.settled()
        new.gate.clear()
        job = house.client.start_reindex()
        eventually(lambda: house.client.job(job.job_id).photos_total == 3)
        machine.stop()
        eventually(lambda: house.client.status().embedder.woken_at)
        assert packets(wire) == [magic_packet(MAC)]
        machine.start()
        eventually(lambda: house.client.job(job.job_id).state.is_over)
        assert set(house.found("红")) == set(photos)
        assert {space.space_id for space in house.client.status().spaces if space.serving} == {"newer"}
    finally:
        machine.stop()
