"""The record of use: off until it is turned on, never of guests, bounded, and safe from crashes and other programs."""

import json
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from patience import PATIENCE
from soutu_client import Access, Deed, Feedback, FolderAccess, ImageTerm, PhotoTerm, Scope, TextTerm, Use
from soutu_client._locked_file import locked_file
from soutu_client._user_folders import write_private

OWNER = Access("爸爸", Scope.ADMIN, ())
PHOTO = "0123456789abcdef" * 2
USE = Use(Deed.OPEN, (TextTerm("雪地里的狗"), TextTerm("人", -0.5)), PHOTO, 3, "ab12")


@pytest.fixture
def feedback(tmp_path: Path) -> Feedback:
    made = Feedback(tmp_path / "feedback")
    made.turn(is_on=True)
    return made


def test_nothing_is_kept_until_it_is_turned_on(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    assert not feedback.is_on
    assert not feedback.record(USE, access=OWNER)
    assert not (tmp_path / "feedback").exists()
    assert (feedback.read().uses, feedback.clear()) == ((), 0)
    feedback.turn(is_on=True)
    assert feedback.record(USE, access=OWNER)
    feedback.turn(is_on=False)
    assert not feedback.record(USE, access=OWNER)
    assert len(feedback.read().uses) == 1, "what was kept stays"


@pytest.mark.parametrize(
    "guest",
    [Access("客人", Scope.READ, ()), Access("客人", Scope.WRITE, (FolderAccess("旅行"),)), Access("?", Scope.UNKNOWN, ())],
)
def test_guests_are_never_recorded(feedback: Feedback, guest: Access) -> None:
    assert not feedback.record(USE, access=guest)
    assert not feedback.path.exists()


def test_a_line_is_what_a_person_can_read_and_reads_back(feedback: Feedback) -> None:
    asked = (*USE.terms, PhotoTerm(PHOTO), ImageTerm(b"\x89PNG secret"))
    when = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
    assert feedback.record(Use(Deed.NOT_THIS, asked, PHOTO, 2, at=when), access=OWNER)
    assert json.loads(feedback.path.read_text()) == {
        "at": "2026-11-29T08:30:00+00:00",
        "did": "not_this",
        "who": "",
        "terms": [{"text": "雪地里的狗"}, {"text": "人", "weight": -0.5}, {"photo_id": PHOTO}, {"picture": True}],
        "photo_id": PHOTO,
        "rank": 2,
    }
    assert "雪地里的狗" in feedback.path.read_text("utf-8")
    assert feedback.read().uses == (Use(Deed.NOT_THIS, (*asked[:3], ImageTerm(b"")), PHOTO, 2, at=when),)


def test_the_record_is_its_owners_alone(feedback: Feedback) -> None:
    feedback.record(USE, access=OWNER)
    assert stat.S_IMODE(feedback.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(feedback.path.parent.stat().st_mode) == 0o700


def test_a_crash_within_a_line_loses_that_line_alone(feedback: Feedback) -> None:
    feedback.record(USE, access=OWNER)
    with feedback.path.open("ab") as file:
        file.write(b'{"at": "2026-11-29T08:30:00+00:00", "did": "op')
    feedback.record(USE, access=OWNER)
    record = feedback.read()
    assert (len(record.uses), record.broken_lines) == (2, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe", b"[]", b"{}", b"null", b'"open"',
        b'{"at": "x", "did": "open", "who": "", "terms": [], "photo_id": "a", "rank": 1}',
        b'{"at": "2026-11-29T08:30:00", "did": "open", "who": "", "terms": [], "photo_id": "a", "rank": 1}',
        b'{"at": "2026-11-29T08:30:00+00:00", "did": "eat", "who": "", "terms": [], "photo_id": "a", "rank": 1}',
        b'{"at": "2026-11-29T08:30:00+00:00", "did": "open", "who": "", "terms": [3], "photo_id": "a", "rank": 1}',
        b'{"at": "2026-11-29T08:30:00+00:00", "did": "open", "who": "", "terms": 3, "photo_id": "a", "rank": 1}',
        b'{"at": "2026-11-29T08:30:00+00:00", "did": "open", "who": "", "terms": [], "photo_id": "a", "rank": true}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_deed_is_left_out_and_counted(feedback: Feedback, line: bytes) -> None:
    feedback.record(USE, access=OWNER)
    with feedback.path.open("ab") as file:
        file.write(line + b"\n")
    record = feedback.read()
    assert (len(record.uses), record.broken_lines) == (1, 1)
    assert feedback.status().broken_lines == 1


def test_the_oldest_go_when_it_is_full(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path, most_bytes=2000)
    feedback.turn(is_on=True)
    for rank in range(1, 101):
        feedback.record(Use(Deed.OPEN, USE.terms, PHOTO, rank), access=OWNER)
        assert feedback.path.stat().st_size <= 2000
    ranks = [use.rank for use in feedback.read().uses]
    assert ranks == list(range(ranks[0], 101))
    assert len(ranks) > 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["settings.json", "use.jsonl"]


def test_clearing_leaves_nothing_of_it(feedback: Feedback) -> None:
    for _ in range(3):
        feedback.record(USE, access=OWNER)
    left = feedback.path.with_name(".use.jsonl-abc")
    left.write_text("雪地里的狗")
    assert feedback.clear() == 3
    assert feedback.is_on
    assert not left.exists()
    assert not any("狗" in path.read_text("utf-8") for path in feedback.path.parent.iterdir())


def test_a_full_disk_is_told(feedback: Feedback, monkeypatch: pytest.MonkeyPatch) -> None:
    feedback.record(USE, access=OWNER)
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:10]))
    with pytest.raises(OSError, match="space"):
        feedback.record(USE, access=OWNER)
    monkeypatch.undo()
    feedback.record(USE, access=OWNER)
    assert (len(feedback.read().uses), feedback.read().broken_lines) == (2, 1)


def test_who_waits_for_the_lock_writes_into_the_file_that_is_there_then(feedback: Feedback) -> None:
    feedback.record(USE, access=OWNER)
    with locked_file(feedback.path):
        writer = threading.Thread(target=feedback.record, args=(USE,), kwargs={"access": OWNER})
        writer.start()
        writer.join(0.2)
        assert writer.is_alive(), "it waits"
        assert len(feedback.read().uses) == 1
        write_private(feedback.path, "")  # as another program does that forgets the oldest
    writer.join(PATIENCE)
    assert len(feedback.read().uses) == 1, "not lost with the file that was there before"
