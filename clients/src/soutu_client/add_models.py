"""What the SDK says about adding files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from soutu_client._errors import SoutuError
from soutu_client.models import Photo, PhotoState

__all__ = ["AddProgress", "AddResult", "AddedFile", "FileProblem", "KnownFile", "ReadyProgress", "ReadyResult"]


@dataclass(frozen=True)
class AddProgress:
    """How far adding has come.

    Attributes:
        files_total: Files to look at; 0 while they are being looked for.
        files_done: Of those, uploaded, known already, or failed.
        files_uploaded: Of those done, uploaded.
        files_failed: Of those done, failed.
        bytes_total: Bytes of all files.
        bytes_done: Bytes of those done, and of those under way.
        waiting: Why nothing moves now, for people; empty while it does.
    """

    files_total: int = 0
    files_done: int = 0
    files_uploaded: int = 0
    files_failed: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    waiting: str = ""


@dataclass(frozen=True)
class AddedFile:
    """A file that was uploaded. ``name`` is what it is stored under."""

    path: Path
    name: str
    photo_id: str
    created: bool


@dataclass(frozen=True)
class KnownFile:
    """A file whose content the library had already; its name was recorded unless the photo is deleted."""

    path: Path
    photo_id: str
    state: PhotoState


@dataclass(frozen=True)
class FileProblem:
    """A file, or folder, that could not be added: ``message`` says why, for people."""

    path: Path
    message: str
    error: Exception


@dataclass(frozen=True)
class AddResult:
    """What became of the files.

    Attributes:
        added: Uploaded.
        known: There already, not uploaded again.
        deleted: Of photos that were deleted; undelete brings them back.
        failed: Could not be read or were refused, each for itself.
        ignored: Files that are no photos, by lower-case extension with its dot.
        not_tried: Files left when the service stayed away; add again to go on.
        interruption: Why it ended before all files were tried; None if it did not.
        seconds: How long it took.
    """

    added: tuple[AddedFile, ...]
    known: tuple[KnownFile, ...]
    deleted: tuple[KnownFile, ...]
    failed: tuple[FileProblem, ...]
    ignored: dict[str, int]
    not_tried: int
    interruption: SoutuError | None
    seconds: float


@dataclass(frozen=True)
class ReadyProgress:
    """How many of the photos that are waited for are ingested; ``waiting`` says why nothing moves, for people."""

    photos_total: int
    photos_done: int
    waiting: str = ""


@dataclass(frozen=True)
class ReadyResult:
    """What became of the photos that were waited for.

    Attributes:
        ready: Ids of those that are searchable now.
        unreadable: Cannot be read, each with its reason.
        pending: Ids of those that still waited when the time was up.
    """

    ready: tuple[str, ...]
    unreadable: tuple[Photo, ...]
    pending: tuple[str, ...]
