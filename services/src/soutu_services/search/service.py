"""The search service: its parts, made, started and stopped together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from datetime import datetime
from threading import Lock

from soutu_services.runtime.language import Text
from soutu_services.runtime.server import ServedService, ServerSettings
from soutu_services.search.access_control import AccessControl
from soutu_services.search.backups import Backups
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog
from soutu_services.search.check_job import CheckJob, CheckParts
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.decoding.process import Confinement
from soutu_services.search.embedder import Embedder
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.embedding_transfer import EmbeddingTransfer
from soutu_services.search.housekeeper import Housekeeper
from soutu_services.search.imaging import PictureLimits
from soutu_services.search.index import VectorIndex
from soutu_services.search.index_rebuilder import IndexRebuilder
from soutu_services.search.ingest.byte_cache import ByteCache
from soutu_services.search.ingest.embedding_pump import EmbeddingPump
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.ingest.reading_pump import ReadingPump
from soutu_services.search.job_runner import JobRunner
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.library_metrics import LibraryMetrics
from soutu_services.search.library_spaces import LibrarySpaces
from soutu_services.search.model import JobKind, JobState
from soutu_services.search.originals import Originals
from soutu_services.search.query import QueryEngine
from soutu_services.search.recycling import Recycling
from soutu_services.search.reindex_job import ReindexJob
from soutu_services.search.restored_library import put_back_deleted
from soutu_services.search.restoring import take_over_restored
from soutu_services.search.servicer_access import served_access
from soutu_services.search.servicer_library import LibraryParts, served_library
from soutu_services.search.servicer_photos import PhotoParts, served_photos
from soutu_services.search.servicer_search import SearchParts, served_search
from soutu_services.search.settings import UPLOAD_SOURCE, SearchSettings
from soutu_services.search.snapshot_keeper import SnapshotKeeper
from soutu_services.search.status import LibraryStatus
from soutu_services.search.sync import SourceListing
from soutu_services.search.sync_job import SyncJob
from soutu_services.search.uploads import Uploads
from soutu_services.search.wake_on_lan import Waker
from soutu_services.search.write_journal import WriteJournal, boot_id
from soutu_services.search.write_keeper import WriteKeeper

__all__ = ["SearchService"]

_NOTHING = Text(zh="", en="")


class SearchService:
    """Owns every thread and connection of the search service. Start it once, and close it at the end.

    Nothing but the data folder has to be there: the store and the embedding service may come later and go in between.
    """

    def __init__(self, settings: SearchSettings, *, decoders: DecoderPool | None = None) -> None:
        """Open the catalog and make the parts.

        Args:
            settings: The settings.
            decoders: Reads pictures, and is the caller's to close. None: a pool of the service's own, as the settings say.

        Raises:
            SoutuError: the data folder or the catalog cannot be used, or a setting cannot be right.
        """
        self._settings = settings
        self._has_threads = False
        self._has_ingest = False
        self._is_closing = False
        self._starting = Lock()
        self.asked = threading.Event()
        """Set when the service has to end by itself; whoever serves it may set it too."""
        self.restart = threading.Event()
        """Set when it is to be started again once it has ended."""
        with ExitStack() as undone:
            self._folder = DataFolder.open(settings.data_folder)
            undone.callback(self._folder.close)
            take_over_restored(self._folder)
            self.catalog = Catalog.open(self._folder.catalog)
            undone.callback(self.catalog.close)
            self._buckets = Buckets.open(settings, has_uploads=lambda: self.catalog.objects.has_present(UPLOAD_SOURCE))
            undone.callback(self._buckets.close)
            limits = PictureLimits(
                max_bytes=settings.limits.max_object_bytes,
                max_pixels=settings.limits.max_pixels,
                max_reduced_pixels=settings.limits.max_reduced_pixels,
                max_film_bytes=settings.limits.max_film_bytes,
                max_film_seconds=settings.limits.max_film_seconds,
            )
            own = ExitStack()
            self._decoders = decoders or own.enter_context(
                DecoderPool(
                    Confinement(limits, settings.decoder.seconds, settings.decoder.memory_bytes),
                    processes=settings.decoder.most_processes,
                )
            )
            self._close_decoders = own.close
            undone.callback(own.close)
            self._make_parts(settings)
            undone.pop_all()

    def _make_parts(self, settings: SearchSettings) -> None:
        ingest = settings.ingest
        self._index = LibraryIndex(
            self.catalog, snapshot=self._folder.index_snapshot, on_made=self._serve_from, policy=settings.index.policy
        )
        self._rebuilder = IndexRebuilder(self._index, interval_seconds=settings.index.rebuild_seconds)
        fresh, rendered = ByteCache(ingest.cache_bytes // 2), ByteCache(ingest.cache_bytes // 2)
        self._waker = Waker(settings.wake, self._folder.wake_stamp, waiting=self._work_that_waits)
        text_address = settings.text_embedding_address
        self._link = EmbeddingLink(
            self.catalog,
            self._embedder(settings.embedding_address),
            self._embedder(text_address) if text_address else None,
            gate=self._gate,
            on_connected=self._wake_embedding,
            on_away=self._waker.consider,
        )
        originals = Originals(self.catalog, self._buckets, self._decoders)
        self._snapshots = SnapshotKeeper(
            self._index,
            interval_seconds=settings.index.snapshot_seconds,
            changed_share=settings.index.snapshot_share,
        )
        self._journal = WriteJournal(
            self._folder.journal,
            keep_seconds=settings.journal.keep_seconds,
            max_bytes=settings.journal.max_bytes,
            boot=boot_id(),
        )
        self._writes = WriteKeeper(self._journal, self.catalog, self._buckets, on_settled=self._start_ingest)
        self._recycling = Recycling(self.catalog, self._buckets, self._journal, on_purged=self._index.remove)
        reindex_job = ReindexJob(self.catalog, self._index, self._link, pump=lambda: self._embedding)
        self._embedding = EmbeddingPump(
            self.catalog,
            self._buckets,
            originals,
            self._link,
            ingest,
            spaces=reindex_job.spaces,
            rendered=rendered,
            put=self._index.put,
        )
        self._reading = ReadingPump(
            self.catalog, self._buckets, self._decoders, ingest, fresh=fresh, rendered=rendered, on_photos=self._embedding.wake
        )
        self._uploads = Uploads(
            self.catalog,
            self._buckets,
            self._recycling,
            self._journal,
            max_object_bytes=settings.limits.max_object_bytes,
            max_film_bytes=settings.limits.max_film_bytes,
            spool_folder=self._folder.spool,
            fresh=fresh,
            on_stored=self._reading.wake,
        )
        self._listing = SourceListing(self.catalog, self._buckets, settings.sync, on_work=self._wake_all)
        sync_job = SyncJob(
            self.catalog,
            self._listing,
            all_sources=tuple(self._buckets.sources),
            finish_moves=self._recycling.finish_moves,
            waiting_for=self._waiting_for,
            passed_over=lambda: (self._reading.passed_over, self._not_embedded_now()),
            relist_seconds=settings.sync.interval_seconds,
        )
        check_job = CheckJob(
            CheckParts(
                self.catalog,
                self._index,
                self._buckets,
                self._listing,
                self._recycling,
                originals,
                self._folder,
                self._writes.put_back,
            ),
            on_mended=self._wake_all,
        )
        self._jobs = JobRunner(
            self.catalog,
            {JobKind.SYNC: sync_job.run, JobKind.CHECK: check_job.run, JobKind.REINDEX: reindex_job.run},
            sources=tuple(self._buckets.sources),
            on_change=self._reading.hold_back,
        )
        spaces = LibrarySpaces(self.catalog, self._link, self._index, self._jobs, on_switched=self._embedding.wake)
        self._housekeeper = Housekeeper(
            self._buckets,
            self._gate(),
            finish_restore=self._finish_restore,
            finish_moves=self._recycling.finish_moves,
            start_sync=self._jobs.start_periodic_sync,
            sync_returned=self._sync_returned,
            sync_seconds=settings.sync.interval_seconds,
        )
        self._metrics = LibraryMetrics(
            self.catalog,
            self._link,
            data_folder=settings.data_folder,
            sources=self._buckets.sources,
            index=lambda: self._index.summary,
            waiting=lambda: {"read": self._reading.waiting, "embed": self._embedding.waiting},
            source_problems=self._problems,
            problems=lambda: {
                "store": next(filter(_says, (self._housekeeper.problem, self._writes.problem)), _NOTHING),
                "ingest": self._reading.problem,
                "embedding": self._embedding_problem(),
            },
        )
        status = LibraryStatus(
            self.catalog,
            self._buckets,
            self._link,
            embedding_address=settings.embedding_address,
            text_embedding_address=settings.text_embedding_address,
            woken_at=lambda: self._waker.last_at,
            index=lambda: self._index.summary,
            problems=self._problems,
            spaces=spaces.states,
        )
        self.access = AccessControl(self.catalog.tokens, is_required=settings.needs_tokens, sources=tuple(self._buckets.sources))
        """Says who may call what, for the server."""
        self.access.ensure_administrator(settings.data_folder)
        self._engine = QueryEngine(self.catalog, None, self._link)
        self.served: Sequence[ServedService] = (
            served_access(self.access),
            served_search(SearchParts(self._engine, self._decoders)),
            served_photos(PhotoParts(self.catalog, self._uploads, originals, self._recycling)),
            served_library(
                LibraryParts(
                    self.catalog,
                    self._jobs,
                    status,
                    self._index,
                    spaces,
                    EmbeddingTransfer(self.catalog, self._index),
                    Backups(self.catalog, self._folder, on_staged=self._end_for_restart),
                    self._listing.confirm_gone,
                )
            ),
        )
        """The gRPC services, to be served."""

    @property
    def server_settings(self) -> ServerSettings:
        """How the services are to be served."""
        return self._settings.server

    def start(self) -> None:
        """Make the index from the catalog, then go on with whatever was under way."""
        self._index.load()
        self._has_threads = True
        self._metrics.register()
        self._link.start()
        self._snapshots.start()
        self._rebuilder.start()
        self._writes.start()

    def _start_ingest(self) -> None:
        """Begin to read from the store, now that what is in it can be believed."""
        with self._starting:
            if self._is_closing:
                return
            self._has_ingest = True
        self._embedding.start()
        self._jobs.start()  # before anything is read: what a paused job found is held back
        self._reading.start()
        self._housekeeper.start()

    def drain(self) -> None:
        """End the jobs' work and the streams that show it; both go on at the next start."""
        self._jobs.stop()

    def close(self) -> None:
        """Stop every thread and close every connection; what is under way is begun again at the next start.

        A service that was not started, or could not be, is closed as well.
        """
        seconds = self._settings.grace_seconds
        self._metrics.remove()
        with self._starting:
            self._is_closing = True
        self._writes.stop(seconds)
        self._housekeeper.stop(seconds)
        self._jobs.stop()
        if self._has_ingest:
            self._reading.stop(seconds)
            self._embedding.stop(seconds)
        if self._has_threads:
            self._link.stop()
        if self._has_ingest:
            self._embedding.stop(seconds)
        self._close_decoders()
        self._uploads.close()
        self._rebuilder.stop(seconds)
        self._snapshots.stop(seconds)
        self._journal.close()
        self._buckets.close()
        self._engine.close()
        self.catalog.close()
        self._folder.close()

    def _gate(self) -> Gate:
        ingest = self._settings.ingest
        return Gate(first_seconds=ingest.retry_first_seconds, most_seconds=ingest.retry_most_seconds)

    def _embedder(self, address: str) -> Embedder:
        settings = self._settings
        return Embedder(address, access=settings.embedding_access, max_message_bytes=settings.limits.max_message_bytes)

    def _not_embedded_now(self) -> Collection[str]:
        space = self.catalog.embeddings.serving_space()
        return self._embedding.passed_over(space.space_id) if space else ()

    def _work_that_waits(self) -> tuple[int, datetime | None]:
        """Count the photos that wait for the embedding service, those of a re-index included, and tell since when."""
        photos, since = self.catalog.embeddings.waiting()
        for job in self.catalog.jobs.unfinished(JobKind.REINDEX):
            if job.state is JobState.RUNNING:
                photos += max(0, job.photos_total - job.photos_done)
                since = min(job.started_at, since or job.started_at)
        return photos, since

    def _embedding_problem(self) -> Text:
        """Say what keeps photos from being embedded; empty if nothing does."""
        space = self.catalog.embeddings.serving_space()
        problems = (self._link.problem, self._embedding.problem(space.space_id) if space else _NOTHING)
        return next((problem for problem in problems if problem.en), _NOTHING)

    def _serve_from(self, index: VectorIndex) -> None:
        self._engine.serve_from(index)

    def _wake_all(self) -> None:
        self._reading.wake()
        self._embedding.wake()

    def _wake_embedding(self) -> None:
        self._index.load()
        self._embedding.wake()

    def _problems(self) -> dict[str, Text]:
        problems = self._listing.problems()
        for name, files in Counter(self._reading.passed_over.values()).items():
            problems.setdefault(name, _left_out(files))
        problems.update(self._reading.problems())
        for own in (self._housekeeper.problem, self._writes.problem):
            if own.en:
                problems.update(dict.fromkeys(self._buckets.writable, own))
        return problems

    def _sync_returned(self) -> None:
        if names := self._listing.came_back():
            self._jobs.start_sync(names)

    def _end_for_restart(self) -> None:
        self.restart.set()
        self.asked.set()

    def _finish_restore(self) -> None:
        if self._folder.restored_mark.exists():
            put_back_deleted(self.catalog, self._buckets, self._journal)
            self._jobs.start_sync()
            self._folder.restored_mark.unlink(missing_ok=True)

    def _waiting_for(self, sources: Sequence[str]) -> Text:
        problems = self._reading.problems()
        for name in sources:
            if name in problems:
                return problems[name]
        return self._embedding_problem()


def _says(text: Text) -> bool:
    return bool(text.en)


def _left_out(files: int) -> Text:
    return Text(
        zh=f"有 {files} 个文件读不出来，会自动重试；请检查这些文件的权限和所在的磁盘",
        en=f"{files} files cannot be read; they are tried again by themselves; check their permissions and their disk",
    )
