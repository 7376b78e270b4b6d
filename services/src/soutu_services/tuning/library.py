"""What tuning needs of a library, whoever keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from soutu_services.runtime.language import Text
from soutu_services.tuning.retrieval import FloatArray

__all__ = ["AddedPhoto", "Library", "LibraryPhoto", "Readiness", "Selection", "SpaceState", "VectorBatch"]


@dataclass(frozen=True, slots=True)
class LibraryPhoto:
    """A photo of a library.

    Attributes:
        photo_id: 32 hex digits.
        names: Names that it has now, folders included, the newest first; older ones where it has none now.
        moment: When it was taken, to the second, in local time; None where only a file's date tells.
        tags: Tags that people gave it.
        caption: What people wrote of it.
    """

    photo_id: str
    names: tuple[str, ...] = ()
    moment: datetime | None = None
    tags: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which photos of a library are meant.

    Attributes:
        query: What they show; empty: anything.
        limit: Most photos of a query.
        folders: In one of these folders or below.
        taken_from: ISO 8601 date, for instance ``2019-05``.
        taken_until: The same; its end.
        tags: Having all of these tags.
    """

    query: str = ""
    limit: int = 1000
    folders: tuple[str, ...] = ()
    taken_from: str = ""
    taken_until: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddedPhoto:
    """What became of a picture that was to be added.

    Attributes:
        photo_id: Its photo; empty where it was refused.
        is_new: The library had no such photo.
        refusal: Why it was refused, for people.
    """

    photo_id: str
    is_new: bool
    refusal: Text | None = None


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """Vectors of photos in one space: ids, float32 of shape (photos, d), and the times of videos' frames, 0 for pictures."""

    photo_ids: Sequence[str]
    vectors: FloatArray
    frames_ms: Sequence[int]


@dataclass(frozen=True, slots=True)
class Readiness:
    """How many photos of a library still wait to be processed, and how many of the others have no vector that serves."""

    pending: int
    without_vector: int


@dataclass(frozen=True, slots=True)
class SpaceState:
    """A space of a library: its model, how long its vectors are, how many photos have one, and what it is used for."""

    space_id: str
    model: str
    dimension: int
    photos: int
    serving: bool
    filling: bool
    available: bool


class Library(Protocol):
    """A running library. Every call may raise a ``SoutuError`` in words for people."""

    def pages(self, selection: Selection) -> Iterator[Sequence[LibraryPhoto]]:
        """Yield the searchable photos that are meant, a page at a time."""
        ...

    def near_duplicates(self, *, max_distance: int, min_cosine: float) -> Iterator[Sequence[str]]:
        """Yield groups of photos that are nearly the same, by their ids."""
        ...

    def thumbnail(self, photo_id: str) -> bytes:
        """Return a photo as a small encoded picture, upright, at most 512 pixels on its longer side."""
        ...
