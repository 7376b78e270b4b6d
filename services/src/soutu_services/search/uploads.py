"""Uploads: from a client's bytes to an object in the store and a row in the catalog."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from soutu_services.runtime.errors import InvalidInput, Overloaded
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog, ContentState, PutResult
from soutu_services.search.catalog.clock import now
from soutu_services.search.held_content import still_holds
from soutu_services.search.imaging import SNIFF_BYTES, has_film_name, is_candidate, sniff
from soutu_services.search.ingest.byte_cache import ByteCache
from soutu_services.search.ingest.group_commit import GroupCommit
from soutu_services.search.journal_records import WritePlace, pieces_of
from soutu_services.search.object_digest import digest_of
from soutu_services.search.objects import BucketMissing, KeyConflict, ObjectMissing, StoredObject
from soutu_services.search.recycling import Recycling
from soutu_services.search.settings import UPLOAD_SOURCE
from soutu_services.search.upload_name import alternative_names, clean_name
from soutu_services.search.visibility import Visibility
from soutu_services.search.write_journal import WriteJournal

__all__ = ["MAX_CHUNK_BYTES", "KnownContent", "NewUpload", "Uploaded", "Uploads"]

MAX_CHUNK_BYTES = 1 << 20
"""Bytes of one part of an upload."""

_IN_MEMORY_BYTES = 8 << 20
_GROUP = 64
_COMMIT_SECONDS = 60.0
_RENAMES = 8
_ASKING_THREADS = 4


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a client says of the bytes it is about to send.

    Attributes:
        name: Its relative path.
        size_bytes: Their number.
        sha256: Their digest.
        modified_at: When the file was last changed there, with a zone; None: not said.
    """

    name: str
    size_bytes: int
    sha256: str
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of an upload; see ``UploadPhotoResponse``."""

    photo_id: str
    created: bool
    name: str


@dataclass(frozen=True, slots=True)
class KnownContent:
    """A content that a client asks for and the name it has there; an empty name is not remembered."""

    sha256: str
    name: str


@dataclass(frozen=True, slots=True)
class _Written:
    key: str
    etag: str
    upload: NewUpload
    data: bytes | BinaryIO


class Uploads:
    """Takes photos in. Thread safe.

    An upload is acknowledged once its object is in the store, its bytes are in the journal and its row is on the disk; the ingest
    goes on from the row. Close it at the end.

    Args:
        catalog: The catalog.
        buckets: Where the objects go.
        recycling: Brings deleted photos back that a person adds again.
        journal: Keeps what the store may not have on its disk yet.
        max_object_bytes: Bytes of one photo.
        max_film_bytes: Bytes of one video.
        spool_folder: Holds large uploads while they arrive; made when it is missing.
        fresh: Receives the bytes of small uploads by SHA-256, for the ingest.
        on_stored: Called after an object was stored, to wake the ingest.
    """

    def __init__(
        self,
        catalog: Catalog,
        buckets: Buckets,
        recycling: Recycling,
        journal: WriteJournal,
        *,
        max_object_bytes: int,
        max_film_bytes: int,
        spool_folder: Path,
        fresh: ByteCache,
        on_stored: Callable[[], None],
    ) -> None:
        self._catalog = catalog
        self._source = buckets.uploads
        self._sources = buckets.sources
        self._ensure_buckets = buckets.ensure
        self._recycling = recycling
        self._journal = journal
        self._max_object_bytes = max_object_bytes
        self._max_film_bytes = max_film_bytes
        self._spool_folder = spool_folder
        self._fresh = fresh
        self._on_stored = on_stored
        self._busy: set[str] = set()
        self._freed = threading.Condition()
        self._commits = GroupCommit[_Written, PutResult](self._commit, most_items=_GROUP, name="upload-commit")
        spool_folder.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Commit what waits."""
        self._commits.close()

    def find(self, contents: Sequence[KnownContent], visibility: Visibility) -> list[ContentState | None]:
        """Say which contents are there, and remember the names that those have at the client.

        Args:
            contents: The contents.
            visibility: What the caller may see. One who is confined is not told of other photos, and adds no names.

        Returns:
            For each content what is known of it; None if no object of it is there and it is not deleted either: upload it.

        Raises:
            SoutuError: the store cannot be asked whether it still has them.
        """
        known = self._catalog.objects.find_contents([content.sha256 for content in contents])
        states = [known.get(content.sha256) for content in contents]
        states = [state if state is not None and (state.present or state.deleted) else None for state in states]
        if not visibility.is_everything:
            visible = self._catalog.photos.visible([state.photo_id for state in states if state is not None], visibility)
            states = [state if state is not None and state.photo_id in visible else None for state in states]
        states = self._really_there(contents, states)
        if visibility.is_everything:
            names = [
                (state.photo_id, name)
                for content, state in zip(contents, states, strict=True)
                if state is not None and not state.deleted and (name := _name_or_none(content.name)) is not None
            ]
            if names:
                self._catalog.ingest.add_names(UPLOAD_SOURCE, names)
        return states

    def receive(self, upload: NewUpload, chunks: Iterator[bytes]) -> Uploaded:
        """Take one photo in. A photo that was deleted comes back: a person adds it again.

        Args:
            upload: What comes.
            chunks: Its bytes.

        Raises:
            InvalidInput: the name, the size or the digest is wrong, or it is no photo by its name.
            SoutuError: the store or the catalog cannot take it now; nothing was acknowledged.
        """
        name = clean_name(upload.name)
        verdict = is_candidate(name)
        if verdict is False:
            raise _not_a_photo()
        most = self._max_film_bytes if has_film_name(name) else self._max_object_bytes
        if upload.size_bytes > most:
            megabytes = most >> 20
            raise InvalidInput(
                "TOO_LARGE", zh=f"文件超过 {megabytes} MiB 的上限", en=f"the file is larger than the limit of {megabytes} MiB"
            )
        with self._received(upload, chunks) as data:
            if verdict is None and not sniff(data.read(SNIFF_BYTES)):
                raise _not_a_photo()
            with self._alone(f"content {upload.sha256}"):
                return self._known(upload, name) or self._store(upload, name, data)

    @contextmanager
    def _received(self, upload: NewUpload, chunks: Iterator[bytes]) -> Iterator[BinaryIO]:
        """Gather the bytes, in memory or in a file, and check them; give a stream that is read from its beginning."""
        with self._spool(upload.size_bytes) as data:
            digest = hashlib.sha256()
            size = 0
            for chunk in chunks:
                if len(chunk) > MAX_CHUNK_BYTES:
                    raise InvalidInput(
                        "CHUNK_TOO_LARGE",
                        zh=f"每次最多发送 {MAX_CHUNK_BYTES} 字节，请分成更小的块",
                        en=f"a part of an upload has at most {MAX_CHUNK_BYTES} bytes; send smaller ones",
                    )
                size += len(chunk)
                if size > upload.size_bytes:
                    break
                digest.update(chunk)
                _write(data, chunk)
            if size != upload.size_bytes:
                raise InvalidInput(
                    "SIZE_DIFFERS",
                    zh="收到的字节数与说明的不符，请重新上传",
                    en="the number of bytes received is not the one announced; upload again",
                )
            if digest.hexdigest() != upload.sha256:
                raise InvalidInput(
                    "DIGEST_DIFFERS",
                    zh="收到的内容与 SHA-256 不符，请重新上传",
                    en="what was received does not match its SHA-256; upload again",
                )
            data.seek(0)
            yield data

    def _spool(self, size_bytes: int) -> BinaryIO:
        """Open what holds an upload while it arrives. Files are not buffered: a full disk shows where a chunk is written."""
        if size_bytes <= _IN_MEMORY_BYTES:
            return BytesIO()
        try:
            return tempfile.TemporaryFile(dir=self._spool_folder, buffering=0)
        except OSError as error:
            raise _disk_full() from error

    def _known(self, upload: NewUpload, name: str) -> Uploaded | None:
        state = self._catalog.objects.find_contents([upload.sha256]).get(upload.sha256)
        if state is not None and state.deleted:
            self._recycling.undelete([state.photo_id])
            state = self._catalog.objects.find_contents([upload.sha256]).get(upload.sha256)
        if state is None or not state.present or not self._is_there(state.photo_id, upload.sha256):
            return None
        self._catalog.ingest.add_names(UPLOAD_SOURCE, [(state.photo_id, name)])
        return Uploaded(state.photo_id, created=False, name=name)

    def _really_there(self, contents: Sequence[KnownContent], states: Sequence[ContentState | None]) -> list[ContentState | None]:
        """Leave out what the catalog believes to be there and the store lost: its sender may hold the last copy."""
        believed = {
            content.sha256: state.photo_id
            for content, state in zip(contents, states, strict=True)
            if state is not None and not state.deleted
        }
        with ThreadPoolExecutor(_ASKING_THREADS, thread_name_prefix="find") as asking:
            there = dict(zip(believed, asking.map(self._is_there, believed.values(), believed), strict=True))
        return [state if there.get(content.sha256, True) else None for content, state in zip(contents, states, strict=True)]

    def _is_there(self, photo_id: str, sha256: str) -> bool:
        for stored in self._catalog.objects.of_photo(photo_id):
            source = self._sources.get(stored.source)
            if source is None or stored.sha256 != sha256:
                continue
            try:
                if still_holds(source, stored):
                    return True
            except ObjectMissing:
                continue
        return False

    def _store(self, upload: NewUpload, name: str, data: BinaryIO) -> Uploaded:
        for _ in range(_RENAMES):
            try:
                return self._store_as(upload, name, data)
            except KeyConflict:
                name = self._renamed(name)
            except BucketMissing:
                self._ensure_buckets()
        raise KeyConflict

    def _store_as(self, upload: NewUpload, name: str, data: BinaryIO) -> Uploaded:
        for key in alternative_names(name):
            with self._alone(f"key {key}"):
                found = self._find(key)
                data.seek(0)
                content = data.read() if upload.size_bytes <= _IN_MEMORY_BYTES else data
                if found is None:
                    self._source.store.put(self._source.object_key(key), content, size_bytes=upload.size_bytes)
                    # Some servers answer another tag than they list; what a person puts in its place is known by it.
                    found = self._source.store.stat(self._source.object_key(key))
                    if isinstance(content, bytes):
                        self._fresh.put(upload.sha256, content)
                elif (
                    found.size_bytes != upload.size_bytes
                    or digest_of(self._source.store, self._source.object_key(key)) != upload.sha256
                ):
                    continue  # taken by another content
                result = self._commits.submit(_Written(key, found.etag, upload, content)).result(_COMMIT_SECONDS)
                self._on_stored()
                return Uploaded(result.photo_id, created=result.created, name=key)
        raise KeyConflict

    def _renamed(self, name: str) -> str:
        """Find a name beside what is in the way: a file where a folder is needed, or a folder where the file would be."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            if self._find("/".join(parts[:depth])) is not None:
                return "/".join([*parts[: depth - 1], f"{parts[depth - 1]} (2)", *parts[depth:]])
        return next(islice(alternative_names(name), 1, None))

    def _find(self, key: str) -> StoredObject | None:
        try:
            return self._source.store.stat(self._source.object_key(key))
        except ObjectMissing:
            return None

    def _commit(self, group: Sequence[_Written]) -> list[PutResult]:
        places = [WritePlace(UPLOAD_SOURCE, one.key, one.upload.sha256, one.upload.size_bytes) for one in group]
        self._journal.append([(place, pieces_of(one.data)) for place, one in zip(places, group, strict=True)])
        with self._catalog.transaction():
            return [self._commit_one(written) for written in group]

    def _commit_one(self, written: _Written) -> PutResult:
        result = self._catalog.objects.put(
            UPLOAD_SOURCE,
            written.key,
            etag=written.etag,
            size_bytes=written.upload.size_bytes,
            modified_at=written.upload.modified_at or now(),
            sha256=written.upload.sha256,
        )
        if result.deleted:
            self._catalog.photos.undelete([result.photo_id])
        return result

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Let one thread at a time work on a content or a key."""
        with self._freed:
            if not self._freed.wait_for(lambda: name not in self._busy, _COMMIT_SECONDS):
                raise Overloaded(
                    "UPLOAD_BUSY", zh="同一张照片正在上传，请稍后再试", en="the same photo is being uploaded; try again later"
                )
            self._busy.add(name)
        try:
            yield
        finally:
            with self._freed:
                self._busy.discard(name)
                self._freed.notify_all()


def _write(data: BinaryIO, chunk: bytes) -> None:
    """Write all of a chunk: what is not buffered may take a part of it, most of all where the disk gets full."""
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[data.write(rest) :]
    except OSError as error:
        raise _disk_full() from error


def _disk_full() -> Overloaded:
    return Overloaded(
        "DISK_FULL",
        zh="搜索服务的磁盘写不进去，请检查剩余空间后重试",
        en="the search service's disk does not take more; check its free space and try again",
    )


def _name_or_none(name: str) -> str | None:
    try:
        return clean_name(name) if name else None
    except InvalidInput:
        return None


def _not_a_photo() -> InvalidInput:
    return InvalidInput("NOT_A_PHOTO", zh="这不是照片文件，没有上传", en="this is no photo file; it was not uploaded")
