"""What the SDK says about moving in from another program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from soutu_client.add_models import AddResult, FileProblem

__all__ = ["Layout", "MoveInPlan", "MoveInResult"]


class Layout(Enum):
    """How the program that kept the photos before lays them out."""

    TAKEOUT = "takeout"
    APPLE = "apple"
    ICLOUD = "icloud"
    IMMICH = "immich"
    PHOTOPRISM = "photoprism"
    FOLDER = "folder"


@dataclass(frozen=True)
class MoveInPlan:
    """What would be moved in. All counts are of files; a Live Photo's picture and clip are two.

    Attributes:
        layout: How they are laid out.
        files: Files to be added.
        size_bytes: Bytes of them.
        albums: How many of them each album has.
        dated: Those whose taken time a sidecar tells.
        captioned: Those with a caption.
        favourites: Favourites.
        without_sidecar: Those that no sidecar belongs to.
        duplicates: Those whose content another one has already: one photo with several names.
        trashed: Files left out since they lay in the other program's trash.
        ignored: Files that are no photos, by lower-case extension with its dot; sidecars that were read are not among them.
        problems: What could not be read.
    """

    layout: Layout
    files: int
    size_bytes: int
    albums: dict[str, int]
    dated: int
    captioned: int
    favourites: int
    without_sidecar: int
    duplicates: int
    trashed: int
    ignored: dict[str, int]
    problems: tuple[FileProblem, ...]


@dataclass(frozen=True)
class MoveInResult:
    """What became of it.

    Attributes:
        layout: How the files were laid out.
        added: What became of the files.
        told: Photos of which something was taken over: a time, a place, a caption, tags, albums; 0 the second time.
        trashed: Files left out since they lay in the other program's trash.
        problems: Sidecars that could not be read, and what the library did not take of them. Their photos were added.
    """

    layout: Layout
    added: AddResult
    told: int
    trashed: int
    problems: tuple[FileProblem, ...]
