"""Videos: the only module that knows PyAV, FFmpeg's libraries.

A few frames stand for a video. Only what they need is read of the file, wherever it lies in it. The container is opened by the
demuxer that its first bytes ask for and no other: several of FFmpeg's would open further files, or the network.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from soutu_services.search.imaging.exif import CameraFacts
from soutu_services.search.imaging.film_facts import film_facts
from soutu_services.search.imaging.film_frames import MOST_FRAMES, SeenFrame
from soutu_services.search.imaging.formats import Format
from soutu_services.search.imaging.limits import PictureLimits, Unreadable
from soutu_services.search.imaging.opening import check_pixels
from soutu_services.search.model import UnreadableReason

__all__ = ["SeenFilm", "see_film"]

_DEMUXERS = {
    Format.MP4: "mov",
    Format.QUICKTIME: "mov",
    Format.MATROSKA: "matroska",
    Format.WEBM: "matroska",
    Format.AVI: "avi",
    Format.TRANSPORT_STREAM: "mpegts",
    Format.PROGRAM_STREAM: "mpeg",
    Format.ASF: "asf",
    Format.FLASH: "flv",
}
_READ_BYTES = 1 << 18
_MOST_LOOKS = 3 * MOST_FRAMES
"""Places of a video that are looked at; the frames are chosen among what is there."""
_LOOK_SECONDS = 0.5
"""A short video is looked at as often as this."""
_MOST_PACKETS = 1000
"""Packets that are read in search of one key frame."""
_STEPPING_SECONDS = 12.0
"""Processor time for going through a video frame by frame, where it has few key frames."""
_BEFORE_ALL = -1.0
"""Seconds to seek to for what comes first: a transport stream has no index, and is left behind its first key frame otherwise."""
_SAME_TIME = 1e-3
_UNREADABLE_STRETCH = 200
"""Packets one after the other that cannot be decoded after which the rest counts as damaged."""


@dataclass(frozen=True, slots=True)
class SeenFilm:
    """What was seen of a video.

    Attributes:
        frames: Some frames, in the order of time; at least one.
        width: In pixels, upright, as it is shown.
        height: In pixels, upright, as it is shown.
        duration_ms: Length in milliseconds; 0 where the container does not say.
        codec: Of the pictures, as FFmpeg calls it: ``h264``, ``hevc``.
        facts: What the camera wrote into it.
    """

    frames: tuple[SeenFrame, ...]
    width: int
    height: int
    duration_ms: int
    codec: str
    facts: CameraFacts


def see_film(
    file: BinaryIO | RawIOBase, kind: Format, limits: PictureLimits, *, name: str, longer_side: int, at_ms: int | None = None
) -> SeenFilm:
    """Look at a video here and there.

    Args:
        file: The file, which is read wherever it is needed.
        kind: What it is.
        limits: Checked before a frame is decoded.
        name: Name of the file, for the taken time.
        longer_side: Of the frames, in pixels, at most.
        at_ms: Look at this time alone; None: all over it.

    Raises:
        Unreadable: there are no pictures in it, it is larger or longer than the limits, or nothing of it can be decoded.
        MemoryError: there is too little memory now.
        Exception: whatever the demuxer raises on a damaged file.
    """
    with av.open(file, mode="r", format=_DEMUXERS[kind], metadata_errors="replace", buffer_size=_READ_BYTES) as container:
        stream = _stream(container)
        check_pixels(stream.codec_context.width * stream.codec_context.height, limits.max_pixels)
        seconds = _seconds(container, stream)
        if seconds > limits.max_film_seconds:
            raise Unreadable(UnreadableReason.TOO_LONG, f"{seconds:.0f} s of {limits.max_film_seconds:.0f}")
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        look = _Look(container, stream, limits, longer_side)
        frames = look.at(at_ms / 1000) if at_ms is not None else look.around(seconds)
        if not frames:
            raise Unreadable(UnreadableReason.BROKEN, "no frame can be decoded")
        return SeenFilm(
            frames=tuple(frames),
            width=look.width,
            height=look.height,
            duration_ms=round(1000 * seconds),
            codec=stream.codec_context.name,
            facts=film_facts({**stream.metadata, **container.metadata}, name),
        )


def _stream(container: InputContainer) -> VideoStream:
    """Find the stream of pictures: no cover of a song."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise Unreadable(UnreadableReason.UNSUPPORTED, "no decoder")
            return stream
    raise Unreadable(UnreadableReason.NO_VIDEO)


def _seconds(container: InputContainer, stream: VideoStream) -> float:
    seconds = 0.0
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / av.time_base
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


