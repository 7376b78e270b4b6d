"""Decoders in reserve: started as they are needed, replaced as they die."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self

from soutu_services.runtime.errors import Overloaded, SoutuError, Unavailable
from soutu_services.search.decoding.process import READER, Confinement, DecoderDied, DecoderProcess, DidNotStart
from soutu_services.search.decoding.ranges import RangeSource
from soutu_services.search.imaging import PictureLimits, Reading, Unreadable
from soutu_services.search.metrics import DECODER_DEATHS
from soutu_services.search.model import UnreadableReason

__all__ = ["NO_DECODER", "DecoderPool"]

_logger = logging.getLogger(__name__)

NO_DECODER = frozenset({"DECODERS_UNAVAILABLE", "STOPPING"})
"""Reasons of failures that are neither the file's fault nor its source's."""

_URGENT_WAIT_SECONDS = 30.0
_IDLE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_PICTURES_OF_A_PROCESS = 2000
"""Then it is replaced: libraries leak."""


class DecoderPool:
    """Reads pictures in processes of its own; see ``read_picture``. Thread safe. Close it at the end.

    A picture that its decoder dies over is read once more by a fresh one; where the machine may have run out of memory, while no
    other picture is read for the ingest. Then it counts as unreadable. People's pictures to search with go first, and are never
    read twice; one decoder is kept from them, so that they cannot hold up the ingest.

    Args:
        confinement: What a decoder may use for one picture.
        processes: Most decoders at once. One is always kept; the others end when there is nothing to do.
        reader: What reads a picture, as "module:function".
    """

    def __init__(self, confinement: Confinement, *, processes: int, reader: str = READER) -> None:
        self._confinement = confinement
        self._processes = processes
        self._reader = reader
        self._changed = threading.Condition()
        self._idle: list[DecoderProcess] = []
        self._busy: set[DecoderProcess] = set()
        self._urgent_busy = self._urgent_waiting = self._waiting = 0
        self._is_one_alone = False
        self._problem: SoutuError | None = None
        self._is_closed = False
        # The kernel ends a decoder with the thread that started it: this one starts them all, and lives as long as they do.
        self._keeper = threading.Thread(target=self._keep, name="decoder-keeper", daemon=True)
        self._keeper.start()

    def read(
        self,
        data: bytes,
        *,
        name: str = "",
        modified_at: datetime | None = None,
        urgent: bool = False,
        longer_side: int | None = None,
    ) -> Reading:
        """Read a picture.

        Args:
            data: The whole file.
            name: Key of the object, for the taken time and to know a camera's raw file.
            modified_at: When the object was last modified, with its time zone.
            urgent: Whether a person waits for it.
            longer_side: Of the thumbnail, in pixels, at most; None: that of the thumbnails that are kept.

        Raises:
            Unreadable: the file cannot be read as a picture.
            DecoderFault: something that nobody foresaw failed around the decoder; it may pass.
            Overloaded: all decoders have been busy for long with other people's pictures.
            Unavailable: no decoder can be started now, or the pool is closed (``NO_DECODER``).
        """
        _check_size(len(data), self.limits.max_bytes)
        return self._tried(
            lambda decoder: decoder.read(data, name=name, modified_at=modified_at, longer_side=longer_side), urgent=urgent
        )

    def read_film(
        self,
        source: RangeSource,
        *,
        name: str = "",
        modified_at: datetime | None = None,
        urgent: bool = False,
        longer_side: int | None = None,
        at_ms: int | None = None,
    ) -> Reading:
        """Read a video, as ``read`` does a picture, but only the parts that are needed.

        Args:
            source: The file.
            name: Key of the object, for the taken time.
            modified_at: When the object was last modified, with its time zone.
            urgent: Whether a person waits for it.
            longer_side: Of the thumbnail, in pixels, at most; None: that of the thumbnails that are kept.
            at_ms: Look at this time alone; None: all over it.

        Raises:
            SoutuError: the source cannot be read now, or as ``read`` says.
            Unreadable: the file cannot be read as a video.
            DecoderFault: something that nobody foresaw failed around the decoder; it may pass.
        """
        _check_size(source.size_bytes, self.limits.max_film_bytes)
        return self._tried(
            lambda decoder: decoder.read_film(source, name=name, modified_at=modified_at, longer_side=longer_side, at_ms=at_ms),
            urgent=urgent,
        )

    def _tried(self, read: Callable[[DecoderProcess], Reading], *, urgent: bool) -> Reading:
        try:
            with self._decoder(urgent=urgent) as decoder:
                return read(decoder)
        except DecoderDied as died:
            _logger.warning("a decoder died over a picture: %s", died.death.value)
            if urgent:
                raise Unreadable(UnreadableReason.DECODER_FAILED, died.death.value) from died
            alone = died.death.may_be_the_machines
        try:
            with self._decoder(fresh=True, alone=alone) as decoder:
                return read(decoder)
        except DecoderDied as died:
            _logger.warning("a decoder died over the same picture again: %s", died.death.value)
            raise Unreadable(UnreadableReason.DECODER_FAILED, died.death.value) from died

    def close(self) -> None:
        """End every decoder at once; who waits for one is refused, and no picture is judged by it."""
        with self._changed:
            self._is_closed = True
            for decoder in (*self._idle, *self._busy):
                decoder.end()
            self._changed.notify_all()
        self._keeper.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def limits(self) -> PictureLimits:
        """Limits of pictures."""
        return self._confinement.limits

    @property
    def pids(self) -> list[int]:
        """Process ids of the decoders."""
        with self._changed:
            return [decoder.pid for decoder in (*self._idle, *self._busy)]

    @contextmanager
    def _decoder(self, *, urgent: bool = False, fresh: bool = False, alone: bool = False) -> Iterator[DecoderProcess]:
        """Lend a decoder."""
        decoder = self._take(urgent=urgent, fresh=fresh, alone=alone)
        is_dead = False
        try:
            yield decoder
        except DecoderDied as died:
            is_dead = True
            with self._changed:
                if self._is_closed:
                    raise _closed() from died
            DECODER_DEATHS.labels(died.death.value).inc()
            raise
        finally:
            with self._changed:
                self._busy.discard(decoder)
                self._urgent_busy -= urgent
                self._is_one_alone &= not alone
                if is_dead or self._is_closed or decoder.pictures >= _PICTURES_OF_A_PROCESS:
                    decoder.end()
                else:
                    self._idle.append(decoder)
                self._changed.notify_all()

    def _take(self, *, urgent: bool, fresh: bool, alone: bool) -> DecoderProcess:
        give_up_at = time.monotonic() + _URGENT_WAIT_SECONDS
        with self._changed:
            self._urgent_waiting += urgent
            self._waiting += 1
            self._changed.notify_all()
            try:
                while True:
                    if self._is_closed:
                        raise _closed()
                    if self._may_go(urgent=urgent, alone=alone) and (decoder := self._idle_one(fresh=fresh)) is not None:
                        self._busy.add(decoder)
                        self._urgent_busy += urgent
                        self._is_one_alone |= alone
                        return decoder
                    if self._problem is not None and not (self._idle or self._busy):  # else one of these is waited for
                        raise self._problem
                    if urgent and time.monotonic() >= give_up_at:
                        raise _busy()
                    self._changed.wait(max(0.0, give_up_at - time.monotonic()) if urgent else None)
            finally:
                self._waiting -= 1
                self._urgent_waiting -= urgent
                self._changed.notify_all()

    def _may_go(self, *, urgent: bool, alone: bool) -> bool:
        most_urgent = max(1, self._processes - 1)
        if urgent:
            return self._urgent_busy < most_urgent
        if self._is_one_alone or (self._urgent_waiting and self._urgent_busy < most_urgent):
            return False
        return not alone or len(self._busy) == self._urgent_busy

    def _idle_one(self, *, fresh: bool) -> DecoderProcess | None:
        while self._idle:
            decoder = self._idle.pop()
            if not fresh or not decoder.pictures:
                return decoder
            decoder.end()
            self._changed.notify_all()
        return None

    def _keep(self) -> None:
        """Start decoders as they are wanted and end those that are idle for long; on a thread of its own."""
        while True:
            with self._changed:
                while not self._is_closed and not self._is_one_wanted():
                    self._end_idle()
                    self._changed.wait(_IDLE_SECONDS / 4)
                if self._is_closed:
                    return
            try:
                decoder = DecoderProcess(self._confinement, reader=self._reader)
            except DidNotStart as error:
                self._failed(error)
                continue
            with self._changed:
                self._problem = None
                if self._is_closed:
                    decoder.end()
                    return
                self._idle.append(decoder)
                self._changed.notify_all()

    def _is_one_wanted(self) -> bool:
        running = len(self._idle) + len(self._busy)
        return running == 0 or (running < self._processes and self._waiting > len(self._idle))

    def _end_idle(self) -> None:
        now = time.monotonic()
        for decoder in list(self._idle):
            if len(self._idle) + len(self._busy) > 1 and now - decoder.idle_since > _IDLE_SECONDS:
                self._idle.remove(decoder)
                decoder.end()

    def _failed(self, error: DidNotStart) -> None:
        with self._changed:
            if self._problem is None:
                _logger.error("a picture decoder cannot be started: %s", error)
            self._problem = Unavailable(
                "DECODERS_UNAVAILABLE",
                zh="图片解码程序启动不了，请检查搜索服务所在机器的内存，详情见服务日志",
                en="picture decoders cannot be started; check the memory of the search service's machine, and see its log",
            )
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closed, _PAUSE_SECONDS)


def _check_size(size_bytes: int, limit: int) -> None:
    if size_bytes > limit:
        raise Unreadable(UnreadableReason.TOO_LARGE, f"{size_bytes} bytes")


def _closed() -> Unavailable:
    return Unavailable("STOPPING", zh="搜索服务正在停止，请稍后再试", en="the search service is stopping; try again later")


def _busy() -> Overloaded:
    return Overloaded(
        "DECODERS_BUSY",
        zh="解码程序都在忙，请稍后再试，或换一张小一些的图片",
        en="all picture decoders are busy; try again later, or with a smaller picture",
    )
