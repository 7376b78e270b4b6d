"""What was written of late is compared with the store: nothing is lost over it, nothing of a person's is written over."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faulty_store import Fault, faulty_store
from object_store import ObjectServer
from search_house import SearchHouse, eventually, photo_id_of, picture
from soutu_services.runtime.errors import Overloaded
from soutu_services.search import write_keeper
from soutu_services.search.journal_records import WritePlace, write_record
from soutu_services.search.objects import StoreUnavailable
from soutu_services.search.write_journal import WriteJournal

_RED, _GREEN = picture("红", 1), picture("绿", 2)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_keeper, "_FIRST_SECONDS", 0.02)
    monkeypatch.setattr(write_keeper, "_TICK_SECONDS", 0.1)


def _journal(tmp_path: Path) -> WriteJournal:
    return WriteJournal(tmp_path / "journal", keep_seconds=100, max_bytes=1 << 30, boot="one")


def _place(key: str, data: bytes) -> WritePlace:
    return WritePlace("photos", key, hashlib.sha256(data).hexdigest(), len(data))


def _breaks_off(error: BaseException) -> Iterator[bytes]:
    yield b"x" * 100_000
    raise error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreUnavailable(), StoreUnavailable),
        (OSError(errno.ENOSPC, "full"), Overloaded),
        (ValueError("closed file"), ValueError),
    ],
    ids=["the store breaks off", "the disk is full", "its file is closed"],
)
def test_write_that_breaks_off_costs_the_journal_no_other_and_no_room(
    tmp_path: Path, error: BaseException, told: type[BaseException]
) -> None:
    journal = _journal(tmp_path)
    journal.append([(_place("a", b"first"), [b"first"])])
    with pytest.raises(told):
        journal.append([(_place("b", b"x" * 300_000), _breaks_off(error))])
    journal.append([(_place("c", b"later"), [b"later"])])
    assert [write.place.key for write in journal.writes()] == ["a", "c"]
    assert sum(path.stat().st_size for path in (tmp_path / "journal").glob("*.log")) < 1000
    journal.close()


def test_write_of_another_size_than_it_says_costs_the_journal_no_other(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    with pytest.raises(ValueError, match="missing"):
        journal.append([(_place("a", b"long as said"), [b"short"])])
    journal.append_stream("", "b", [b"as long", b" as it is"])
    (write,) = journal.writes()
    assert (write.place.key, write.place.size_bytes) == ("b", len(b"as long as it is"))
    journal.close()


def test_what_a_power_cut_leaves_is_told_from_what_a_person_wrote(tmp_path: Path) -> None:
    data = bytes(range(1, 256)) * 20
    with (tmp_path / "segment").open("wb") as file:
        write_record(file, _place("a", data), [data])
    journal = WriteJournal(tmp_path, keep_seconds=1, max_bytes=1, boot="")
    (tmp_path / "segment").rename(tmp_path / "00000001.log")
    journal = WriteJournal(tmp_path, keep_seconds=1, max_bytes=1, boot="")
    (write,) = journal.writes()
    for left in (data, b"", data[:100], data[:100] + bytes(len(data) - 100), bytes(512) + data[512:], data + bytes(40)):
        assert write.explains([left[:70], left[70:]])
    for written in (b"\1\3", data[:100] + b"\xff" + data[101:], data + b"\1", data[1:]):
        assert not write.explains([written])


def _after_a_power_cut(house: SearchHouse, harm: Callable[[Path], object]) -> None:
    house.stop()
    harm(house.store.folder)
    (house.folder / "data" / "journal" / "boot").write_text("another run of the machine")
    house.start()


def test_photo_that_a_person_edited_in_its_place_is_not_written_over(house: SearchHouse) -> None:
    house.upload("夏天/海.png", _RED)
    house.settled()
    place = Path(house.bucket("photos").bucket) / "夏天" / "海.png"
    _after_a_power_cut(house, lambda store: (store / place).write_bytes(_GREEN))
    bucket = house.bucket("photos")
    eventually(lambda: len(_GREEN) in {found.size_bytes for found in bucket.walk()})  # the store remembers for a moment
    assert house.sync().state.value == "SUCCEEDED"
    assert (house.store.folder / place).read_bytes() == _GREEN
    assert house.keys("photos") == {"夏天/海.png", "夏天/海 (2).png"}  # what was acknowledged is there as well
    assert house.listed() == {photo_id_of(_RED), photo_id_of(_GREEN)}


def test_check_writes_nothing_over_what_a_person_edited(house: SearchHouse) -> None:
    house.upload("海.png", _RED)
    house.settled()
    place = house.store.folder / house.bucket("photos").bucket / "海.png"
    put_back, sha256 = house.service._writes.put_back, hashlib.sha256(_RED).hexdigest()
    edited, torn = _RED[:-8] + b"\1" * 8, _RED[:-40] + bytes(40)
    place.write_bytes(edited)
    assert not put_back("photos", "海.png", sha256)
    assert place.read_bytes() == edited
    place.write_bytes(torn)
    assert put_back("photos", "海.png", sha256)
    assert place.read_bytes() == _RED


def test_ingest_goes_on_after_the_bucket_of_deleted_photos_was_removed(house: SearchHouse) -> None:
    house.upload("红.png", _RED)
    house.settled()
    bucket = house.bucket("recycle").bucket
    _after_a_power_cut(house, lambda store: shutil.rmtree(store / bucket))
    house.upload("绿.png", _GREEN)
    house.settled()
    eventually(lambda: house.client.delete([photo_id_of(_RED)]) and house.keys("recycle"))


def test_one_file_that_the_store_cannot_read_holds_up_nothing_else(
    start_house: Callable[..., SearchHouse], object_server: ObjectServer
) -> None:
    with faulty_store(object_server) as store:
        house = start_house(object_server=store)
        house.upload("red.png", _RED)
        house.settled()
        store.break_down(Fault.ERROR_500, lambda method, path: method == "GET" and path.split("?")[0].endswith("/red.png"))
        _after_a_power_cut(house, lambda _: None)
        house.upload("绿.png", _GREEN)
        house.settled()
        assert store.faults > 1
        assert house.keys("photos") == {"red.png", "red (2).png", "绿.png"}  # its bytes were kept
        store.mend()
        house.close()
