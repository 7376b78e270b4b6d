"""``soutu watch``: a real process that follows a real folder."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import pytest
from PIL import Image

from patience import PATIENCE, eventually
from soutu_client import _adding
from soutu_client._walk import FoundFile
from soutu_client.cli.arrivals import Arrivals
from soutu_client.cli.followed_folder import FollowedFolder, is_on_network
from soutu_client.cli.main import run
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, InvalidInput, NotAllowed

MakePhotos = Callable[..., Path]
SETTLE_SECONDS = 0.4


class Follower:
    """``soutu watch --json``, and the lines that it has written."""

    def __init__(self, address: str, *arguments: str | Path) -> None:
        program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also in the background
        program += "; from soutu_client.cli.main import main; main()"
        settle = f"--settle={SETTLE_SECONDS}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "watch", *map(str, arguments), settle, "--address", address, "--language", "en"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")},
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def events(self, event: str) -> list[dict[str, Any]]:
        return [told for told in map(json.loads, list(self.lines)) if told["event"] == event]

    def names(self, event: str) -> list[str]:
        return sorted(told["name"] for told in self.events(event))

    def end(self, number: signal.Signals = signal.SIGTERM) -> dict[str, Any]:
        """Stop it and return the last line."""
        self.process.send_signal(number)
        assert self.process.wait(PATIENCE) == 0, self.process.stderr and self.process.stderr.read()
        self._reader.join(PATIENCE)
        last: dict[str, Any] = json.loads(self.lines[-1])
        return last


@pytest.fixture
def follow(service: Any) -> Iterator[Callable[..., Follower]]:
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Follower(service.address, *arguments, "--json"))


def names(service: Any) -> list[str]:
    return sorted(name.name for photo in service.library.photos.values() for name in photo.names)


@pytest.mark.parametrize("how", [[], ["--poll", "0.2"]])
def test_adds_what_is_there_then_what_arrives(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos, how: list[str]
) -> None:
    folder = make_photos("旅行", ["湖.jpg", "青海/山.jpg", ".hidden.jpg", "@eaDir/thumb.jpg"])
    follower = follow(folder, *how)
    eventually(lambda: follower.names("added") == ["旅行/湖.jpg", "旅行/青海/山.jpg"])
    new = make_photos("new", ["狗.jpg", "子/猫.jpg"])
    shutil.copy(new / "狗.jpg", folder / "狗.jpg")
    (new / "子").rename(folder / "子")  # a whole folder, moved in at once
    (folder / ".part.jpg").write_bytes(b"hidden")
    eventually(lambda: len(follower.events("added")) == 4)
    assert follower.names("added") == ["旅行/子/猫.jpg", "旅行/湖.jpg", "旅行/狗.jpg", "旅行/青海/山.jpg"]
    assert all(told["photo_id"] in service.library.photos for told in follower.events("added"))
    ended = follower.end()
    assert (ended["event"], ended["added"], ended["known"], ended["failed"]) == ("stopped", 4, 0, 0)
    assert len(names(service)) == 4


def test_what_phones_bring_is_added_under_its_own_name_once_it_is_whole(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos
) -> None:
    phones = make_photos("手机", ["小明的 iPhone/100APPLE/IMG_0001.jpg", "小明的 iPhone/101APPLE/IMG_0001.jpg"])
    follower = follow(phones)
    eventually(lambda: len(follower.events("added")) == 2)
    brought = make_photos("new", ["camera.jpg", "wechat.jpg", "screenshot.png", "photosync.jpg"])
    android, iphone = phones / "妈妈的手机", phones / "Steve's iPhone" / "Recents"
    arriving = {
        android / "DCIM/Camera/IMG_20240101_120000.jpg": (brought / "camera.jpg", "{}.tacitpart"),  # FolderSync
        android / "Pictures/WeiXin/mmexport1600000000000.jpg": (brought / "wechat.jpg", "{}.part"),  # Nextcloud
        android / "Pictures/Screenshots/Screenshot_20240101-120000.png": (
            brought / "screenshot.png",
            "{}.5f2c81d0.partial",
        ),  # rclone
        iphone / "IMG_0001.jpg": (brought / "photosync.jpg", ".{}"),
    }
    unfinished = {path: path.with_name(form.format(path.name)) for path, (_, form) in arriving.items()}
    for path, (source, _) in arriving.items():
        path.parent.mkdir(parents=True)
        unfinished[path].write_bytes(source.read_bytes()[:200])
    time.sleep(5 * SETTLE_SECONDS)  # longer than a whole file would have to rest
    assert len(follower.lines) == 3
    for path, (source, _) in arriving.items():
        unfinished[path].write_bytes(source.read_bytes())
        unfinished[path].rename(path)
    eventually(lambda: len(follower.events("added")) == 6)
    assert names(service) == sorted(
        ["手机/小明的 iPhone/100APPLE/IMG_0001.jpg", "手机/小明的 iPhone/101APPLE/IMG_0001.jpg"]
        + [f"手机/{path.relative_to(phones).as_posix()}" for path in arriving]
    )
    whole = {path.read_bytes() for path in arriving}
    assert whole <= set(service.library.contents.values())


def test_a_rename_keeps_both_names_and_a_removal_deletes_nothing(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos
) -> None:
    folder = make_photos("a", ["IMG_1.jpg", "IMG_2.jpg"])
    follower = follow(folder)
    eventually(lambda: len(follower.events("added")) == 2)
    (folder / "IMG_1.jpg").rename(folder / "奶奶.jpg")
    (folder / "IMG_2.jpg").unlink()
    eventually(lambda: follower.names("known") == ["a/奶奶.jpg"])
    follower.end(signal.SIGINT)
    assert names(service) == ["a/IMG_1.jpg", "a/IMG_2.jpg", "a/奶奶.jpg"]


def test_a_file_is_added_when_nobody_writes_to_it_any_more(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos
) -> None:
    folder = make_photos("a", ["there.jpg"])
    whole = (make_photos("b", ["big.jpg"]) / "big.jpg").read_bytes() * 3
    follower = follow(folder)
    eventually(lambda: len(follower.events("added")) == 1)
    (folder / "empty.jpg").touch()
    with (folder / "slow.jpg").open("wb") as file:
        for part in (whole[:1000], whole[1000:]):
            file.write(part)
            file.flush()
            time.sleep(3 * SETTLE_SECONDS)  # a writer that rests, as a slow network does
        assert len(follower.events("added")) == 1
    eventually(lambda: len(follower.events("added")) == 2)
    assert service.library.contents[follower.events("added")[1]["photo_id"]] == whole
    (folder / "empty.jpg").write_bytes(whole + b"x")
    eventually(lambda: follower.names("added") == ["a/empty.jpg", "a/slow.jpg", "a/there.jpg"])
    (folder / "slow.jpg").write_bytes(whole + b"other")  # another content under the same name
    eventually(lambda: len(follower.events("added")) == 4)


def test_a_service_that_is_away_is_said_once_and_waited_for(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos
) -> None:
    service.stop()  # away before it begins, as after a power cut
    folder = make_photos("a", ["1.jpg", "2.jpg", "3.jpg"])
    follower = follow(folder)
    eventually(lambda: follower.events("waiting"))
    time.sleep(2)
    service.start()
    eventually(lambda: len(follower.events("added")) == 3)
    assert (len(follower.events("waiting")), len(follower.events("resumed"))) == (1, 1)
    assert "cannot reach the search service" in follower.events("waiting")[0]["message"]
    follower.end()


def test_a_folder_that_goes_away_and_comes_back_loses_nothing(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos, tmp_path: Path
) -> None:
    folder = make_photos("disk", ["1.jpg", "2.jpg"])
    follower = follow(folder)
    eventually(lambda: len(follower.events("added")) == 2)
    folder.rename(tmp_path / "elsewhere")
    folder.mkdir()  # what is left where a disk was mounted
    eventually(lambda: follower.events("gone"))
    folder.rmdir()
    time.sleep(3)
    assert len(follower.events("gone")) == 1
    (tmp_path / "elsewhere").rename(folder)
    eventually(lambda: follower.events("back"))
    Image.new("RGB", (50, 50), (1, 2, 3)).save(folder / "3.jpg")
    eventually(lambda: follower.names("added") == ["disk/1.jpg", "disk/2.jpg", "disk/3.jpg"])
    assert follower.end()["known"] == 0, "what was there before was not read again"
    assert len(service.library.photos) == 3


def test_a_thousand_files_at_once(service: Any, follow: Callable[..., Follower], make_photos: MakePhotos, tmp_path: Path) -> None:
    folder = make_photos("a", ["0.jpg"])
    make_photos("many", [f"{number:04}.jpg" for number in range(1000)])
    follower = follow(folder)
    eventually(lambda: len(follower.events("added")) == 1)
    (tmp_path / "many").rename(folder / "many")
    eventually(lambda: len(follower.events("added")) == 1001)
    assert follower.end()["added"] == 1001
    assert len(service.library.photos) == 1001


def test_what_cannot_be_added_is_said_and_stops_no_other(
    service: Any, follow: Callable[..., Follower], make_photos: MakePhotos
) -> None:
    folder = make_photos("a", ["1.jpg"])
    service.library.refused_name = "refused"
    shutil.copy(folder / "1.jpg", folder / "refused.jpg")
    (folder / "文字.jpg").write_text("no picture")
    follower = follow(folder)
    eventually(lambda: follower.events("not_readable"))
    assert follower.names("not_readable") == ["a/文字.jpg"]
    assert [Path(told["path"]).name for told in follower.events("failed")] == ["refused.jpg"]
    assert follower.names("added") == ["a/1.jpg", "a/文字.jpg"]
    ended = follower.end()
    assert (ended["added"], ended["failed"], ended["unreadable"]) == (2, 1, 1)


def test_it_speaks_in_single_lines_and_ends_with_the_sum(service: Any, make_photos: MakePhotos) -> None:
    folder = make_photos("a\nb", ["狗\x1b[31m.jpg"])
    with Follower(service.address, folder) as follower:
        eventually(lambda: any(line.startswith("added ") for line in follower.lines))
        follower.process.send_signal(signal.SIGINT)
        assert follower.process.wait(PATIENCE) == 0
        follower._reader.join(PATIENCE)
    assert len(follower.lines) == 3
    assert "\x1b" not in "".join(follower.lines)
    assert follower.lines[-1] == "Ended: 1 added, 0 there already, 0 failed, 0 unreadable\n"


def test_it_ends_with_an_error_where_it_may_not_add(service: Any, make_photos: MakePhotos) -> None:
    service.library.failures = [NotAllowed("READ_ONLY", zh="这个令牌只能看", en="this token only looks")] * 3
    folder = make_photos("a", ["1.jpg"])
    with Follower(service.address, folder) as follower:
        assert follower.process.wait(PATIENCE) == 1
        assert follower.process.stderr is not None
        assert follower.process.stderr.read() == "Error: this token only looks\n"


def test_only_a_folder_that_is_there_can_be_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file.jpg").touch()
    assert run(["--language", "en", "watch", str(tmp_path / "nothing")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert run(["--language", "en", "watch", str(tmp_path / "file.jpg")]) == 2
    assert "this is no folder" in capsys.readouterr().err


def test_what_failed_is_offered_again_when_its_permissions_change(make_photos: MakePhotos) -> None:
    folder = make_photos("a", ["1.jpg", "2.jpg"])
    arrivals = Arrivals(folder, settle_seconds=0.01)
    arrivals.look()
    time.sleep(0.05)
    files = sorted(arrivals.take_whole(10), key=lambda file: file.name)
    arrivals.note_failure(files[0])
    arrivals.look()
    assert not arrivals.is_waiting, "nothing changed"
    for name in ("1.jpg", "2.jpg"):
        (folder / name).chmod(0o600)
    arrivals.look()
    time.sleep(0.05)
    assert [file.name for file in arrivals.take_whole(10)] == ["a/1.jpg"]


@pytest.mark.parametrize("refused", [errno.EACCES, errno.EPERM, None])
def test_where_the_system_does_not_tell_who_writes_a_file_rests_for_longer(
    make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch, refused: int | None
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(refused or errno.EAGAIN, "no lease")

    clock = [1000.0]
    monkeypatch.setattr("soutu_client.cli.arrivals.time", SimpleNamespace(monotonic=lambda: clock[0], time=time.time))
    monkeypatch.setattr("fcntl.fcntl", refuse)
    folder = make_photos("a", ["1.jpg", "old.jpg"])
    os.utime(folder / "old.jpg", (1e9, 1e9))
    arrivals = Arrivals(folder, settle_seconds=2)
    arrivals.is_remote = refused is None  # another machine says of its files that somebody writes to them
    arrivals.look(is_first=True)
    assert [file.name for file in arrivals.take_whole(10)] == ["a/old.jpg"], "it was there long before"
    clock[0] += 10
    with (folder / "1.jpg").open("ab") as file:
        file.write(b"the rest")
    clock[0] += 3
    assert arrivals.take_whole(10) == []
    clock[0] += 14
    assert arrivals.take_whole(10) == []
    clock[0] += 1
    assert [file.name for file in arrivals.take_whole(10)] == ["a/1.jpg"]


class Told:
    """``soutu watch`` in this process, until ``is_over`` says so, and the events that it told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_over: Callable[[list[dict[str, Any]]], bool]) -> None:
        self.events: list[dict[str, Any]] = []
        take = Arrivals.take_whole

        def take_or_end(arrivals: Arrivals, most: int) -> list[FoundFile]:
            if is_over(self.events):
                raise KeyboardInterrupt
            return take(arrivals, most)

        monkeypatch.setattr(Arrivals, "take_whole", take_or_end)
        monkeypatch.setattr("soutu_client.cli.session.Session.print_json_line", lambda _, value: self.events.append(value))

    def run(self, address: str, folder: Path) -> list[str]:
        """Follow, and return the names of the events."""
        deadline = threading.Timer(PATIENCE, signal.raise_signal, (signal.SIGINT,))
        deadline.start()
        try:
            assert run(["watch", str(folder), "--settle", "0.2", "--json", "--address", address, "--language", "en"]) == 0
        finally:
            deadline.cancel()
        return [told["event"] for told in self.events]


