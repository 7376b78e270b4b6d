"""The search service's own words: what a photo, an object, a filter and a job are, free of any library's types."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import numpy as np
import numpy.typing as npt

from soutu_services.runtime.language import Text

__all__ = [
    "Annotations",
    "BoundingBox",
    "CheckFinding",
    "Filter",
    "FloatArray",
    "Job",
    "JobKind",
    "JobState",
    "Location",
    "MatchField",
    "Photo",
    "PhotoKind",
    "PhotoName",
    "PhotoPart",
    "PhotoState",
    "Taken",
    "TakenOrigin",
    "UnreadableReason",
    "WordMatch",
]

FloatArray = npt.NDArray[np.float32]


class PhotoState(Enum):
    """How far a photo's ingest has come."""

    PENDING = "PENDING"
    READY = "READY"
    UNREADABLE = "UNREADABLE"


class UnreadableReason(Enum):
    """Why a file cannot be read as a picture."""

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

    @property
    def text(self) -> Text:
        """The reason for people."""
        return _REASON_TEXTS[self]


_REASON_TEXTS = {
    UnreadableReason.EMPTY: Text(zh="文件是空的", en="the file is empty"),
    UnreadableReason.NOT_AN_IMAGE: Text(zh="内容不是图片", en="the content is not a picture"),
    UnreadableReason.BROKEN: Text(zh="图片已损坏或不完整", en="the picture is damaged or cut off"),
    UnreadableReason.NO_VIDEO: Text(zh="视频里没有画面", en="the video has no pictures, sound alone"),
    UnreadableReason.TOO_LONG: Text(zh="视频长度超过上限", en="the video is longer than the limit"),
    UnreadableReason.TOO_MANY_PIXELS: Text(zh="像素数超过上限", en="the picture has more pixels than the limit"),
    UnreadableReason.TOO_LARGE: Text(zh="文件大小超过上限", en="the file is larger than the limit"),
    UnreadableReason.UNSUPPORTED: Text(zh="暂不支持这种图片", en="pictures of this kind are not read"),
    UnreadableReason.MODEL_FAILED: Text(zh="模型无法处理这张图片", en="the model refused this picture"),
    UnreadableReason.NAME_REFUSED: Text(
        zh="存储读不出叫这个名字的文件或文件夹，请给它改名",
        en="the store cannot hand out a file or folder of this name; rename it",
    ),
    UnreadableReason.DECODER_FAILED: Text(
        zh="解码这张图片时程序崩溃、超时或内存不够；请用别的软件另存一份",
        en="the picture's decoder crashed, took too long or needed too much memory; save it anew with another program",
    ),
}


class PhotoKind(Enum):
    """What moves in a photo."""

    STILL = "STILL"
    ANIMATION = "ANIMATION"
    VIDEO = "VIDEO"


class TakenOrigin(Enum):
    """Where a taken time comes from: the picture, its name, its file, a person, or the program that kept it before."""

    EXIF = "EXIF"
    NAME = "NAME"
    MODIFIED = "MODIFIED"
    PERSON = "PERSON"
    TOLD = "TOLD"


@dataclass(frozen=True, slots=True)
class Taken:
    """When a photo was taken, on the clock of the place where it was taken.

    Attributes:
        local_time: Naive local date and time, whole seconds.
        utc_offset_minutes: Minutes east of UTC, where the picture says so.
        origin: Where the time comes from.
    """

    local_time: datetime
    utc_offset_minutes: int | None
    origin: TakenOrigin


@dataclass(frozen=True, slots=True)
class Location:
    """A place on Earth in degrees, WGS 84: north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class PhotoName:
    """A name that a photo has (``present``) or had: the key in its source, folders included."""

    source: str
    name: str
    present: bool


@dataclass(frozen=True, slots=True)
class PhotoPart:
    """A file that belongs to a photo beside the one that it is shown by: a camera's raw file, or a Live Photo's clip.

    Attributes:
        part_id: The first 32 hex digits of its SHA-256.
        media_type: What it is.
        size_bytes: Its size.
        name: A name of it now: the key in its source; empty if it is in none.
    """

    part_id: str
    media_type: str
    size_bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class Annotations:
    """What people added to a photo."""

    favourite: bool = False
    tags: tuple[str, ...] = ()
    caption: str = ""
    albums: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo and all that is known of it. Width and height are pixels with the orientation applied; 0 while not known.

    ``duration_ms`` is the length of a video, 0 where it does not say, and None for pictures; ``codec`` that of its pictures.
    """

    photo_id: str
    state: PhotoState
    unreadable: UnreadableReason | None
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


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """An area in degrees, WGS 84. West may be greater than east: across the date line."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True)
class Filter:
    """Which photos to consider. Every field that is set must hold; the meaning of each is in photo.proto."""

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

    @property
    def is_empty(self) -> bool:
        """Whether every photo passes."""
        return self == Filter()


class MatchField(Enum):
    """Where words of a query were found."""

    NAME = "NAME"
    TAG = "TAG"
    CAPTION = "CAPTION"
    ALBUM = "ALBUM"


@dataclass(frozen=True, slots=True)
class WordMatch:
    """Words of the query that were found in what is written about a photo."""

    field: MatchField
    text: str


class JobKind(Enum):
    """What a job does."""

    SYNC = "SYNC"
    REINDEX = "REINDEX"
    CHECK = "CHECK"


class JobState(Enum):
    """How far a job has come."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """What a check found of one kind: how many, how many of these it mended, and some of them by photo id or name."""

    kind: str
    text: Text
    count: int
    repaired: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """Long work. Counts are objects looked at, and photos to ingest, ingested, and unreadable among those.

    ``space_id`` is what a re-index fills, ``options`` what a check was asked for, ``findings`` what it found.
    """

    job_id: str
    kind: JobKind
    state: JobState
    sources: tuple[str, ...]
    started_at: datetime
    ended_at: datetime | None = None
    message: Text = field(default=Text(zh="", en=""))
    objects_seen: int = 0
    photos_total: int = 0
    photos_done: int = 0
    photos_unreadable: int = 0
    space_id: str = ""
    options: tuple[str, ...] = ()
    findings: tuple[CheckFinding, ...] = ()
