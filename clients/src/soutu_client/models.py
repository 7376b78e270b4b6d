"""What the SDK takes and gives: frozen values, free of any wire type.

Every enumeration has ``UNKNOWN``: what a newer service says that this client has no word for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

__all__ = [
    "Annotations",
    "BoundingBox",
    "Filter",
    "FoundContent",
    "Hit",
    "ImageTerm",
    "Location",
    "MatchField",
    "Notice",
    "NoticeReason",
    "Photo",
    "PhotoKind",
    "PhotoName",
    "PhotoPage",
    "PhotoPart",
    "PhotoState",
    "PhotoTerm",
    "SearchPage",
    "Taken",
    "TakenOrigin",
    "Term",
    "TextTerm",
    "Thumbnail",
    "Unreadable",
    "UnreadableReason",
    "Upload",
    "WordMatch",
]


RAW_TYPE = "image/x-raw"
"""Media type of cameras' raw files."""


class PhotoState(Enum):
    """How far a photo's ingest has come."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    READY = "READY"
    UNREADABLE = "UNREADABLE"


class UnreadableReason(Enum):
    """Why a file cannot be read as a picture."""

    UNKNOWN = "UNKNOWN"
    EMPTY = "EMPTY"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    BROKEN = "BROKEN"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    TOO_LARGE = "TOO_LARGE"
    UNSUPPORTED = "UNSUPPORTED"
    MODEL_FAILED = "MODEL_FAILED"
    NAME_REFUSED = "NAME_REFUSED"
    DECODER_FAILED = "DECODER_FAILED"
    NO_VIDEO = "NO_VIDEO"
    TOO_LONG = "TOO_LONG"


class PhotoKind(Enum):
    """What moves in a photo."""

    UNKNOWN = "UNKNOWN"
    STILL = "STILL"
    ANIMATION = "ANIMATION"
    VIDEO = "VIDEO"


class TakenOrigin(Enum):
    """Where a taken time comes from: the picture, its name, the file's modification time, a person, or the program before."""

    UNKNOWN = "UNKNOWN"
    EXIF = "EXIF"
    NAME = "NAME"
    MODIFIED = "MODIFIED"
    PERSON = "PERSON"
    TOLD = "TOLD"


class MatchField(Enum):
    """Where words of a query were found."""

    UNKNOWN = "UNKNOWN"
    NAME = "NAME"
    TAG = "TAG"
    CAPTION = "CAPTION"
    ALBUM = "ALBUM"


class NoticeReason(Enum):
    """What an answer could not take into account."""

    UNKNOWN = "UNKNOWN"
    EMBEDDING_UNAVAILABLE = "EMBEDDING_UNAVAILABLE"
    PHOTOS_PENDING = "PHOTOS_PENDING"


@dataclass(frozen=True)
class Unreadable:
    """Why a photo cannot be read: ``reason`` for programs, ``message`` for people."""

    reason: UnreadableReason
    message: str


@dataclass(frozen=True)
class PhotoName:
    """A name that a photo has (``present``) or had: the key in its source, folders included."""

    source: str
    name: str
    present: bool


@dataclass(frozen=True)
class PhotoPart:
    """A file that belongs to a photo beside the one that it is shown by: a camera's raw file, or a Live Photo's clip.

    Attributes:
        part_id: 32 hex digits.
        media_type: ``image/x-raw`` for a raw file, or that of a video.
        size_bytes: Its size.
        name: A name that it has now: the key in its source; empty if it is in none.
    """

    part_id: str
    media_type: str
    size_bytes: int
    name: str


@dataclass(frozen=True)
class Taken:
    """When a photo was taken.

    Attributes:
        local_time: Naive date and time on the clock of the place where it was taken.
        utc_offset_minutes: Minutes east of UTC, where the picture says so.
        origin: Where the time comes from.
    """

    local_time: datetime
    utc_offset_minutes: int | None
    origin: TakenOrigin


