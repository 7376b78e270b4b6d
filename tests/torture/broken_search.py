"""The search service, broken on purpose, to prove that the torture run would notice.

``commit``: most transactions answer without their COMMIT; it comes with a later one, unless the process is killed before.
``put``: an upload is acknowledged some seconds before its object is written.
``index``: after a start the index is what its snapshot says, not what the catalog does.
``thumbnail``: every third thumbnail is not written.
``deleted``: a search by look passes over no photo that was deleted.
"""

from __future__ import annotations

import itertools
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from soutu_services.search.__main__ import main
from soutu_services.search.buckets import Thumbnails
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.embeddings import Embeddings
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.objects import ObjectMissing, StoredObject
from soutu_services.search.store import S3Store
from soutu_services.search.uploads import Uploads

_LEFT_OUT = 400
"""Writes that one COMMIT has to do for."""
_PUT_LATER_SECONDS = 3.0
_points = itertools.count()


def leave_out_commits() -> None:
    left_out = 0

    @contextmanager
    def write(self: Database) -> Iterator[sqlite3.Connection]:
        nonlocal left_out
        with self._write_lock:
            writer = self._writer
            if not writer.in_transaction:
                writer.execute("BEGIN IMMEDIATE")
            point = f"write_{next(_points)}"
            writer.execute(f"SAVEPOINT {point}")
            try:
                yield writer
            except BaseException:
                writer.execute(f"ROLLBACK TO {point}")
                raise
            finally:
                writer.execute(f"RELEASE {point}")
            left_out += 1
            if left_out % _LEFT_OUT == 0:
                writer.execute("COMMIT")

    @contextmanager
    def read(self: Database) -> Iterator[sqlite3.Connection]:
        with self._write_lock:  # on the connection that writes: nobody in the process sees that nothing is committed
            yield self._writer

    Database.write = write  # type: ignore[method-assign]
    Database.read = read  # type: ignore[method-assign]


def put_later() -> None:
    whole, told = S3Store.put, S3Store.stat
    store_as = Uploads._store_as
    is_upload = threading.local()

    def put(self: S3Store, *arguments: Any, **options: Any) -> None:
        if getattr(is_upload, "now", False):
            later = threading.Timer(_PUT_LATER_SECONDS, whole, (self, *arguments), options)
            later.daemon = True
            later.start()
            is_upload.written = arguments[0]
        else:
            whole(self, *arguments, **options)

    def stat(self: S3Store, key: str) -> StoredObject:
        try:
            return told(self, key)
        except ObjectMissing:
            if getattr(is_upload, "written", "") != key:
                raise
            return StoredObject(key, "", 0, datetime.now(UTC))

    def store(self: Uploads, *arguments: Any) -> Any:
        is_upload.now = True
        try:
            return store_as(self, *arguments)
        finally:
            is_upload.now, is_upload.written = False, ""

    S3Store.put = put  # type: ignore[method-assign]
    S3Store.stat = stat  # type: ignore[method-assign]
    Uploads._store_as = store  # type: ignore[method-assign]


def trust_the_snapshot() -> None:
    LibraryIndex._catch_up = lambda self, index: None  # type: ignore[method-assign]


def leave_out_thumbnails() -> None:
    whole = Thumbnails.put
    numbers = itertools.count()

    def put(self: Thumbnails, photo_id: str, image: bytes) -> None:
        if next(numbers) % 3:
            whole(self, photo_id, image)

    Thumbnails.put = put  # type: ignore[method-assign]


def find_deleted() -> None:
    def photos_of(self: Embeddings, ids: Any) -> dict[int, str]:
        with self._database.read() as reader:
            rows = reader.execute("SELECT e.id, p.photo_id FROM embeddings e JOIN photos p ON p.id = e.photo")
            wanted = {int(value) for value in ids}
            return {row[0]: row[1] for row in rows if row[0] in wanted}

    Embeddings.photos_of = photos_of  # type: ignore[method-assign]


_BROKEN = {
    "commit": leave_out_commits,
    "put": put_later,
    "index": trust_the_snapshot,
    "thumbnail": leave_out_thumbnails,
    "deleted": find_deleted,
}

if __name__ == "__main__":
    _BROKEN[sys.argv.pop(1)]()
    sys.exit(main())
