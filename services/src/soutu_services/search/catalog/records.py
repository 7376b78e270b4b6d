"""What goes into the catalog and comes out of it, beside the words of ``search/model.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soutu_services.search.model import (
    FloatArray,
    Location,
    Photo,
    PhotoKind,
    PhotoState,
    Taken,
    UnreadableReason,
    WordMatch,
)

__all__ = [
    "AnnotationChange",
    "ContentState",
    "EmbeddingBatch",
    "Filling",
    "FolderCount",
    "HeldObject",
    "IdArray",
    "Ingested",
    "LibraryCounts",
    "PhotoPage",
    "PhotoSummary",
    "PictureReading",
    "Purged",
    "PutResult",
    "Recorded",
    "RecordedOutcome",
    "RecycledObject",
    "SeenObject",
    "SeenResult",
    "Space",
    "StoredEmbeddings",
    "StoredObject",
    "Told",
    "UnreadObject",
    "ValueCount",
    "WordHit",
]

IdArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeenObject:
    """An object as a listing shows it.

    Attributes:
        key: Key in the source.
        etag: Entity tag, with or without quotes; empty where the server gives none: then the modification time decides.
        size_bytes: Size.
        modified_at: When it was last changed, with a zone.
        ignored: Whether its name alone says that it is no photo.
    """

    key: str
    etag: str
    size_bytes: int
    modified_at: datetime
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class SeenResult:
    """How many of the objects seen were what.

    Attributes:
        new: Not known before; they await reading.
        changed: Their bytes may differ from those that were read; they await reading.
        returned: Were gone and are back unchanged: nothing is to be done.
        unchanged: Known as they are.
        ignored: No photos by their name, known before or not.
    """

    new: int = 0
    changed: int = 0
    returned: int = 0
    unchanged: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class UnreadObject:
    """An object that awaits reading. ``sha256`` is set where its content is known already (an upload)."""

    object_id: int
    source: str
    key: str
    etag: str
    size_bytes: int
    modified_at: datetime
    sha256: str | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that holds a photo's content."""

    object_id: int
    source: str
    key: str
    etag: str
    size_bytes: int
    modified_at: datetime
    sha256: str
    present: bool


@dataclass(frozen=True, slots=True)
class HeldObject:
    """A present object and the digest of the content that it was read with."""

    object_id: int
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RecycledObject:
    """An object of a deleted photo, moved to the recycle bucket."""

    recycled_id: int
    photo_id: str
    source: str
    key: str
    recycle_key: str
    sha256: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class ContentState:
    """What the catalog knows of a content.

    Attributes:
        photo_id: The photo it belongs to.
        state: The photo's state.
        deleted: Whether the photo is in the recycle bucket.
        present: Whether an object of the photo is in a source now.
        read: Whether the picture has been read, so that another object with this content need not be decoded.
    """

    photo_id: str
    state: PhotoState
    deleted: bool
    present: bool
    read: bool


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of an object that soutu itself wrote.

    Attributes:
        photo_id: The photo its content belongs to.
        created: Whether the photo is new to the library.
        deleted: Whether the photo is deleted: writing an object does not bring it back, ``Photos.undelete`` does.
        state: The photo's state.
    """

    photo_id: str
    created: bool
    deleted: bool
    state: PhotoState


class ReadFrame(Protocol):
    """A frame that stands for a video."""

    @property
    def time_ms(self) -> int:
        """Its time from the beginning, in milliseconds."""
        ...


class PictureReading(Protocol):
    """What reading a picture tells; the imaging package's reading fits."""

    @property
    def media_type(self) -> str:
        """Media type of the content, for instance ``image/heic``."""
        ...

    @property
    def width(self) -> int:
        """Width in pixels, orientation applied."""
        ...

    @property
    def height(self) -> int:
        """Height in pixels, orientation applied."""
        ...

    @property
    def kind(self) -> PhotoKind:
        """What moves in it."""
        ...

    @property
    def taken(self) -> Taken | None:
        """When it was taken."""
        ...

    @property
    def camera(self) -> str:
        """Maker and model."""
        ...

    @property
    def location(self) -> Location | None:
        """Where it was taken."""
        ...

    @property
    def phash(self) -> int:
        """Perceptual hash, 64 bits, unsigned."""
        ...

    @property
    def duration_ms(self) -> int | None:
        """Length of a video in milliseconds, 0 where it does not say; None for pictures."""
        ...

    @property
    def codec(self) -> str:
        """Of a video's pictures."""
        ...

    @property
    def frames(self) -> Sequence[ReadFrame]:
        """Those that stand for a video, in the order of time; none for pictures."""
        ...

    @property
    def poster_ms(self) -> int:
        """Time of a video's frame that is its thumbnail."""
        ...


@dataclass(frozen=True, slots=True)
class Ingested:
    """The outcome of reading one object.

    Attributes:
        object: The object as it was handed out for reading.
        sha256: Digest of the bytes that were read, 64 lower-case hex digits.
        reading: What the picture told; None if it is unreadable, or if the content was read before.
        unreadable: Why it cannot be read as a picture; with a reading, why it cannot be embedded.
        revives_purged: Whether a content that was purged may become a photo again; see ``Ingest.record``.
    """

    object: UnreadObject
    sha256: str
    reading: PictureReading | None = None
    unreadable: UnreadableReason | None = None
    revives_purged: bool = False


