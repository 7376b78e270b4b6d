"""One decoder process, as the service sees it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum

from soutu_services.runtime.errors import SoutuError, Unavailable
from soutu_services.search.decoding import frames
from soutu_services.search.decoding.answers import MAX_IMAGE_BYTES, reading_from
from soutu_services.search.decoding.ranges import MAX_PART_BYTES, RangeSource
from soutu_services.search.imaging import PictureLimits, Reading

__all__ = ["READER", "Confinement", "Death", "DecoderDied", "DecoderProcess", "DidNotStart"]

READER = "soutu_services.search.imaging:read_picture"
"""What reads a picture in a decoder."""

_START_SECONDS = 120.0
_END_SECONDS = 5.0
_CLOCK_SECONDS_A_PROCESSOR_SECOND = 4.0
"""A decoder that waits for its turn on a busy machine is not stuck yet."""
_SOURCE_SECONDS = 600.0
"""Most that one video may cost in waiting for its parts: that a disk takes its time is not the video's fault."""
_SOCKET_BYTES = 1 << 20
_HANDED_ON = ("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The decoder's environment is this and no more: settings may hold secrets."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a decoder may use for one picture.

    Attributes:
        limits: Limits of pictures.
        seconds: Of processor time; on the clock it may take four times as long.
        memory_bytes: Beside what the program takes by itself.
    """

    limits: PictureLimits
    seconds: float
    memory_bytes: int


class Death(Enum):
    """How a decoder died."""

    CRASH = "crash"
    TIME = "time"
    MEMORY = "memory"
    KILLED = "killed"
    NONSENSE = "nonsense"

    @property
    def may_be_the_machines(self) -> bool:
        """Whether the machine may have been short of memory, rather than the picture at fault."""
        return self in (Death.MEMORY, Death.KILLED)


class DecoderDied(Exception):  # noqa: N818 - it is what happened
    """The decoder died, or had to be ended, over a picture."""

    def __init__(self, death: Death) -> None:
        super().__init__(death.value)
        self.death = death


class DidNotStart(Exception):  # noqa: N818 - it is what happened
    """A decoder could not be started."""


class DecoderProcess:
    """A running decoder. One thread at a time reads with it; ``end`` may be called by any.

    Attributes:
        pictures: How many it was given.
        idle_since: When it last had something to do, by ``time.monotonic``.
    """

    def __init__(self, confinement: Confinement, *, reader: str = READER) -> None:
        """Start it, and wait until it is ready.

        On Linux it dies with the thread that calls this.

        Raises:
            DidNotStart: it cannot be started.
        """
        self._confinement = confinement
        self._clock_seconds = _CLOCK_SECONDS_A_PROCESSOR_SECOND * confinement.seconds
        self.pictures = 0
        self.idle_since = time.monotonic()
        options = {
            "parent": os.getpid(),
            "reader": reader,
            "limits": asdict(confinement.limits),
            "seconds": confinement.seconds,
            "memory_bytes": confinement.memory_bytes,
        }
        try:
            self._connection, theirs = socket.socketpair()
        except OSError as error:
            raise DidNotStart(str(error)) from error
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        with theirs:
            try:
                self._process = _start(json.dumps(options), theirs)
            except OSError as error:
                self._connection.close()
                raise DidNotStart(str(error)) from error
        self._greet()

    def _greet(self) -> None:
        try:
            fields, _ = frames.receive(self._connection, max_body_bytes=0, until=time.monotonic() + _START_SECONDS)
        except (OSError, EOFError, frames.BadFrame) as error:
            self.end()
            raise DidNotStart(f"exit status {self._process.returncode}") from error
        if "ready" not in fields:
            self.end()
            raise DidNotStart(str(fields.get("fault", "it said something else"))[:200])

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._process.pid)

    def read(
        self, data: bytes, *, name: str = "", modified_at: datetime | None = None, longer_side: int | None = None
    ) -> Reading:
        """Read a picture; see ``read_picture``.

        Raises:
            Unreadable: the file is not a picture that can be read.
            DecoderDied: so the decoder has to be ended.
            DecoderFault: the decoder's own code failed.
        """
        return self._asked(_wanted(name, modified_at, longer_side=longer_side), data, None)

    def read_film(
        self,
        source: RangeSource,
        *,
        name: str = "",
        modified_at: datetime | None = None,
        longer_side: int | None = None,
        at_ms: int | None = None,
    ) -> Reading:
        """Read a video, whose parts are read as the decoder asks for them; see ``read_film``.

        Raises:
            SoutuError: the source cannot be read now.
            Unreadable: the file is not a video that can be read.
            DecoderDied: so the decoder has to be ended.
            DecoderFault: the decoder's own code failed.
        """
        fields = {**_wanted(name, modified_at, longer_side=longer_side, at_ms=at_ms), "film_bytes": source.size_bytes}
        return self._asked(fields, b"", source)

    def _asked(self, fields: dict[str, object], data: bytes, source: RangeSource | None) -> Reading:
        self.pictures += 1
        until = time.monotonic() + self._clock_seconds
        waited = 0.0
        failure: SoutuError | None = None
        try:
            self._connection.settimeout(self._clock_seconds)
            frames.send(self._connection, fields, data)
            while True:
                answer, images = frames.receive(self._connection, max_body_bytes=MAX_IMAGE_BYTES, until=until)
                if source is None or "part" not in answer:
                    break
                begun = time.monotonic()
                failure = self._hand_over(source, answer["part"], may_wait=waited < _SOURCE_SECONDS) or failure
                took = time.monotonic() - begun
                waited, until = waited + took, until + took
            if failure is not None:
                raise failure
            if "memory" in answer:
                raise DecoderDied(Death.MEMORY)
            return reading_from(answer, images)
        except TimeoutError as error:
            raise DecoderDied(Death.TIME) from error
        except (OSError, EOFError) as error:
            raise DecoderDied(self._cause()) from error
        except (frames.BadFrame, ValueError) as error:
            raise DecoderDied(Death.NONSENSE) from error
        finally:
            self.idle_since = time.monotonic()

    def _hand_over(self, source: RangeSource, offset: object, *, may_wait: bool) -> SoutuError | None:
        """Send a part of a file; what keeps it from being read is the caller's to tell once the decoder has given up."""
        if not isinstance(offset, int) or not 0 <= offset < source.size_bytes:
            raise frames.BadFrame
        try:
            if not may_wait:
                raise _slow()
            part = source.read(offset, MAX_PART_BYTES)
        except SoutuError as error:
            frames.send(self._connection, {"failed": True})
            return error
        frames.send(self._connection, {}, part)
        return None

    def end(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _cause(self) -> Death:
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return Death.NONSENSE
        return {-signal.SIGXCPU: Death.TIME, -signal.SIGKILL: Death.KILLED}.get(status, Death.CRASH)


def _slow() -> SoutuError:
    return Unavailable(
        "STORE_SLOW",
        zh="读取这段视频太慢，稍后会再试，请检查它所在的磁盘或网络",
        en="reading this video takes too long; it is tried again later; check the disk or the network that it lies behind",
    )


def _wanted(name: str, modified_at: datetime | None, **numbers: int | None) -> dict[str, object]:
    told = {key: number for key, number in numbers.items() if number is not None}
    return {"name": name, "modified_at": modified_at.isoformat() if modified_at else None, **told}


def _start(options: str, connection: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", "soutu_services.search.decoding.worker", options],
        stdin=connection.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # decoders grumble about damaged files
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    environment = {name: value for name in _HANDED_ON if (value := os.environ.get(name)) is not None}
    environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    environment["OPENBLAS_NUM_THREADS"] = environment["OMP_NUM_THREADS"] = "1"
    return environment