class _Look:
    """Looks at a video's frames. ``width`` and ``height`` are known once one was seen."""

    def __init__(self, container: InputContainer, stream: VideoStream, limits: PictureLimits, longer_side: int) -> None:
        self._container = container
        self._stream = stream
        self._limits = limits
        self._longer_side = longer_side
        self._begin = (stream.start_time or 0) * float(stream.time_base or 0)
        self.width = self.height = 0

    def around(self, seconds: float) -> list[SeenFrame]:
        """Look all over a video: at its key frames, and frame by frame where it has few."""
        looks = max(1, min(_MOST_LOOKS, math.ceil(seconds / _LOOK_SECONDS)))
        times = [seconds * (at + 0.5) / looks for at in range(looks)]
        seen: dict[int, SeenFrame] = {}
        self._stream.codec_context.skip_frame = "NONKEY"
        for wanted in times if seconds else ():
            for frame in self._key_frame(wanted):
                seen.setdefault(frame.time_ms, frame)
        self._stream.codec_context.skip_frame = "DEFAULT"
        if len(seen) < min(looks, MOST_FRAMES):
            for frame in self._stepped(times, list(seen)):
                seen.setdefault(frame.time_ms, frame)
        return [seen[at] for at in sorted(seen)]

    def at(self, seconds: float) -> list[SeenFrame]:
        """Look at one time: the frame that is shown then, or the last one before it that can be decoded."""
        for start in (seconds, _BEFORE_ALL):
            self._seek(start)
            last: VideoFrame | None = None
            until = time.process_time() + _STEPPING_SECONDS
            for frame in self._decoded():
                if last is not None and (self._time(frame) > seconds + _SAME_TIME or time.process_time() > until):
                    break
                last = frame
            if last is not None:
                return [self._seen(last)]
        return []

    def _key_frame(self, seconds: float) -> Iterator[SeenFrame]:
        """Find the key frame before a time."""
        try:
            self._seek(seconds)
            for number, packet in enumerate(self._container.demux(self._stream)):
                for frame in packet.decode():
                    yield self._seen(frame)
                    return
                if number > _MOST_PACKETS:
                    return
        except (av.error.MemoryError, Unreadable):
            raise
        except av.error.FFmpegError:
            return  # what is around another time may be whole

    def _stepped(self, times: list[float], seen_ms: list[int]) -> Iterator[SeenFrame]:
        """Go through from the beginning, and stop by at the times at which nothing was seen yet."""
        step = (times[1] - times[0]) / 2 if len(times) > 1 else math.inf
        left = [at for at in times if all(abs(at - seen / 1000) > step for seen in seen_ms)] or times[:1]
        until = time.process_time() + _STEPPING_SECONDS
        try:
            self._seek(_BEFORE_ALL)
            for frame in self._decoded():
                if self._time(frame) >= left[0] or len(times) == 1:
                    yield self._seen(frame)
                    left = [at for at in left if at > self._time(frame)]
                if not left or time.process_time() > until:
                    return
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            return

    def _decoded(self) -> Iterator[VideoFrame]:
        """Decode from here on; packets that are damaged are passed over, up to a stretch of them."""
        damaged = 0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.error.MemoryError:
                raise
            except av.error.FFmpegError:
                damaged += 1
                if damaged > _UNREADABLE_STRETCH:
                    return
                continue
            damaged = 0
            yield from frames

    def _seek(self, seconds: float) -> None:
        base = float(self._stream.time_base or 1)
        try:
            self._container.seek(round((seconds + self._begin) / base), stream=self._stream)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:  # a container without an index may refuse; what comes first will do
            return

    def _time(self, frame: VideoFrame) -> float:
        return max(0.0, (frame.time or self._begin) - self._begin)

    def _seen(self, frame: VideoFrame) -> SeenFrame:
        check_pixels(frame.width * frame.height, self._limits.max_pixels)
        ratio = self._stream.sample_aspect_ratio
        stretched = frame.width * float(ratio) if ratio else float(frame.width)
        shown = (max(1, round(stretched)) if stretched < 1 << 20 else frame.width, frame.height)
        small = [max(1, round(side * min(1.0, self._longer_side / max(shown)))) for side in shown]
        picture = frame.reformat(width=small[0], height=small[1], format="rgb24", interpolation="AREA").to_image()  # type: ignore[no-untyped-call]
        turned = round(frame.rotation / 90) % 4
        if turned:
            picture = picture.transpose(_TURNS[turned])
        self.width, self.height = shown[::-1] if turned % 2 else shown
        return SeenFrame(round(1000 * self._time(frame)), picture)


_TURNS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
"""What a display matrix asks for, in quarters of a turn counterclockwise."""