class RecordedOutcome(Enum):
    """What became of a reading."""

    STORED = auto()
    """The object holds a photo of the library."""
    DELETED = auto()
    """The object's content belongs to a deleted photo, which stays deleted."""
    PURGED = auto()
    """The object's content was purged, and nothing of it was stored."""
    STALE = auto()
    """The object changed while it was read; it awaits reading again, and nothing was stored."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one reading.

    Attributes:
        outcome: See the enum.
        photo_id: The photo; empty if PURGED or STALE.
        created: Whether the photo is new to the library.
    """

    outcome: RecordedOutcome
    photo_id: str = ""
    created: bool = False


@dataclass(frozen=True, slots=True)
class StoredEmbeddings:
    """What became of embeddings that were handed in.

    Attributes:
        ids: int64, shape (m,): ids under which they are stored now, for the index.
        vectors: float32, shape (m, dimension), normalised, as they are stored.
        replaced: int64: ids that are not valid any more and are to be removed from the index.
        unknown: Photo ids that the library does not have.
    """

    ids: IdArray
    vectors: FloatArray
    replaced: IdArray
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """Embeddings of one space: ids int64 (n,), their photos, vectors float32 (n, dimension), rows L2-normalised.

    ``frames_ms`` are the times of a video's frames, 0 for pictures.
    """

    ids: IdArray
    photo_ids: tuple[str, ...]
    frames_ms: tuple[int, ...]
    vectors: FloatArray


@dataclass(frozen=True, slots=True)
class Space:
    """A space that has, or is to have, embeddings; ``photos`` counts those embedded in it."""

    space_id: str
    model: str
    variant: str
    dimension: int
    serving: bool
    photos: int = 0


@dataclass(frozen=True, slots=True)
class Filling:
    """How far a space is filled with the shown photos that have been read.

    Attributes:
        photos: These photos.
        left: Those that have neither an embedding in the space nor been refused by its model, nor are passed over.
        left_ready: Those of ``left`` that are READY, thanks to the space that serves.
        refused: Those that the space's model refused.
        passed_over: Those that nobody waits for now.
    """

    photos: int
    left: int
    left_ready: int
    refused: int
    passed_over: int


@dataclass(frozen=True, slots=True)
class AnnotationChange:
    """A change of annotations; what is None or empty stays as it is. An empty caption or time removes what people said."""

    favourite: bool | None = None
    caption: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    add_albums: tuple[str, ...] = ()
    remove_albums: tuple[str, ...] = ()
    taken_local_time: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What another program knew of a photo; see ``TellPhotosRequest``.

    Attributes:
        photo_id: The photo.
        taken_local_time: ISO 8601 local date, or date and time; empty: not told.
        taken_corrected: Whether a person had corrected it there.
        location: Where it was taken.
        favourite: Whether it is a favourite.
        caption: Caption; empty: not told.
        tags: Tags.
        albums: Albums.
    """

    photo_id: str
    taken_local_time: str = ""
    taken_corrected: bool = False
    location: Location | None = None
    favourite: bool = False
    caption: str = ""
    tags: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoPage:
    """A page of photos, newest first. ``total`` counts the whole list; ``next_page_token`` is empty after the last page."""

    photos: tuple[Photo, ...]
    next_page_token: str
    total: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removed: photos, and their embeddings' ids, to be removed from the index."""

    photo_ids: tuple[str, ...]
    embedding_ids: IdArray


@dataclass(frozen=True, slots=True)
class WordHit:
    """A photo that was found by words.

    Attributes:
        photo_id: The photo.
        rank: Rank from 1; equal for photos that match equally well.
        matches: Where.
    """

    photo_id: str
    rank: int
    matches: tuple[WordMatch, ...]


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """How the library is. Photos are those shown (an object is present, not deleted) unless said otherwise.

    Attributes:
        photos: Photos in any state.
        pending: Photos that wait to be read or embedded.
        ready: Photos that are searchable.
        unreadable: Photos that cannot be read.
        unreadable_by_reason: The unreadable ones by reason.
        deleted: Photos that are deleted and not purged.
        unread_objects: Present objects whose content is not known yet; they may become photos.
        objects: Present objects, those that are no photos included.
        objects_by_source: The same by source.
        ignored: Present objects that are no photos, by lower-case extension with its dot.
        size_bytes: Bytes of all present objects that are not ignored.
        pending_since: Since when the oldest of ``pending`` and ``unread_objects`` waits.
    """

    photos: int
    pending: int
    ready: int
    unreadable: int
    unreadable_by_reason: Mapping[UnreadableReason, int]
    deleted: int
    unread_objects: int
    objects: int
    objects_by_source: Mapping[str, int]
    ignored: Mapping[str, int]
    size_bytes: int
    pending_since: datetime | None


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value, and how many photos have it."""

    value: str
    photos: int


@dataclass(frozen=True, slots=True)
class FolderCount:
    """A folder of a source, "" for its top, and how many photos lie in it or below: each counts once."""

    source: str
    folder: str
    photos: int


@dataclass(frozen=True, slots=True)
class PhotoSummary:
    """What there is to choose from among some photos.

    Attributes:
        total: The photos.
        favourites: Favourites among them.
        months: Months in which they were taken, as "2019-05", the newest first.
        undated: Photos without a taken time.
        folders: Folders that objects of theirs lie in, and those above, ordered by source and folder; if there are too many,
            those with most photos.
        folders_left_out: How many folders that leaves out.
        cameras: Cameras, those with most photos first, as all that follow; if there are too many, those alone.
        formats: Media types.
        tags: Tags.
        albums: Albums.
    """

    total: int
    favourites: int
    months: tuple[ValueCount, ...]
    undated: int
    folders: tuple[FolderCount, ...]
    folders_left_out: int
    cameras: tuple[ValueCount, ...]
    formats: tuple[ValueCount, ...]
    tags: tuple[ValueCount, ...]
    albums: tuple[ValueCount, ...]