@dataclass(frozen=True)
class Location:
    """A place on Earth in degrees, WGS 84: north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Annotations:
    """What people added to a photo."""

    favourite: bool = False
    tags: tuple[str, ...] = ()
    caption: str = ""
    albums: tuple[str, ...] = ()


@dataclass(frozen=True)
class Photo:
    """A photo and all that is known of it.

    Attributes:
        photo_id: 32 hex digits.
        names: Every name it has or had, the newest present one first.
        width: Pixels, orientation applied; 0 while not known.
        height: Pixels, orientation applied; 0 while not known.
        size_bytes: Size of the primary content.
        media_type: For instance ``image/heic``.
        added_at: When soutu first saw it, UTC.
        deleted_at: When it was deleted, UTC; None for a photo that is not.
        duration_ms: Length of a video in milliseconds, 0 where it does not say; None for pictures.
        codec: What a video's pictures are encoded with, for instance ``hevc``.
        parts: Further files that belong to it.
    """

    photo_id: str
    state: PhotoState
    unreadable: Unreadable | None
    names: tuple[PhotoName, ...]
    width: int
    height: int
    size_bytes: int
    media_type: str
    kind: PhotoKind | None
    taken: Taken | None
    camera: str
    location: Location | None
    annotations: Annotations
    added_at: datetime | None
    deleted_at: datetime | None
    duration_ms: int | None = None
    codec: str = ""
    parts: tuple[PhotoPart, ...] = ()

    @property
    def has_raw(self) -> bool:
        """Whether a camera's raw file is among its files."""
        return RAW_TYPE in (self.media_type, *(part.media_type for part in self.parts))

    @property
    def clip(self) -> PhotoPart | None:
        """The clip of a Live Photo."""
        return next((part for part in self.parts if part.media_type.startswith("video/")), None)

    @property
    def name(self) -> str:
        """Its newest present name, or an older one, or nothing."""
        return self.names[0].name if self.names else ""


@dataclass(frozen=True)
class BoundingBox:
    """An area in degrees, WGS 84. West may be greater than east: across the date line."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True)
class Filter:
    """Which photos to consider. Every field that is set must hold.

    Attributes:
        taken_from: Local date or date and time, ISO 8601: ``2019``, ``2019-05``, ``2019-05-01``, ``2019-05-01T12:30``.
        taken_until: The same; ``2019`` includes all of 2019.
        folders: In one of these folders or below: ``旅行/2019``.
        sources: In one of these sources.
        cameras: With one of these cameras; any part of the name, letter case ignored.
        area: Taken in this area.
        formats: One of these media types: ``image/heic``, or ``heic`` for short.
        kinds: One of these kinds.
        tags: Has all of these tags.
        favourite: Is, or is not, a favourite.
        albums: In one of these albums.
    """

    taken_from: str = ""
    taken_until: str = ""
    folders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    area: BoundingBox | None = None
    formats: tuple[str, ...] = ()
    kinds: tuple[PhotoKind, ...] = ()
    tags: tuple[str, ...] = ()
    favourite: bool | None = None
    albums: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextTerm:
    """Words to look for. A negative weight means "not this"."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class ImageTerm:
    """An encoded picture to find similar photos of. A negative weight means "not this"."""

    image: bytes
    weight: float = 1.0


@dataclass(frozen=True)
class PhotoTerm:
    """A photo of the library, by its whole id, to find similar photos of. A negative weight means "not this"."""

    photo_id: str
    weight: float = 1.0


Term = TextTerm | ImageTerm | PhotoTerm


@dataclass(frozen=True)
class WordMatch:
    """Words of a query that were found in what is written about a photo."""

    field: MatchField
    text: str


@dataclass(frozen=True)
class Hit:
    """A photo that was found.

    Attributes:
        score: Reciprocal-rank score that the order comes from (Cormack et al. 2009).
        cosine: Of the query's and the photo's embeddings, -1 to 1; None if it was found by words alone.
        matches: Where words of the query were found.
        frame_ms: Of a video, the time of the frame that comes nearest to the query, in milliseconds from its beginning.
    """

    photo: Photo
    score: float
    cosine: float | None
    matches: tuple[WordMatch, ...]
    frame_ms: int | None = None


@dataclass(frozen=True)
class Notice:
    """Something an answer could not take into account: ``reason`` for programs, ``message`` for people."""

    reason: NoticeReason
    message: str


@dataclass(frozen=True)
class SearchPage:
    """A page of hits, best first. ``next_page_token`` is empty after the last."""

    hits: tuple[Hit, ...]
    next_page_token: str
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class PhotoPage:
    """A page of photos, newest taken first; ``total`` counts the whole list."""

    photos: tuple[Photo, ...]
    next_page_token: str
    total: int


@dataclass(frozen=True)
class FoundContent:
    """What the library knows of a content; ``photo_id`` and ``state`` are None if it is not there."""

    photo_id: str | None
    state: PhotoState | None
    deleted: bool


@dataclass(frozen=True)
class Upload:
    """What became of an upload.

    Attributes:
        photo_id: The photo that the content belongs to.
        created: Whether the content is new to the library.
        name: Name it was stored under, which differs from the asked one if that was taken by another content.
    """

    photo_id: str
    created: bool
    name: str


@dataclass(frozen=True)
class Thumbnail:
    """An encoded picture, orientation applied, at most 512 pixels on its longer side; a large one, at most 2,048."""

    image: bytes
    media_type: str
