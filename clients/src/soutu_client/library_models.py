"""What the SDK gives about the library as a whole: jobs, status, what there is to choose from, near-duplicates, embeddings."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from soutu_client.models import Photo, UnreadableReason

__all__ = [
    "Backup",
    "CameraCount",
    "CheckFinding",
    "DuplicateGroup",
    "DuplicatePage",
    "EmbedderStatus",
    "EmbeddingBatch",
    "FolderCount",
    "FormatCount",
    "ImportResult",
    "IndexStatus",
    "Job",
    "JobKind",
    "JobPage",
    "JobState",
    "LabelCount",
    "LibraryStatus",
    "LibrarySummary",
    "MonthCount",
    "PhotoEmbedding",
    "ReasonCount",
    "SourceStatus",
    "SpaceStatus",
]


class JobKind(Enum):
    """What a job does."""

    UNKNOWN = "UNKNOWN"
    SYNC = "SYNC"
    REINDEX = "REINDEX"
    CHECK = "CHECK"


class JobState(Enum):
    """How far a job has come."""

    UNKNOWN = "UNKNOWN"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class CheckFinding:
    """What a check found of one kind.

    Attributes:
        kind: For programs, for instance ``THUMBNAIL_MISSING``.
        message: For people.
        count: How many.
        repaired: How many of these are mended.
        examples: Some of them, at most 20: photo ids, or names within their sources.
    """

    kind: str
    message: str
    count: int
    repaired: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """Long work that outlives the client that asked for it.

    Attributes:
        message: One line for people; empty if there is nothing to say.
        objects_seen: Objects looked at.
        photos_total: Photos it has to ingest, as far as known.
        photos_done: Of those, READY or UNREADABLE.
        photos_unreadable: Of those done, UNREADABLE.
        started_at: UTC.
        ended_at: UTC; None while it is not over.
        space_id: The space that a re-index fills; empty for other jobs.
        findings: What a check found, the most serious first; empty for other jobs.
    """

    job_id: str
    kind: JobKind
    state: JobState
    message: str
    objects_seen: int
    photos_total: int
    photos_done: int
    photos_unreadable: int
    started_at: datetime | None
    ended_at: datetime | None
    space_id: str = ""
    findings: tuple[CheckFinding, ...] = ()


@dataclass(frozen=True)
class JobPage:
    """A page of jobs, newest first. ``next_page_token`` is empty after the last."""

    jobs: tuple[Job, ...]
    next_page_token: str


@dataclass(frozen=True)
class ReasonCount:
    """Unreadable photos of one reason."""

    reason: UnreadableReason
    message: str
    photos: int


@dataclass(frozen=True)
class SourceStatus:
    """A bucket that is read.

    Attributes:
        problem: Why it cannot be read now; empty if it can.
        missing: Objects that are missing, too many at once to be taken for deleted: ``start_sync(confirm_gone=True)`` says that
            they are.
        missing_examples: Names of some of them, at most 10.
    """

    source: str
    bucket: str
    read_only: bool
    objects: int
    synced_at: datetime | None
    problem: str
    missing: int = 0
    missing_examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpaceStatus:
    """A space that has embeddings, or that an embedding service offers.

    Attributes:
        photos: Photos that are embedded in it.
        serving: Whether queries are answered from it.
        filling: Whether a re-index fills it.
        available: Whether an embedding service that answers now embeds into it.
    """

    space_id: str
    model: str
    dimension: int
    photos: int
    serving: bool
    filling: bool = False
    available: bool = False


@dataclass(frozen=True)
class IndexStatus:
    """The index that answers queries."""

    kind: str
    vectors: int


@dataclass(frozen=True)
class EmbedderStatus:
    """An embedding service as the search service sees it.

    Attributes:
        available: Whether it answers, and can be used for this library.
        problem: Why it cannot be used, or what is wrong with its answers; empty if nothing is.
        embeds_texts: Whether it embeds words now.
        embeds_images: Whether it embeds pictures now.
        unavailable_since: Since when it does not answer, UTC; None: it does.
        woken_at: When its machine was last sent a wake-up packet, UTC; None: never.
    """

    available: bool
    address: str
    model: str
    variant: str
    problem: str
    embeds_texts: bool = False
    embeds_images: bool = False
    unavailable_since: datetime | None = None
    woken_at: datetime | None = None


@dataclass(frozen=True)
class LibraryStatus:
    """How the library is.

    Attributes:
        photos: Photos that are not deleted, in any state.
        objects: Objects that are present.
        ignored: Objects that are no photos, by lower-case extension with its dot.
        size_bytes: Bytes of all present objects of photos.
        jobs: Those that run or are paused.
        pending_since: Since when the oldest pending photo waits, UTC.
        version: Of the search service.
        run_id: Changes with every start of the search service.
        text_embedder: A second embedding service that embeds queries' words alone; None: there is none.
        pending_seconds_left: How long embedding the pending photos will take at the rate of late, once the embedding service is
            there; None: not known, or nothing is pending.
    """

    photos: int
    photos_pending: int
    photos_ready: int
    photos_unreadable: int
    unreadable_reasons: tuple[ReasonCount, ...]
    photos_deleted: int
    objects: int
    ignored: dict[str, int]
    size_bytes: int
    sources: tuple[SourceStatus, ...]
    spaces: tuple[SpaceStatus, ...]
    index: IndexStatus
    embedder: EmbedderStatus
    jobs: tuple[Job, ...]
    pending_since: datetime | None
    version: str
    run_id: str = ""
    text_embedder: EmbedderStatus | None = None
    pending_seconds_left: float | None = None


@dataclass(frozen=True)
class MonthCount:
    """Photos that were taken in a month, "2019-05" on the clock of the place where they were taken."""

    month: str
    photos: int


@dataclass(frozen=True)
class FolderCount:
    """Photos that lie in a folder or below; one with several names there counts once.

    Attributes:
        source: Source that the folder is in.
        folder: Its path, as a filter takes it; empty: the top of the source.
        photos: How many.
    """

    source: str
    folder: str
    photos: int


@dataclass(frozen=True)
class CameraCount:
    """Photos that were taken with a camera."""

    camera: str
    photos: int


@dataclass(frozen=True)
class FormatCount:
    """Photos of a media type, for instance ``image/heic``."""

    media_type: str
    photos: int


@dataclass(frozen=True)
class LabelCount:
    """Photos that have a tag, or are in an album."""

    name: str
    photos: int


@dataclass(frozen=True)
class LibrarySummary:
    """What there is to choose from among photos that are not deleted, in any state.

    Attributes:
        total: How many photos there are.
        favourites: How many of them are favourites.
        months: Months in which they were taken, newest first.
        undated: Photos without a taken time.
        folders: Folders that objects of theirs lie in now, and all above these, ordered by source and folder; at most 2,000,
            those with most photos. Names that a client told (``find_contents``) count for a filter by folder, not here.
        folders_left_out: How many folders that leaves out.
        cameras: Those with most photos first; at most 100.
        formats: Those with most photos first. A photo that was not read yet has none.
        tags: Those with most photos first; at most 200.
        albums: Those with most photos first; at most 200.
    """

    total: int
    favourites: int
    months: tuple[MonthCount, ...]
    undated: int
    folders: tuple[FolderCount, ...]
    folders_left_out: int
    cameras: tuple[CameraCount, ...]
    formats: tuple[FormatCount, ...]
    tags: tuple[LabelCount, ...]
    albums: tuple[LabelCount, ...]


@dataclass(frozen=True)
class Backup:
    """A backup of the catalog: photos that the library showed, when it was made, UTC, and the size of its file."""

    photos: int
    created_at: datetime
    size_bytes: int


@dataclass(frozen=True)
class DuplicateGroup:
    """Photos that are nearly the same, the one with most pixels first."""

    photos: tuple[Photo, ...]


@dataclass(frozen=True)
class DuplicatePage:
    """A page of groups, the largest first. ``next_page_token`` is empty after the last."""

    groups: tuple[DuplicateGroup, ...]
    next_page_token: str


@dataclass(frozen=True)
class PhotoEmbedding:
    """A photo's embedding.

    Attributes:
        photo_id: 32 hex digits.
        vector: L2-normalised, little-endian float32; ``numpy.frombuffer(vector, "<f4")`` reads it without a copy.
        frame_ms: Of a video, the time of the frame that it is of, in milliseconds: several have one each. 0 for pictures.
    """

    photo_id: str
    vector: bytes
    frame_ms: int = 0

    @property
    def values(self) -> tuple[float, ...]:
        """The vector as numbers."""
        return struct.unpack(f"<{len(self.vector) // 4}f", self.vector)


@dataclass(frozen=True)
class EmbeddingBatch:
    """Some embeddings of one space, ordered by photo id."""

    space_id: str
    embeddings: tuple[PhotoEmbedding, ...]


@dataclass(frozen=True)
class ImportResult:
    """Embeddings that were stored, and those left out since their photo does not exist."""

    stored: int
    unknown: int
