"""Which frames of a video stand for it: a few that differ, none of them black."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["MOST_FRAMES", "SeenFrame", "chosen_frames", "poster_of"]

MOST_FRAMES = 8
"""Frames that are kept of a video."""

_SIDE = 16
_BLACK_MEAN, _BLACK_SPREAD = 24.0, 10.0
_SAME = 12.0
"""Difference of two frames, of 255, below which they show the same."""
_CHANGED_SHARE = 1 / 8
"""Share of a frame by whose difference it is judged: what is new in a scene seldom fills it."""


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame: its time in milliseconds from the beginning, and its picture, upright and small."""

    time_ms: int
    picture: Image.Image


def chosen_frames(frames: Sequence[SeenFrame]) -> list[SeenFrame]:
    """Choose up to ``MOST_FRAMES`` of some frames, those that differ most from each other, in the order of time.

    It is the greedy solution of the k-centre problem (Gonzalez 1985), from the poster on, so that scenes that are short are kept
    before long ones are kept twice. Black frames are chosen only where there is nothing else.
    """
    bright = [frame for frame in frames if not _is_black(frame)] or list(frames[:1])
    small = np.stack([_small(frame) for frame in bright])
    chosen = [bright.index(poster_of(bright))]
    distances = _distances(small, chosen[0])
    while len(chosen) < min(MOST_FRAMES, len(bright)):
        farthest = int(np.argmax(distances))
        if distances[farthest] < _SAME:
            break
        chosen.append(farthest)
        distances = np.minimum(distances, _distances(small, farthest))
    return [bright[at] for at in sorted(chosen)]


def poster_of(frames: Sequence[SeenFrame]) -> SeenFrame:
    """Choose the frame that is to be shown for the whole: the one with most to see in it, the earliest of equals."""
    return max(frames, key=lambda frame: (_detail(frame), -frame.time_ms))


def _small(frame: SeenFrame) -> npt.NDArray[np.float32]:
    return np.asarray(frame.picture.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)


def _distances(small: npt.NDArray[np.float32], at: int) -> npt.NDArray[np.float32]:
    differences = np.abs(small - small[at]).mean(axis=3).reshape(len(small), -1)
    most = round(differences.shape[1] * _CHANGED_SHARE)
    distances: npt.NDArray[np.float32] = np.partition(differences, -most, axis=1)[:, -most:].mean(axis=1)
    return distances


def _is_black(frame: SeenFrame) -> bool:
    grey = _small(frame).mean(axis=2)
    return bool(grey.mean() < _BLACK_MEAN and grey.std() < _BLACK_SPREAD)


def _detail(frame: SeenFrame) -> float:
    """Measure how much there is to see: the entropy of the grey values times how much neighbours differ."""
    grey = frame.picture.convert("L").resize((128, 128), Image.Resampling.BOX)
    values = np.asarray(grey, np.float32)
    edges = np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()
    return float(round(grey.entropy() * np.log1p(edges), 2))
