"""Videos for tests, made here of pictures with PyAV: what phones and cameras write, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from PIL import Image

from picture_files import scene

__all__ = ["film", "song"]

_RATE = 10


def film(
    pictures: Sequence[tuple[Image.Image, float]] = (),
    *,
    container: str = "mp4",
    codec: str = "libx264",
    size: tuple[int, int] = (160, 120),
    rotation: int = 0,
    metadata: Mapping[str, str] | None = None,
    key_frames: int = 250,
    rate: int = _RATE,
) -> bytes:
    """Write pictures, each shown for so many seconds, as a video.

    Args:
        pictures: Pictures and seconds; none: a scene for two seconds.
        container: FFmpeg's name of the container.
        codec: FFmpeg's name of the encoder.
        size: Of the frames.
        rotation: Degrees counterclockwise that a player is to turn it by.
        metadata: Of the container.
        key_frames: Frames from one key frame to the next, at most.
        rate: Frames a second.
    """
    out = BytesIO()
    options = {"movflags": "use_metadata_tags"} if container in {"mp4", "mov"} else {}
    with av.open(out, "w", format=container, options=options) as written:
        written.metadata.update(metadata or {})
        stream = written.add_stream(codec, rate=rate, options={"g": str(key_frames)})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        number = 0
        for picture, seconds in pictures or [(scene(), 2.0)]:
            pixels = np.asarray(picture.convert("RGB").resize(size))
            for _ in range(round(seconds * rate)):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, rate)
                written.mux(stream.encode(frame))
                number += 1
        written.mux(stream.encode(None))
    return out.getvalue()


def song(*, container: str = "mp4", seconds: float = 0.5) -> bytes:
    """Write a container that holds sound alone."""
    out = BytesIO()
    with av.open(out, "w", format=container) as written:
        stream = written.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, round(8000 * seconds)), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    return out.getvalue()
