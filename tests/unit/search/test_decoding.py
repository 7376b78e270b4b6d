"""Decoding in processes of its own: whatever a picture does to its decoder, it does to itself alone."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from film_files import film
from hostile_reader import HOSTILE, hostile
from patience import PATIENCE, eventually
from picture_files import encoded, scene
from soutu_services.runtime.errors import Unavailable
from soutu_services.search.decoding import frames, process
from soutu_services.search.decoding.answers import DecoderFault
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.decoding.process import Confinement, DecoderProcess, DidNotStart
from soutu_services.search.imaging import PictureLimits, Unreadable, read_film, read_picture
from soutu_services.search.metrics import DECODER_DEATHS
from soutu_services.search.model import UnreadableReason

LIMITS = PictureLimits()
GOOD = encoded("JPEG", scene(300, 200))
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")


@pytest.fixture
def start_pool() -> Iterator[Callable[..., DecoderPool]]:
    with ExitStack() as stack:

        def start(*, seconds: float = PATIENCE, processes: int = 2, reader: str = HOSTILE) -> DecoderPool:
            confinement = Confinement(LIMITS, seconds=seconds, memory_bytes=1 << 30)
            return stack.enter_context(DecoderPool(confinement, processes=processes, reader=reader))

        yield start


def deaths(how: str) -> float:
    return DECODER_DEATHS.labels(how)._value.get()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processor_ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def test_a_decoder_reads_as_the_library_does(start_pool: Callable[..., DecoderPool]) -> None:
    pool = start_pool(reader="soutu_services.search.imaging:read_picture")
    exif = scene(300, 200).getexif()
    exif[0x010F], exif[0x0110], exif[0x9003] = "Maker", "奶奶 ☃", "2019:05:01 12:30:00"
    modified_at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    for data in (GOOD, encoded("JPEG", scene(300, 200), exif=exif.tobytes()), encoded("GIF", scene(40, 30))):
        for name in ("", "旅行/IMG_20190501_123000.jpg", "\udcff.jpg"):
            expected = read_picture(data, LIMITS, name=name, modified_at=modified_at)
            assert pool.read(data, name=name, modified_at=modified_at) == expected


def test_a_refusal_keeps_its_reason(start_pool: Callable[..., DecoderPool]) -> None:
    pool = start_pool()
    for data, reason in (
        (b"text", UnreadableReason.NOT_AN_IMAGE),
        (GOOD[:400], UnreadableReason.BROKEN),
        (b"", UnreadableReason.EMPTY),
    ):
        with pytest.raises(Unreadable) as caught:
            pool.read(data)
        assert caught.value.reason is reason
    with pytest.raises(DecoderFault, match="a bug"):
        pool.read(hostile(GOOD, "bug"))
    assert len(pool.pids) == 1, "the decoder lives on"


@pytest.mark.parametrize(("order", "how"), [("crash", "crash"), ("spin", "time"), ("devour", "memory"), ("lie", "nonsense")])
def test_a_picture_that_breaks_its_decoder_is_tried_twice_and_costs_itself_alone(
    start_pool: Callable[..., DecoderPool], order: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.search.decoding.process._CLOCK_SECONDS_A_PROCESSOR_SECOND", PATIENCE)
    pool = start_pool(seconds=1 if order == "spin" else PATIENCE)
    before = deaths(how)
    with pytest.raises(Unreadable) as caught:
        pool.read(hostile(GOOD, order))
    assert (caught.value.reason, deaths(how) - before) == (UnreadableReason.DECODER_FAILED, 2)
    assert pool.read(GOOD) == read_picture(GOOD, LIMITS)


def test_a_decoder_that_does_nothing_is_ended_by_the_clock(start_pool: Callable[..., DecoderPool]) -> None:
    pool = start_pool(seconds=0.25)
    before = deaths("time")
    with pytest.raises(Unreadable):
        pool.read(hostile(GOOD, "sleep"), urgent=True)
    assert deaths("time") - before == 1, "a person's picture is tried once"


@pytest.mark.parametrize("order", ["kill", "crash"])
def test_a_death_that_is_not_the_pictures_brands_none(start_pool: Callable[..., DecoderPool], tmp_path: Path, order: str) -> None:
    pool = start_pool()
    marks = [tmp_path / str(number) for number in range(4)]
    for mark in marks:
        mark.touch()
    pictures = [hostile(GOOD, f"{order}:{mark}") for mark in marks]
    readings: list[object] = []
    threads = [threading.Thread(target=lambda data=data: readings.append(pool.read(data))) for data in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(readings) == len(pictures)
    assert not any(mark.exists() for mark in marks), "each has died once"


def test_pictures_to_search_with_do_not_hold_up_the_ingest(start_pool: Callable[..., DecoderPool]) -> None:
    pool = start_pool()

    def search() -> None:
        with pytest.raises(Unavailable):
            pool.read(hostile(GOOD, "spin"), urgent=True)

    spinning = [threading.Thread(target=search) for _ in range(3)]
    for thread in spinning:
        thread.start()
    eventually(lambda: pool._urgent_busy == 1 and pool._urgent_waiting == 2)
    assert pool.read(GOOD)
    pool.close()
    for thread in spinning:
        thread.join(PATIENCE)


@pytest.mark.parametrize("urgent", [False, True])
def test_closing_judges_no_picture(start_pool: Callable[..., DecoderPool], urgent: bool) -> None:
    pool = start_pool(processes=1)
    refused: list[Exception] = []

    def read() -> None:
        try:
            pool.read(hostile(GOOD, "spin"), urgent=urgent)
        except Exception as error:  # noqa: BLE001 - it is looked at below
            refused.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(pool._busy) == 1 and pool._waiting == 2)
    pids = pool.pids
    pool.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert [type(error) for error in refused] == [Unavailable] * 3
    assert not any(is_running(pid) for pid in pids)


def test_decoders_that_cannot_start_are_no_fault_of_a_picture(start_pool: Callable[..., DecoderPool]) -> None:
    pool = start_pool(reader="no_such_module:read")
    with pytest.raises(Unavailable) as caught:
        pool.read(GOOD)
    assert caught.value.reason == "DECODERS_UNAVAILABLE"


def test_a_decoder_knows_no_secret(start_pool: Callable[..., DecoderPool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUTU_SEARCH_STORE__SECRET_KEY", "secret")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    names = set(start_pool().read(hostile(GOOD, "environment")).camera.split(","))
    assert names <= {
        "TZ",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "PYTHONPATH",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "LC_CTYPE",
        "GRPC_VERBOSITY",  # which soutu sets itself, in the decoder too: its packages are imported there
        "GRPC_DNS_RESOLVER",
    }
    assert "TZ" in names, "times in names are of the home's clock"


@ON_LINUX
def test_a_decoder_is_confined(start_pool: Callable[..., DecoderPool]) -> None:
    pool = start_pool()
    pool.read(GOOD)
    (pid,) = pool.pids
    limits = {line[:25].strip(): line[25:].split()[0] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]}
    assert (limits["Max core file size"], limits["Max file size"]) == ("0", "0")
    assert 1 << 30 < int(limits["Max address space"]) < 3 << 30
    assert int(limits["Max cpu time"]) <= PATIENCE + 5
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)


@ON_LINUX
def test_decoders_die_with_the_service_however_it_dies() -> None:
    program = f"""
