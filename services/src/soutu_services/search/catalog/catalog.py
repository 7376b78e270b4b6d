"""The catalog: the one source of truth about the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from soutu_services.search.catalog.annotating import Annotating
from soutu_services.search.catalog.catalog_file import CatalogFacts, copy_catalog, prepare_catalog
from soutu_services.search.catalog.clock import from_milliseconds
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.embeddings import Embeddings
from soutu_services.search.catalog.fillings import Fillings
from soutu_services.search.catalog.ingest import Ingest
from soutu_services.search.catalog.jobs import Jobs
from soutu_services.search.catalog.missing import MissingObjects
from soutu_services.search.catalog.objects import Objects
from soutu_services.search.catalog.photos import Photos
from soutu_services.search.catalog.records import LibraryCounts, PhotoSummary
from soutu_services.search.catalog.snapshot_marks import SnapshotMarks
from soutu_services.search.catalog.summary import Summaries
from soutu_services.search.catalog.telling import Telling
from soutu_services.search.catalog.tokens import Tokens
from soutu_services.search.catalog.verification import Verification
from soutu_services.search.catalog.visible_counts import count_visible
from soutu_services.search.catalog.word_search import WordSearch
from soutu_services.search.model import Filter, PhotoState, UnreadableReason
from soutu_services.search.visibility import Visibility

__all__ = ["Catalog"]


class Catalog:
    """All that soutu knows of a library, in one SQLite file. Thread safe.

    Attributes:
        objects: What lies in the sources, and contents.
        ingest: What reading objects brought.
        photos: Photos: get, list, delete, undelete, purge.
        annotations: What people add to photos.
        telling: What other programs knew of photos.
        words: Search in names, tags, captions and albums.
        embeddings: Spaces and vectors.
        fillings: How far spaces are filled.
        jobs: Jobs, and when sources were synced.
        tokens: Who may do what.
        missing: Objects whose absence waits for a person's word.
        verification: What must be true of the catalog, verified and mended.
        snapshot_marks: Which snapshots of the index are this catalog's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._summaries = Summaries(database)
        self.objects = Objects(database)
        self.ingest = Ingest(database)
        self.photos = Photos(database)
        self.annotations = Annotating(database)
        self.telling = Telling(database)
        self.words = WordSearch(database)
        self.embeddings = Embeddings(database)
        self.fillings = Fillings(database)
        self.jobs = Jobs(database)
        self.tokens = Tokens(database)
        self.missing = MissingObjects(database)
        self.verification = Verification(database)
        self.snapshot_marks = SnapshotMarks(database)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the catalog in a file on a local disk, made if it is not there, brought to the present schema if it is older.

        Raises:
            FailedPrecondition: the file was made by a newer soutu.
            Overloaded: the disk is full.
            DataLoss: the file is damaged, or is no catalog.
        """
        return cls(Database(path))

    def close(self) -> None:
        """Close the file. No call may be under way."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make one transaction of everything that this thread writes inside: all or nothing, one flush to the disk."""
        with self._database.write():
            yield

    def copy_to(self, path: Path, *, checkpoint: Callable[[], None]) -> CatalogFacts:
        """Copy the catalog as it is at one moment into a new file; see ``copy_catalog``."""
        return copy_catalog(self._database, path, checkpoint=checkpoint)

    def prepare_successor(self, path: Path) -> None:
        """Make a catalog's file ready to take this one's place. Access stays as it is here: no token comes back to life."""
        with self._database.read() as reader:
            tokens = [dict(row) for row in reader.execute("SELECT * FROM tokens ORDER BY id")]
        prepare_catalog(path, tokens=tokens)

    def last_rows(self) -> tuple[int, int]:
        """Tell the greatest ``object_id`` and the greatest position of a photo (``Embeddings.pending``) so far, or 0."""
        with self._database.read() as reader:
            row = reader.execute("SELECT coalesce((SELECT max(id) FROM objects), 0), coalesce((SELECT max(id) FROM photos), 0)")
            objects, photos = row.fetchone()
            return int(objects), int(photos)

    def summary(self, photo_filter: Filter, visibility: Visibility) -> PhotoSummary:
        """Count the shown photos that pass a filter by what they can be chosen by; see ``summarize_photos``."""
        return self._summaries.get(photo_filter, visibility)

    def counts_within(self, visibility: Visibility) -> LibraryCounts:
        """Tell how the part of the library is that a caller may see; a confined one is told nothing of the rest."""
        return self.counts() if visibility.is_everything else count_visible(self._database, visibility)

    def counts(self) -> LibraryCounts:
        """Tell how the library is."""
        shown = "present = 1 AND deleted_at IS NULL"
        with self._database.read() as reader:
            states = dict(reader.execute(f"SELECT state, count(*) FROM photos WHERE {shown} GROUP BY state").fetchall())
            reasons = reader.execute(
                f"SELECT unreadable_reason, count(*) AS photos FROM photos "
                f"WHERE {shown} AND state = 'UNREADABLE' GROUP BY 1 ORDER BY 1"
            ).fetchall()
            deleted = reader.execute("SELECT count(*) FROM photos WHERE deleted_at IS NOT NULL").fetchone()[0]
            objects = reader.execute(
                "SELECT source, count(*) AS objects, sum(CASE WHEN state = 'IGNORED' THEN 0 ELSE size_bytes END) AS size_bytes "
                "FROM objects WHERE present = 1 GROUP BY source ORDER BY source"
            ).fetchall()
            ignored = reader.execute(
                "SELECT extension, count(*) AS objects FROM objects "
                "WHERE present = 1 AND state = 'IGNORED' GROUP BY 1 ORDER BY 2 DESC, 1"
            ).fetchall()
            unread = reader.execute(
                "SELECT count(*) AS objects, min(seen_at) AS since FROM objects "
                "WHERE present = 1 AND state = 'UNREAD' AND (content IS NULL OR content_outdated = 1)"
            ).fetchone()
            pending = reader.execute(f"SELECT min(pending_since) FROM photos WHERE {shown} AND state = 'PENDING'").fetchone()[0]
        waiting = [moment for moment in (unread["since"], pending) if moment is not None]
        return LibraryCounts(
            photos=sum(states.values()),
            pending=states.get(PhotoState.PENDING.value, 0),
            ready=states.get(PhotoState.READY.value, 0),
            unreadable=states.get(PhotoState.UNREADABLE.value, 0),
            unreadable_by_reason={UnreadableReason(row["unreadable_reason"]): row["photos"] for row in reasons},
            deleted=deleted,
            unread_objects=unread["objects"],
            objects=sum(row["objects"] for row in objects),
            objects_by_source={row["source"]: row["objects"] for row in objects},
            ignored={row["extension"]: row["objects"] for row in ignored},
            size_bytes=sum(row["size_bytes"] for row in objects),
            pending_since=from_milliseconds(min(waiting)) if waiting else None,
        )