@pytest.mark.parametrize("failure", [FailedPrecondition, DataLoss, RuntimeError, OSError])
def test_what_failed_for_a_reason_that_passes_is_tried_again_and_said_once(
    service: Any, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    monkeypatch.setattr("soutu_client.cli.arrivals._FIRST_PAUSE_SECONDS", 0.3)
    folder = make_photos("a", ["1.jpg"])
    if failure is OSError:
        read, errors = _adding.read_content, [OSError(errno.EIO, "input/output error"), OSError(errno.EIO, "input/output error")]

        def fail_twice(path: Path, **more: Any) -> Any:
            if errors:
                raise errors.pop()
            return read(path, **more)

        monkeypatch.setattr(_adding, "read_content", fail_twice)
    else:
        error = RuntimeError("a defect") if failure is RuntimeError else failure("NOT_NOW", zh="现在不行", en="not now")
        service.library.failures = [None, None, error, None, error]  # of status, and of each file's question and upload
    told = Told(monkeypatch, lambda events: bool(service.library.photos) and events[-1]["event"] == "added")
    assert told.run(service.address, folder) == ["watching", "failed", "added", "stopped"]
    assert (told.events[-1]["added"], told.events[-1]["failed"]) == (1, 0)


def test_what_is_wrong_with_the_file_itself_is_not_tried_again(
    service: Any, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_client.cli.arrivals._FIRST_PAUSE_SECONDS", 0.1)
    service.library.failures = [None, None, InvalidInput("TOO_LARGE", zh="太大", en="too large")]
    end = time.monotonic() + 2.0
    told = Told(monkeypatch, lambda _: time.monotonic() > end)
    assert told.run(service.address, make_photos("a", ["1.jpg"])) == ["watching", "failed", "stopped"]
    assert told.events[-1]["failed"] == 1


def test_the_pause_before_another_try_grows_to_a_limit(make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("soutu_client.cli.arrivals.time", SimpleNamespace(monotonic=lambda: clock[0], time=time.time))
    arrivals = Arrivals(make_photos("a", ["1.jpg"]), settle_seconds=1)
    arrivals.look()
    pauses = []
    for number in range(7):
        began = clock[0]
        while not (files := arrivals.take_whole(10)):
            clock[0] += 1
            arrivals.look()
        pauses.append(clock[0] - began)
        assert arrivals.note_failure(files[0], "the disk", may_pass=True) is (number == 0)
        assert not arrivals.is_waiting
    assert pauses == [1, 60, 120, 240, 480, 600, 600]
    assert arrivals.note_failure(files[0], "the service", may_pass=True), "another reason is news"


def test_news_of_photos_comes_while_others_arrive_and_whatever_else_is_waited_for(
    service: Any, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_client.cli.commands.watch_command._FIRST_ASK_SECONDS", 0.6)
    monkeypatch.setattr("soutu_client.cli.commands.watch_command._LAST_ASK_SECONDS", 0.6)
    monkeypatch.setattr("soutu_client.cli.commands.watch_command._MOST_ASKED", 2)
    folder = make_photos("a", [f"{number}.jpg" for number in range(4)])
    (folder / "no photo.jpg").write_text("no picture")  # the last of five: four wait for their turn to be ingested
    settle = service.library.settle
    monkeypatch.setattr(
        service.library, "settle", lambda photo: settle(photo) if photo.names[0].name == "a/no photo.jpg" else photo
    )
    stop = threading.Event()

    def arrive() -> None:
        number = 0
        while not stop.wait(0.2):
            number += 1
            (folder / f"new {number}.jpg").write_bytes(b"a picture" * number)
            os.utime(folder / f"new {number}.jpg", (1e9, 1e9))

    arriving = threading.Thread(target=arrive)
    arriving.start()

    def is_over(events: list[dict[str, Any]]) -> bool:
        return any(event["event"] == "not_readable" for event in events) or len(service.library.photos) > 60

    told = Told(monkeypatch, is_over)
    try:
        events = told.run(service.address, folder)
    finally:
        stop.set()
        arriving.join()
    assert "not_readable" in events


def test_a_disk_that_goes_away_just_when_its_files_are_read_loses_none_of_them(
    service: Any, make_photos: MakePhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = make_photos("disk", ["1.jpg", "2.jpg"])
    take = Arrivals.take_whole
    added: list[str] = []
    lines: list[str] = []

    def go_away(self: Arrivals, most: int) -> list[FoundFile]:
        files = take(self, most)
        if len(files) == 2 and not added:
            disk.rename(tmp_path / "away")
            added.append("tried")
        elif added and not disk.exists():
            (tmp_path / "away").rename(disk)
        if len(service.library.photos) == 2:
            raise KeyboardInterrupt
        return files

    monkeypatch.setattr(Arrivals, "take_whole", go_away)
    monkeypatch.setattr("soutu_client.cli.session.Session.print_json_line", lambda _, value: lines.append(value["event"]))
    deadline = threading.Timer(PATIENCE, signal.raise_signal, (signal.SIGINT,))
    deadline.start()
    assert run(["watch", str(disk), "--settle", "0.2", "--json", "--address", service.address]) == 0
    deadline.cancel()
    assert lines == ["watching", "gone", "back", "added", "added", "stopped"]


def test_where_the_system_cannot_tell_it_looks_by_itself(make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr("soutu_client.cli.folder_events.FolderEvents.__init__", refuse)
    said: list[tuple[str, int | None]] = []
    folder = make_photos("a", ["1.jpg"])
    followed = FollowedFolder(
        folder,
        settle_seconds=0.05,
        poll_seconds=None,
        wake=threading.Event(),
        say=lambda event, _, error: said.append((event, error and error.errno)),
    )
    monkeypatch.setattr("soutu_client.cli.followed_folder._POLL_SECONDS", 0.1)
    followed.look()
    assert said == [("polling", errno.ENOSPC)]
    Image.new("RGB", (50, 50)).save(folder / "2.jpg")

    def found() -> list[str]:
        followed.look()
        return [file.name for file in followed.arrivals.take_whole(10)]

    seen: list[str] = []
    eventually(lambda: seen.extend(found()) or len(seen) == 2)
    assert sorted(seen) == ["a/1.jpg", "a/2.jpg"]
    assert said == [("polling", errno.ENOSPC)]


def test_a_folder_of_another_machine_is_known_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = (
        "overlay / overlay rw 0 0\n"
        f"nas:/photos {str(tmp_path).replace(' ', chr(92) + '040')}/nas nfs4 rw 0 0\n"
        f"/dev/sda1 {tmp_path}/nas/disk ext4 rw 0 0\n"
        f"//win/p {tmp_path}/with\\040space cifs rw 0 0\n"
    )
    for name in ("nas/disk", "with space/a", "nasty"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)
    answers = {name: is_on_network(tmp_path / name) for name in ("nas", "nas/disk", "with space/a", "nasty", "")}
    assert answers == {"nas": True, "nas/disk": False, "with space/a": True, "nasty": False, "": False}