import threading
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.decoding.process import Confinement, DecoderProcess, DidNotStart
from soutu_services.search.imaging import PictureLimits
from hostile_reader import hostile
pool = DecoderPool(Confinement(PictureLimits(), 1000, 1 << 30), processes=2, reader={HOSTILE!r})
pool.read({GOOD!r})
threading.Thread(target=pool.read, args=(hostile({GOOD!r}, "spin"),), daemon=True).start()
while not pool._busy: pass
print(*pool.pids, flush=True)
threading.Event().wait()
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    service = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert service.stdout is not None
        pids = [int(pid) for pid in service.stdout.readline().split()]
        assert pids
        begun = {pid: processor_ticks(pid) for pid in pids}
        eventually(lambda: any(processor_ticks(pid) > ticks + 50 for pid, ticks in begun.items()))  # it spins
        service.send_signal(signal.SIGKILL)
        eventually(lambda: not any(is_running(pid) for pid in pids))
    finally:
        service.kill()
        service.communicate()


def test_decoders_that_cannot_be_started_beside_one_that_runs_are_done_without(
    start_pool: Callable[..., DecoderPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = start_pool()
    pool.read(GOOD)
    tries = itertools.count()

    def refuse(*_: object, **__: object) -> DecoderProcess:
        next(tries)
        raise DidNotStart("out of memory")

    monkeypatch.setattr("soutu_services.search.decoding.pool.DecoderProcess", refuse)
    with pool._decoder():  # the one that runs is busy
        waiting = [threading.Thread(target=lambda: read.append(pool.read(GOOD).width)) for _ in range(2)]
        read: list[int] = []
        for thread in waiting:
            thread.start()
        eventually(lambda: next(tries) > 0)
        eventually(lambda: pool._problem is not None)
    for thread in waiting:
        thread.join(PATIENCE)
    assert read == [300, 300]


class _SlowFilm:
    """A film on a disk that takes so many seconds for each part, on the clock that the service goes by."""

    def __init__(self, data: bytes, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self._data = data
        self._seconds = seconds
        self._late = 0.0
        self.reads = 0
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + self._late)
        monkeypatch.setattr(process, "time", clock)
        monkeypatch.setattr(frames, "time", clock)

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        self.reads += 1
        self._late += self._seconds
        return self._data[offset : offset + length]


def test_a_slow_disk_is_not_the_films_fault(start_pool: Callable[..., DecoderPool], monkeypatch: pytest.MonkeyPatch) -> None:
    data = film()
    pool = start_pool()
    slow = _SlowFilm(data, 5 * PATIENCE, monkeypatch)
    assert pool.read_film(slow) == read_film(BytesIO(data), LIMITS)
    assert slow.reads


def test_a_film_that_takes_for_ever_to_read_is_the_disks_fault(
    start_pool: Callable[..., DecoderPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = film(container="avi", codec="rawvideo", size=(640, 480))  # many parts
    pool = start_pool()
    slow = _SlowFilm(data, 400, monkeypatch)
    with pytest.raises(Unavailable) as caught:
        pool.read_film(slow)
    assert (caught.value.reason, slow.reads) == ("STORE_SLOW", 2)
    assert pool.read(GOOD) == read_picture(GOOD, LIMITS), "the decoder lives on"
