"""Moving in: look, arrange, add, and tell the library what was known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from soutu_client._adding import ENDING_ERRORS, Arrival, add_found
from soutu_client._calls import Calls
from soutu_client._convert import photos as convert
from soutu_client._errors import NotSupportedError, SoutuError
from soutu_client._language import Language, Text
from soutu_client._moving import icloud
from soutu_client._moving.arrangement import Arrangement, BadSidecarError
from soutu_client._moving.facts import Facts
from soutu_client._moving.layouts import arrange, layout_of
from soutu_client._moving.listing import Listing, is_archive, list_path
from soutu_client._moving.takeout import is_takeout_folder
from soutu_client._os_errors import describe_os_error
from soutu_client._patience import Patience
from soutu_client._upload import read_content
from soutu_client._walk import FoundFile
from soutu_client.add_models import AddProgress, FileProblem
from soutu_client.move_models import Layout, MoveInPlan, MoveInResult

__all__ = ["Move", "move_in", "plan_move_in"]

_MOST_TOLD = 200

_UNPACK = Text(
    zh="这种压缩包不能就地读取：请先解压，或在 takeout.google.com 选 zip 重新导出",
    en="an archive of this kind cannot be read where it lies: unpack it, or export zips at takeout.google.com",
)


@dataclass(frozen=True)
class Move:
    """What a person asked for.

    Attributes:
        paths: Folders and archives.
        layout: How they are laid out; None: as it looks.
        folder_albums: Whether each folder of a plain folder is an album.
    """

    paths: Sequence[Path]
    layout: Layout | None = None
    folder_albums: bool = False


def plan_move_in(move: Move, language: Language) -> MoveInPlan:
    """Say what would be moved in, without a service."""
    with _arranged(move, language) as (layout, arranged, unread):
        facts = [arranged.facts.get(file.path, Facts()).fitting() for file in arranged.files]
        return MoveInPlan(
            layout=layout,
            files=len(arranged.files),
            size_bytes=sum(file.size_bytes for file in arranged.files),
            albums=dict(sorted(Counter(album for each in facts for album in each.albums).items())),
            dated=sum(each.taken is not None for each in facts),
            captioned=sum(each.caption != "" for each in facts),
            favourites=sum(each.is_favourite for each in facts),
            without_sidecar=sum(file.path not in arranged.with_sidecar for file in arranged.files),
            duplicates=_duplicates(arranged.files),
            trashed=arranged.trashed,
            ignored=dict(arranged.ignored),
            problems=(*unread, *_problems(arranged)),
        )


def move_in(
    calls: Calls,
    move: Move,
    *,
    on_progress: Callable[[AddProgress], None] | None,
    patience_seconds: float,
    uploads_in_flight: int,
) -> MoveInResult:
    """Add the files as ``add_files`` does, and tell what was known of them, a part at a time: it goes on where it was stopped."""
    with _arranged(move, calls.language) as (layout, arranged, unread):
        teller = _Teller(calls, arranged)
        added = add_found(
            calls,
            arranged.files,
            on_progress=on_progress,
            patience_seconds=patience_seconds,
            uploads_in_flight=uploads_in_flight,
            on_arrived=teller.tell,
        )
        ignored = Counter(added.ignored) + arranged.ignored
        return MoveInResult(
            layout=layout,
            added=replace(added, ignored=dict(ignored), failed=(*unread, *added.failed)),
            told=len(teller.told),
            trashed=arranged.trashed,
            problems=(*_problems(arranged), *teller.problems),
        )


@contextmanager
def _arranged(move: Move, language: Language) -> Iterator[tuple[Layout, Arrangement, tuple[FileProblem, ...]]]:
    """Give the layout, what is arranged, and what could not be looked at. Archives can be read as long as it is open."""
    listing = Listing()
    try:
        for path in move.paths:
            list_path(path, listing)
        _open_parts(listing, move.layout)
        layout = move.layout or layout_of(listing.files)
        into = Arrangement(language, folder_albums=move.folder_albums)
        arrange(layout, listing.files, into)
        for file in listing.files:
            if file.opened is None and file.name.lower().endswith((".tgz", ".tar.gz")) and is_takeout_folder(file.name):
                error = BadSidecarError("a compressed tar")
                into.problems.append((file.path, _UNPACK.to(language), error))
        unread = tuple(FileProblem(path, describe_os_error(error, language), error) for path, error in listing.problems)
        yield layout, into, unread
    finally:
        listing.close()


def _open_parts(listing: Listing, layout: Layout | None) -> None:
    """Look into archives that lie in a folder as they were downloaded: parts of a Takeout, or of a copy of iCloud."""
    looks_like: list[Callable[[str], bool]] = []
    if layout in (None, Layout.TAKEOUT):
        looks_like.append(is_takeout_folder)
    if layout in (None, Layout.ICLOUD):
        looks_like.append(icloud.is_part)
    named = [file for file in listing.files if file.opened is None and any(looks(file.path.stem) for looks in looks_like)]
    for part in named:
        if is_archive(part.path):
            listing.files.remove(part)
            list_path(part.path, listing)


def _duplicates(files: Iterable[FoundFile]) -> int:
    """Count files whose content another one has; only those of one size are read."""
    by_size: defaultdict[int, list[FoundFile]] = defaultdict(list)
    for file in files:
        by_size[file.size_bytes].append(file)
    count = 0
    for some in by_size.values():
        digests = set()
        for file in some if len(some) > 1 else ():
            try:
                digest = read_content(file.path, opened=file.opened).sha256
            except OSError:  # adding it says why
                continue
            count += digest in digests
            digests.add(digest)
    return count


def _problems(arranged: Arrangement) -> Iterator[FileProblem]:
    for path, message, error in arranged.problems:
        yield FileProblem(path, message, error)


class _Teller:
    """Tells what is known of files that are in the library."""

    def __init__(self, calls: Calls, arranged: Arrangement) -> None:
        self._calls = calls
        self._facts = arranged.facts
        self.told: set[str] = set()
        self.problems: list[FileProblem] = []

    def tell(self, patience: Patience, arrivals: Sequence[Arrival]) -> None:
        """Tell of some files.

        Raises:
            SoutuError: The service stays away, or does not take it from this person.
        """
        known = [arrival for arrival in arrivals if arrival.file.path in self._facts]
        for begin in range(0, len(known), _MOST_TOLD):
            self._tell(patience, known[begin : begin + _MOST_TOLD])

    def _tell(self, patience: Patience, some: Sequence[Arrival]) -> None:
        request = convert.tell_request([(each.photo_id, self._facts[each.file.path].fitting()) for each in some])
        try:
            answer = patience.call(lambda: self._calls.unary(self._calls.photos.TellPhotos, request))
        except (*ENDING_ERRORS, NotSupportedError):
            raise
        except SoutuError as error:
            if len(some) == 1:
                self.problems.append(FileProblem(some[0].file.path, error.message, error))
            else:  # one of them is refused: find out which
                self._tell(patience, some[: len(some) // 2])
                self._tell(patience, some[len(some) // 2 :])
        else:
            self.told.update(convert.told_ids(answer))
