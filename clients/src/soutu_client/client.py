"""The client: what a program does with a library, one method each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from soutu_client._calls import Calls
from soutu_client._channel import ADDRESS_VARIABLE, DEFAULT_ADDRESS, is_same_place
from soutu_client._convert import photos as convert_photos
from soutu_client._convert import search as convert_search
from soutu_client._errors import CallTimeoutError, InvalidInputError
from soutu_client._language import Language, preferred_language
from soutu_client._later import Later
from soutu_client._login import Login
from soutu_client._saved_login import saved_login
from soutu_client.access_models import Scope
from soutu_client.models import ImageTerm, PhotoTerm, TextTerm

if TYPE_CHECKING:
    from soutu_client import _adding as adding
    from soutu_client import _backup as backups
    from soutu_client import _discovery as discovery
    from soutu_client import _original as originals
    from soutu_client import _ready as waiting
    from soutu_client import _upload as uploads
    from soutu_client._convert import access as convert_access
    from soutu_client._convert import library as convert_library
    from soutu_client._moving import moving
    from soutu_client._original import OriginalStream
    from soutu_client.access_models import Access, FolderAccess, NewToken, Token, TokenPage
    from soutu_client.add_models import AddProgress, AddResult, ReadyProgress, ReadyResult
    from soutu_client.library_models import (
        Backup,
        DuplicatePage,
        EmbeddingBatch,
        ImportResult,
        Job,
        JobPage,
        LibraryStatus,
        LibrarySummary,
        PhotoEmbedding,
        SpaceStatus,
    )
    from soutu_client.models import Filter, FoundContent, Photo, PhotoPage, PhotoState, SearchPage, Term, Thumbnail, Upload
    from soutu_client.move_models import Layout, MoveInPlan, MoveInResult
else:  # what a search does not need
    adding = Later("soutu_client._adding")
    backups = Later("soutu_client._backup")
    discovery = Later("soutu_client._discovery")
    moving = Later("soutu_client._moving.moving")
    originals = Later("soutu_client._original")
    waiting = Later("soutu_client._ready")
    uploads = Later("soutu_client._upload")
    convert_access = Later("soutu_client._convert.access")
    convert_library = Later("soutu_client._convert.library")

__all__ = ["Client"]

T = TypeVar("T")

_MOST_PER_CALL = 1000
_WATCH_SECONDS = 600.0
_STREAM_SECONDS = 3600.0


class Client:
    """A connection to a search service; it is made at the first call and again when it was lost.

    Every method may raise the errors of ``SoutuError``; what is particular to one is said there. Safe to use from several
    threads.

    Example:
        Find photos on another machine::

            with Client("nas.local:8401") as client:
                for hit in client.search("雪地里的狗").hits:
                    print(hit.photo.name)
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        token: str | None = None,
        authority: str | Path | None = None,
        allow_plaintext: bool | None = None,
        timeout_seconds: float = 30.0,
        language: Language | None = None,
    ) -> None:
        """Prepare a connection.

        Args:
            address: ``host:port`` of the search service; default: ``SOUTU_ADDRESS``, else where ``soutu login`` logged in, else
                127.0.0.1:8401. With an authority and nothing there, the one that announces itself in the home's network and shows
                a certificate by it (``SOUTU_DISCOVERY=off``: not), which is looked for again when it cannot be reached.
                ``tls://`` in front asks for TLS without an authority of the home, ``plain://`` for none although there is one.
            token: Says who calls; default: ``SOUTU_TOKEN``, else what the file ``SOUTU_TOKEN_FILE`` holds, else the token of
                ``soutu login`` if that was at this address, else nobody. Empty: nobody.
            authority: File of the home's authority (``ca.pem``), by which the service is known; default: ``SOUTU_AUTHORITY``,
                else that of ``soutu login`` if that was at this address. With it the connection uses TLS.
            allow_plaintext: Whether the token may go to another machine unencrypted; default: ``SOUTU_ALLOW_PLAINTEXT``, else no.
            timeout_seconds: How long a call may take. Transfers of files get more, by their size.
            language: Of messages; default: ``SOUTU_LANGUAGE``, else the locale's.

        Raises:
            InvalidInputError: The address, the token or the authority is none; so is the file of ``soutu login``, and the address
                or the token is not given; or several services announce themselves.
            NotTrustedError: The token would leave this machine unencrypted.
            OSError: The authority's or the token's file cannot be read; so cannot the file of ``soutu login``, as above.
        """
        language = language or preferred_language(os.environ)
        address = address or os.environ.get(ADDRESS_VARIABLE) or None
        is_enough = address is not None and Login.has_token(token, os.environ)
        saved = None
        if not (is_enough and Login.has_authority(authority, os.environ)):
            try:
                saved = saved_login(os.environ, language)
            except (OSError, InvalidInputError):
                if not is_enough:  # else an authority is missing at most, which many homes do not have
                    raise
        address = address or (saved.address if saved else None)
        if saved is not None and address is not None and not is_same_place(address, saved.address, language):
            saved = None  # its token is for nobody else
        login = Login.of(
            token=token,
            authority=authority,
            allow_plaintext=allow_plaintext,
            environment=os.environ,
            language=language,
            saved=saved,
        )
        found_by = found = None
        if address is None and login.authority is not None and discovery.can_discover(os.environ):
            found_by = discovery.Discovery(DEFAULT_ADDRESS, login.authority, os.environ, language)
            found = found_by.first()
        self._calls = Calls(
            found or address or DEFAULT_ADDRESS,
            timeout_seconds=timeout_seconds,
            language=language,
            login=login,
            find_again=found_by.again if found_by is not None and found is not None else None,
        )

    @property
    def address(self) -> str:
        """``host:port`` of the search service."""
        return self._calls.address

    @property
    def language(self) -> Language:
        """Language of messages."""
        return self._calls.language

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self._calls.endpoint.is_tls

    def close(self) -> None:
        """Close the connection; calls in flight end with ``CallCancelledError``."""
        self._calls.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    # Finding

    def search(
        self,
        query: str | Sequence[Term] = (),
        *,
        filter: Filter | None = None,
        min_score: float | None = None,
        page_size: int = 50,
        page_token: str = "",
    ) -> SearchPage:
        """Find photos by words, or by any mix of words, pictures and known photos, best first.

        Args:
            query: Words, or terms with weights, of which one at least is positive. Nothing: what passes the filter, newest first.
            filter: Which photos to consider.
            min_score: Smallest cosine, -1 to 1, of a visual match. Name matches are not held to it.
            page_size: Hits a page, at most 200.
            page_token: From the page before, with all else unchanged.
        """
        terms = ((TextTerm(query),) if query else ()) if isinstance(query, str) else query
        request = convert_search.search_request(
            terms, chosen=filter, min_score=min_score, page_size=page_size, page_token=page_token
        )
        return convert_search.search_page(self._calls.unary(self._calls.search.SearchPhotos, request))

    def similar(
        self,
        like: str | bytes | Path,
        *,
        filter: Filter | None = None,
        min_score: float | None = None,
        page_size: int = 50,
        page_token: str = "",
    ) -> SearchPage:
        """Find photos that look like another: a photo id, the bytes of an encoded picture, or the path of a file.

        Raises:
            OSError: The file cannot be read.
        """
        if isinstance(like, Path):
            like = like.read_bytes()
        term = PhotoTerm(like) if isinstance(like, str) else ImageTerm(like)
        return self.search([term], filter=filter, min_score=min_score, page_size=page_size, page_token=page_token)

    # Photos in

    def upload(self, path: str | Path, *, name: str | None = None, on_bytes: Callable[[int], None] | None = None) -> Upload:
        """Upload one file. It is safe in the store and the catalog when this returns; it is searchable soon after.

        Args:
            path: The file.
            name: Name in the library, "/" between folders; default: the file's own.
            on_bytes: Told the size of each part that was sent.

        Raises:
            OSError: The file cannot be read.
            FileChangedError: It changed while it was read.
        """
        path = Path(path)
        return uploads.upload_content(
            self._calls, uploads.read_content(path), name=name or path.name, on_bytes=on_bytes or (lambda _: None)
        )

    def add(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        on_progress: Callable[[AddProgress], None] | None = None,
        patience_seconds: float = 300.0,
        uploads_in_flight: int = 4,
    ) -> AddResult:
        """Add files and whole folders, by content: what the library has already is not sent again, only its name is told.

        A file that fails is reported and stops no other. While the service is away or busy, it is waited for.

        Args:
            paths: Files and folders. Names in the library begin with the added folder's own name.
            on_progress: Told how far it is, about twenty times a second, from one thread at a time.
            patience_seconds: How long a service that is away is waited for.
            uploads_in_flight: Files that are sent at the same time.
        """
        return adding.add_files(
            self._calls,
            _paths(paths),
            on_progress=on_progress,
            patience_seconds=patience_seconds,
            uploads_in_flight=uploads_in_flight,
        )

    def plan_move_in(
        self, paths: str | Path | Iterable[str | Path], *, layout: Layout | None = None, folder_albums: bool = False
    ) -> MoveInPlan:
        """Say what ``move_in`` would do, without asking the service. Takes what ``move_in`` takes."""
        return moving.plan_move_in(moving.Move(_paths(paths), layout, folder_albums), self.language)

    def move_in(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        layout: Layout | None = None,
        folder_albums: bool = False,
        on_progress: Callable[[AddProgress], None] | None = None,
        patience_seconds: float = 300.0,
        uploads_in_flight: int = 4,
    ) -> MoveInResult:
        """Add what another program kept, with the names, dates, places, captions, tags, favourites and albums that it knew.

        What it knew counts where nothing better is known, and once: done again, it adds nothing, and what people changed since
        stays. Needs the extra ``cli``, for XMP and YAML.

        Args:
            paths: Folders, and zips of a Takeout as they were downloaded.
            layout: How they are laid out; None: as it looks.
            folder_albums: Whether each folder of a plain folder is an album.
            on_progress: Told how far it is, as by ``add``.
            patience_seconds: How long a service that is away is waited for.
            uploads_in_flight: Files that are sent at the same time.
        """
        return moving.move_in(
            self._calls,
            moving.Move(_paths(paths), layout, folder_albums),
            on_progress=on_progress,
            patience_seconds=patience_seconds,
            uploads_in_flight=uploads_in_flight,
        )

    def wait_until_ready(
        self,
        photo_ids: Iterable[str],
        *,
        on_progress: Callable[[ReadyProgress], None] | None = None,
        timeout_seconds: float | None = None,
        patience_seconds: float = 300.0,
    ) -> ReadyResult:
        """Wait until photos are searchable or found to be unreadable, at most ``timeout_seconds`` (None: as long as it takes)."""
        return waiting.wait_until_ready(
            self._calls,
            photo_ids,
            on_progress=on_progress,
            timeout_seconds=timeout_seconds,
            patience_seconds=patience_seconds,
        )

    def find_contents(self, contents: Sequence[tuple[str, str]]) -> list[FoundContent]:
        """Say which contents, pairs of SHA-256 as hex digits and name, the library has; in their order.

        A new name of a known photo becomes searchable; an empty one only looks.
        """
        found: list[FoundContent] = []
        for some in _slices(contents, _MOST_PER_CALL):
            request = convert_photos.find_contents_request(some)
            found += convert_photos.found_contents(self._calls.unary(self._calls.photos.FindContents, request))
        return found

    # Photos out

    def photo(self, photo_id: str) -> Photo:
        """Return a photo by its id, or by the first digits (at least 6) of it."""
        request = convert_photos.get_photo_request(photo_id)
        return convert_photos.got_photo(self._calls.unary(self._calls.photos.GetPhoto, request))

    def photos(self, photo_ids: Sequence[str]) -> list[Photo]:
        """Return photos by their whole ids, in this order; those that do not exist are left out."""
        photos: list[Photo] = []
        for some in _slices(photo_ids, _MOST_PER_CALL):
            request = convert_photos.batch_get_request(some)
            photos += convert_photos.batch_of_photos(self._calls.unary(self._calls.photos.BatchGetPhotos, request))
        return photos

    def list_photos(
        self,
        *,
        filter: Filter | None = None,
        states: Iterable[PhotoState] = (),
        deleted: bool = False,
        page_size: int = 100,
        page_token: str = "",
    ) -> PhotoPage:
        """List photos, newest taken first; ``deleted``: those that were deleted instead of the others."""
        request = convert_photos.list_photos_request(
            chosen=filter, states=states, deleted=deleted, page_size=page_size, page_token=page_token
        )
        return convert_photos.photo_page(self._calls.unary(self._calls.photos.ListPhotos, request))

    def summary(self, *, filter: Filter | None = None) -> LibrarySummary:
        """Say what there is to choose from among photos: months, folders, cameras, formats, tags and albums.

        Args:
            filter: Which photos to consider.
        """
        request = convert_library.summary_request(filter)
        return convert_library.summary(self._calls.unary(self._calls.photos.SummarizePhotos, request))

    def thumbnail(self, photo_id: str, *, large: bool = False, frame_ms: int | None = None) -> Thumbnail:
        """Return a photo's thumbnail: at most 512 pixels on its longer side.

        Args:
            photo_id: The photo.
            large: At most 2,048 pixels, made when asked for.
            frame_ms: Of a video, the kept frame nearest to this time.
        """
        request = convert_photos.thumbnail_request(photo_id, large=large, frame_ms=frame_ms)
        return convert_photos.thumbnail(self._calls.unary(self._calls.photos.GetThumbnail, request))

    def read_original(self, photo_id: str, *, part_id: str = "", offset: int = 0, length: int | None = None) -> OriginalStream:
        """Begin to read a photo's original bytes.

        Args:
            photo_id: The photo.
            part_id: Which of its parts; empty: what it is shown by.
            offset: Byte to begin with; a negative one counts from the end. Behind the end there are none.
            length: Bytes to read at most, 1 or more; None: to the end.
        """
        return originals.open_original(self._calls, photo_id, part_id=part_id, offset=offset, length=length)

    def save_original(self, photo_id: str, folder: str | Path, *, part_id: str = "") -> Path:
        """Save a photo's original, or one of its parts, into a folder under its own name, made safe and never over another file.

        Raises:
            OSError: The folder cannot be written.
            DataLossError: What arrived is not the photo's content.
        """
        return originals.save_original(self._calls, photo_id, Path(folder), part_id=part_id)

    # Photos changed

    def annotate(
        self,
        photo_ids: Sequence[str],
        *,
        favourite: bool | None = None,
        caption: str | None = None,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        add_albums: Sequence[str] = (),
        remove_albums: Sequence[str] = (),
        taken: str | None = None,
    ) -> list[Photo]:
        """Change what people add to photos; what is not given stays. Returns the photos as they are then.

        Args:
            photo_ids: Whole ids.
            favourite: Makes them favourites, or not.
            caption: Replaces the caption; empty removes it.
            add_tags: Tags to add.
            remove_tags: Tags to remove.
            add_albums: Albums to put them in.
            remove_albums: Albums to take them out of.
            taken: When they were taken, whatever the pictures say: a local date, or date and time, ``2019-05-01T12:30``; empty
                takes that word back.
        """
        photos: list[Photo] = []
        for some in _slices(photo_ids, _MOST_PER_CALL):
            request = convert_photos.annotate_request(
                some,
                favourite=favourite,
                caption=caption,
                add_tags=add_tags,
                remove_tags=remove_tags,
                add_albums=add_albums,
                remove_albums=remove_albums,
                taken=taken,
            )
            photos += convert_photos.annotated(self._calls.unary(self._calls.photos.AnnotatePhotos, request))
        return photos

    def delete(self, photo_ids: Sequence[str]) -> list[str]:
        """Move photos to the recycle prefix; ``undelete`` brings them back. Returns the ids that are deleted then."""
        deleted: list[str] = []
        for some in _slices(photo_ids, _MOST_PER_CALL):
            request = convert_photos.delete_request(some)
            deleted += convert_photos.deleted_ids(self._calls.unary(self._calls.photos.DeletePhotos, request))
        return deleted

    def undelete(self, photo_ids: Sequence[str]) -> list[str]:
        """Bring deleted photos back under their old names. Returns the ids that are there again."""
        back: list[str] = []
        for some in _slices(photo_ids, _MOST_PER_CALL):
            request = convert_photos.undelete_request(some)
            back += convert_photos.undeleted_ids(self._calls.unary(self._calls.photos.UndeletePhotos, request))
        return back

    def purge(self, photo_ids: Sequence[str]) -> int:
        """Remove deleted photos for good. Returns how many; no id: none (see ``purge_all``)."""
        count = 0
        for some in _slices(photo_ids, _MOST_PER_CALL):
            request = convert_photos.purge_request(some)
            count += convert_photos.purged(self._calls.unary(self._calls.photos.PurgePhotos, request))
        return count

    def purge_all(self) -> int:
        """Remove all deleted photos for good. Returns how many."""
        request = convert_photos.purge_request(())
        return convert_photos.purged(self._calls.unary(self._calls.photos.PurgePhotos, request, timeout_seconds=_STREAM_SECONDS))

    # The library

    def status(self, *, ask_stores: bool = False) -> LibraryStatus:
        """Say how the library is.

        Args:
            ask_stores: Ask the sources' stores first whether they answer, for some seconds; else what was seen last is told.
        """
        request = convert_library.status_request(ask_stores=ask_stores)
        return convert_library.status(self._calls.unary(self._calls.library.GetStatus, request))

    def start_sync(self, sources: Sequence[str] = (), *, confirm_gone: bool = False) -> Job:
        """Start reading sources (none named: all) for what is new, changed or gone; a sync that runs already is returned.

        Args:
            sources: Names of sources.
            confirm_gone: A person's word that the many objects which are missing now really were removed; without it, a sync that
                misses a large share of a source leaves the library as it is.
        """
        request = convert_library.sync_request(sources, confirm_gone=confirm_gone)
        return convert_library.job_of(self._calls.unary(self._calls.library.StartSync, request))

    def start_reindex(self, space_id: str = "") -> Job:
        """Start embedding every photo into another space, which serves when all are; one that is open already goes on.

        Args:
            space_id: The space; empty: that of the first model of the embedding service that does not serve.

        Raises:
            NotReadyError: The space serves already, the embedding service does not offer it, or another one is being filled.
            UnavailableError: No embedding service answers.
        """
        request = convert_library.reindex_request(space_id)
        return convert_library.job_of(self._calls.unary(self._calls.library.StartReindex, request))

    def switch_space(self, space_id: str = "") -> SpaceStatus:
        """Answer queries from another space that is kept, at once. Returns what serves now.

        Args:
            space_id: The space; empty: the one that served before.

        Raises:
            NotReadyError: None served before, or the space lacks photos.
            NotFoundError: There is no such space.
        """
        request = convert_library.switch_request(space_id)
        answer = self._calls.unary(self._calls.library.SwitchSpace, request, timeout_seconds=_STREAM_SECONDS)
        return convert_library.switched_space(answer)

    def delete_space(self, space_id: str) -> int:
        """Remove the embeddings of a space that does not serve. Returns how many photos had one.

        Raises:
            NotReadyError: The space serves, or is being filled.
            NotFoundError: There is no such space.
        """
        request = convert_library.delete_space_request(space_id)
        answer = self._calls.unary(self._calls.library.DeleteSpace, request, timeout_seconds=_STREAM_SECONDS)
        return convert_library.deleted_space(answer)

    def start_check(self, *, repair: bool = False, read_contents: bool = False) -> Job:
        """Start comparing catalog, index, buckets and thumbnails; a check that runs already is returned.

        Args:
            repair: Mend what can be mended.
            read_contents: Read every content and compare its digest, which reads the whole store.
        """
        request = convert_library.check_request(repair=repair, read_contents=read_contents)
        return convert_library.job_of(self._calls.unary(self._calls.library.StartCheck, request))

    def job(self, job_id: str) -> Job:
        """Return a job."""
        request = convert_library.job_request(job_id)
        return convert_library.job_of(self._calls.unary(self._calls.library.GetJob, request))

    def jobs(self, *, page_size: int = 20, page_token: str = "") -> JobPage:
        """List jobs, newest first."""
        request = convert_library.jobs_request(page_size=page_size, page_token=page_token)
        return convert_library.job_page(self._calls.unary(self._calls.library.ListJobs, request))

    def watch_job(self, job_id: str, *, timeout_seconds: float | None = None) -> Iterator[Job]:
        """Yield a job whenever it has come further, until it is over.

        Raises:
            CallTimeoutError: It is not over after ``timeout_seconds`` (None: as long as it takes).
        """
        give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        request = convert_library.watch_request(job_id)
        while True:
            left = _WATCH_SECONDS if give_up is None else min(_WATCH_SECONDS, max(give_up - time.monotonic(), 0.001))
            try:
                for message in self._calls.receiving(self._calls.library.WatchJob, request, timeout_seconds=left):
                    job = convert_library.job_of(message)
                    yield job
                    if job.state.is_over:
                        return
            except CallTimeoutError:
                pass
            time.sleep(0.2)
            if give_up is not None and time.monotonic() >= give_up:
                raise self._calls.timed_out()

    def pause_job(self, job_id: str) -> Job:
        """Pause a job; what is done stays done."""
        request = convert_library.pause_request(job_id)
        return convert_library.job_of(self._calls.unary(self._calls.library.PauseJob, request))

    def resume_job(self, job_id: str) -> Job:
        """Go on with a paused job."""
        request = convert_library.resume_request(job_id)
        return convert_library.job_of(self._calls.unary(self._calls.library.ResumeJob, request))

    def cancel_job(self, job_id: str) -> Job:
        """End a job early; what is done stays done."""
        request = convert_library.cancel_request(job_id)
        return convert_library.job_of(self._calls.unary(self._calls.library.CancelJob, request))

    def near_duplicates(
        self,
        *,
        max_distance: int | None = None,
        min_cosine: float | None = None,
        page_size: int = 50,
        page_token: str = "",
    ) -> DuplicatePage:
        """List groups of photos that are nearly the same, the largest first.

        Args:
            max_distance: Largest Hamming distance of two perceptual hashes of 64 bits, at most 16; None: 6.
            min_cosine: Smallest cosine of two embeddings; None: 0.9.
            page_size: Groups a page, at most 200.
            page_token: From the page before, with all else unchanged.
        """
        request = convert_library.duplicates_request(
            max_distance=max_distance, min_cosine=min_cosine, page_size=page_size, page_token=page_token
        )
        return convert_library.duplicate_page(self._calls.unary(self._calls.library.ListNearDuplicates, request))

    def create_backup(
        self, path: str | Path, *, overwrite: bool = False, on_progress: Callable[[int, int], None] | None = None
    ) -> Backup:
        """Save a backup of the catalog into a file; the service goes on meanwhile.

        Photos are not in it, they are in their buckets; the digests of the access tokens are.

        Args:
            path: The file.
            overwrite: Whether it may replace one that is there.
            on_progress: Told how many bytes were received, and how many there are (0: not known yet).

        Raises:
            FileExistsError: There is such a file.
            OSError: The file cannot be written.
        """
        return backups.create_backup(self._calls, Path(path), overwrite=overwrite, on_progress=on_progress or _tell_nobody)

    def restore_backup(
        self,
        path: str | Path,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        wait_seconds: float = 300.0,
    ) -> Backup:
        """Put a backup in the catalog's place. The service starts again; what the catalog was is kept aside there.

        Args:
            path: The file.
            on_progress: Told how many bytes were sent, and how many there are.
            wait_seconds: How long to wait for the service to serve the backup; 0: not at all.

        Raises:
            OSError: The file cannot be read.
            InvalidInputError: It is no backup, or it is damaged; nothing was changed.
            CallTimeoutError: The service took the backup, and does not answer since.
        """
        return backups.restore_backup(self._calls, Path(path), on_progress=on_progress or _tell_nobody, wait_seconds=wait_seconds)

    def export_embeddings(self, space_id: str = "") -> Iterator[EmbeddingBatch]:
        """Yield the embeddings of a space (none named: the one that serves), ordered by photo id."""
        request = convert_library.export_request(space_id)
        for message in self._calls.receiving(self._calls.library.ExportEmbeddings, request, timeout_seconds=_STREAM_SECONDS):
            yield convert_library.embedding_batch(message)

    def import_embeddings(self, embeddings: Sequence[PhotoEmbedding], *, space_id: str) -> ImportResult:
        """Take embeddings in. They serve queries once their space does.

        Args:
            embeddings: Any number; sent in parts.
            space_id: Their space, which the library has to have: ``start_reindex`` begins one.

        Raises:
            NotReadyError: The library does not have the space.
        """
        parts = _slices(embeddings, _MOST_PER_CALL)
        messages = (
            convert_library.import_request(space_id=space_id if number == 0 else "", embeddings=part)
            for number, part in enumerate(parts)
        )
        answer = self._calls.sending(self._calls.library.ImportEmbeddings, messages, timeout_seconds=_STREAM_SECONDS)
        return convert_library.import_result(answer)

    # Who may do what

    def access(self) -> Access:
        """Say what this client may do."""
        return convert_access.access(self._calls.unary(self._calls.access.GetAccess, convert_access.access_request()))

    def create_token(self, name: str, *, scope: Scope = Scope.READ, folders: Sequence[FolderAccess] = ()) -> NewToken:
        """Make a token. Its secret is told this once.

        Args:
            name: What it is for.
            scope: What it allows.
            folders: What it is confined to, only with ``Scope.READ``; none: the whole library.
        """
        request = convert_access.create_request(name=name, scope=scope, folders=folders)
        return convert_access.new_token(self._calls.unary(self._calls.access.CreateToken, request))

    def tokens(self, *, page_size: int = 50, page_token: str = "") -> TokenPage:
        """List tokens, newest first, those that were revoked as well."""
        request = convert_access.tokens_request(page_size=page_size, page_token=page_token)
        return convert_access.token_page(self._calls.unary(self._calls.access.ListTokens, request))

    def revoke_token(self, token_id: str) -> Token:
        """End a token at once."""
        request = convert_access.revoke_request(token_id)
        return convert_access.revoked(self._calls.unary(self._calls.access.RevokeToken, request))


def _paths(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    return [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def _tell_nobody(_done: int, _total: int) -> None:
    return
