"""Buckets of an S3 server: the only module that knows the MinIO client.

Everything goes through plain S3, path style, so that any S3-compatible server works.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import InvalidResponseError, S3Error, ServerError
from minio.helpers import check_object_name
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.errors import InvalidInput, SoutuError
from soutu_services.runtime.tls import PlaintextRefused, verifying_context
from soutu_services.search.objects import (
    BucketMissing,
    KeyConflict,
    KeyRefused,
    ObjectMissing,
    ObjectStore,
    ObjectTooLarge,
    StoredObject,
    StoreFailed,
    StoreRefused,
    StoreUnavailable,
    StoreUntrusted,
)
from soutu_services.search.settings import StoreSettings
from soutu_services.search.store_pool import StorePool, pieces

__all__ = ["ObjectStore", "S3Connection", "S3Store", "StoredObject"]

_PART_BYTES = 16 * 1024 * 1024
"""Larger objects are uploaded in parts of this size, one after the other."""
_CONFUSED_SECONDS = 1.2
"""How long rclone believes that it put a file where a folder is, after it failed to: its ``--dir-cache-time`` and a little."""
_SHOWN_SECONDS = 15.0
"""How long a file that is there may stay unknown to the server that serves its folder: more than its ``--dir-cache-time``."""
_ASK_AGAIN_SECONDS = 0.25
_REPLACEMENT = "\ufffd"
_SHORTEST_ACCESS_KEY = 3
"""A shorter access key is refused by MinIO's servers, with an error that does not say so."""


class S3Connection:
    """An S3 server and the connections to it, shared by its buckets."""

    def __init__(
        self,
        settings: StoreSettings,
        *,
        connections: int = 16,
        retries: int = 2,
        authority: Path | None = None,
        allow_plaintext: bool = False,
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            settings: Where the server is and how it is entered.
            connections: Connections that are kept open: as many as threads use the store.
            retries: How often a request that got no answer, or 502 to 504, is sent again.
            authority: Certificate (PEM) of the home's authority, where the settings name none; it counts beside the system's.
            allow_plaintext: Whether another machine may be spoken to without TLS.

        Raises:
            StoreRefused: the access key is shorter than any server takes.
            InvalidSettings: the file of the secret key cannot be read.
            PlaintextRefused: it is another machine, without TLS, and nobody allowed that.
            TlsProblem: the authority's file cannot be used.
        """
        if settings.access_key and len(settings.access_key) < _SHORTEST_ACCESS_KEY:
            raise StoreRefused
        address = urlsplit(settings.url)
        is_tls = address.scheme == "https"
        if not (is_tls or allow_plaintext or Address(address.hostname or "", 0).is_loopback):
            raise _plaintext_refused(address.hostname or "")
        self.settings = settings
        self.pool = StorePool(
            seconds=settings.timeout_seconds,
            connections=connections,
            retries=retries,
            ssl_context=verifying_context(settings.authority or authority, "STORE__AUTHORITY") if is_tls else None,
        )
        self.client = Minio(
            endpoint=address.netloc,
            access_key=settings.access_key or None,
            secret_key=settings.secret.get_secret_value() or None,
            secure=is_tls,
            region=settings.region,
            http_client=self.pool,
        )

    def bucket(self, name: str) -> S3Store:
        """Return one of the server's buckets."""
        return S3Store(self, name)

    def close(self) -> None:
        """Close the connections."""
        self.pool.clear()


class S3Store:
    """A bucket of an S3 server. See ``ObjectStore``."""

    def __init__(self, connection: S3Connection, bucket: str) -> None:
        self._connection = connection
        self._client = connection.client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self._bucket

    def walk(self, prefix: str = "") -> Iterator[StoredObject]:
        """List all objects below a folder, folder by folder: some servers list a tree at once only by reading all of it first."""
        folders = [prefix]
        while folders:
            folder = folders.pop()
            below: list[str] = []
            is_empty = True
            with _translated():
                for found in self._client.list_objects(self._bucket, prefix=folder):
                    key = found.object_name or ""
                    is_empty = False
                    if found.is_dir:
                        if key != folder:
                            below.append(key)
                    else:
                        yield _stored(key, found.etag, found.size, found.last_modified)
            if is_empty and _REPLACEMENT in folder:  # its name is no UTF-8, and by the one that is listed nothing is found
                yield _stored(folder.rstrip("/"), None, 0, None)
            folders.extend(reversed(below))

    def stat(self, key: str) -> StoredObject:
        """Describe one object. One that a person copied into the server's folder, and it does not show yet, is waited for."""
        until = time.monotonic() + _SHOWN_SECONDS
        while True:
            try:
                with _translated(key):
                    found = self._client.stat_object(self._bucket, key)
            except ObjectMissing:
                if not self._is_in_folder(key):
                    raise
                if time.monotonic() > until:
                    raise StoreUnavailable from None
                time.sleep(_ASK_AGAIN_SECONDS)
                continue
            return _stored(key, found.etag, found.size, found.last_modified)

    def _is_in_folder(self, key: str) -> bool:
        folder = self._connection.settings.folder
        if folder is None:
            return False
        path = folder / self._bucket / key
        try:
            return path.is_file() and path.resolve() == folder.resolve() / self._bucket / key  # links are not served
        except OSError:  # a name that no folder can hold
            return False

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""
        try:
            self.stat(key)
        except ObjectMissing:
            return False
        return True

    def read(self, key: str, *, max_bytes: int) -> bytes:
        """Read a whole object into memory; ``ObjectTooLarge`` before its bytes are read."""
        with self._opened(key) as response:
            said = response.headers.get("content-length", "")
            if said.isdecimal() and int(said) > max_bytes:
                raise ObjectTooLarge
            data = b"".join(pieces(response, seconds=self._connection.pool.seconds, most_bytes=max_bytes + 1))
            if len(data) > max_bytes:
                raise ObjectTooLarge
            if said.isdecimal() and len(data) != int(said):
                raise StoreUnavailable  # the connection broke off; a part must never pass for the whole
            return data

    def read_range(self, key: str, *, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset`` on; fewer at the end, none beyond it."""
        try:
            with self._opened(key, offset=offset, length=length) as response:
                return b"".join(pieces(response, seconds=self._connection.pool.seconds, most_bytes=length))
        except _OutOfRange:
            return b""

    def stream(self, key: str, *, offset: int = 0, length: int = 0) -> Iterator[bytes]:
        """Read an object piece by piece, from ``offset`` on and ``length`` bytes at most (0: to its end).

        Close the iterator if it is not read to its end.
        """
        with self._opened(key, offset=offset, length=length) as response:
            said = response.headers.get("content-length", "")
            sent = 0
            for piece in pieces(response, seconds=self._connection.pool.seconds):
                sent += len(piece)
                yield piece
            if said.isdecimal() and sent != int(said):
                raise StoreUnavailable

    @contextmanager
    def _opened(self, key: str, *, offset: int = 0, length: int = 0) -> Iterator[urllib3.BaseHTTPResponse]:
        with _translated(key):
            response = self._client.get_object(self._bucket, key, offset=offset, length=length)
            complete = False
            try:
                yield response
                complete = True
            finally:
                if not complete:
                    response.close()  # what is still on the way must not be read by the next request
                response.release_conn()

    def put(self, key: str, data: bytes | BinaryIO, *, size_bytes: int | None = None, media_type: str = "") -> None:
        """Store an object, replacing one of the same key. ``size_bytes`` is needed for a stream."""
        if not key or key.endswith("/") or any(ord(character) < 32 for character in key):
            raise KeyRefused  # servers differ in what they make of these
        if isinstance(data, bytes):
            stream, size = BytesIO(data), len(data)
        elif size_bytes is None:
            raise ValueError("a stream needs its size")
        else:
            stream, size = data, size_bytes  # type: ignore[assignment]
        try:
            with _translated(key):
                self._client.put_object(
                    self._bucket,
                    key,
                    stream,
                    size,
                    content_type=media_type or "application/octet-stream",
                    part_size=_PART_BYTES,
                    num_parallel_uploads=1,
                )
        except StoreFailed as error:
            raise self._why_not_stored(key) from error

    def copy_to(self, key: str, destination: ObjectStore, destination_key: str) -> None:
        """Copy an object into this or another bucket: by the server where both are on the same one, else through here."""
        if isinstance(destination, S3Store) and destination._connection is self._connection:
            self._copy_inside(key, destination, destination_key)
            return
        described = self.stat(key)
        with self._opened(key) as response:
            destination.put(destination_key, response, size_bytes=described.size_bytes)  # type: ignore[arg-type]

    def _copy_inside(self, key: str, destination: S3Store, destination_key: str) -> None:
        try:
            with _translated(key, destination_key):
                self._client.copy_object(destination.bucket, destination_key, CopySource(self._bucket, key))
        except StoreFailed as error:
            raise destination._why_not_stored(destination_key) from error

    def _why_not_stored(self, key: str) -> SoutuError:
        """Find out why a server failed to store: a file server answers a conflict and a name it cannot keep with a bare 500."""
        parts = key.split("/")
        if any(len(part.encode()) > 255 for part in parts):
            return KeyRefused()
        if self._is_in_the_way(parts):
            return KeyConflict()
        time.sleep(_CONFUSED_SECONDS)
        return KeyConflict() if self._is_in_the_way(parts) else StoreFailed()

    def _is_in_the_way(self, parts: list[str]) -> bool:
        """Whether one of a key's folders is an object, or the key itself a folder."""
        if any(self.exists("/".join(parts[:depth])) for depth in range(1, len(parts))):
            return True
        with _translated():
            below = self._client.list_objects(self._bucket, prefix="/".join([*parts, ""]))
            return next(iter(below), None) is not None

    def remove(self, key: str) -> None:
        """Remove an object; none of that name is no error."""
        try:
            with _translated(key):
                self._client.remove_object(self._bucket, key)
        except ObjectMissing:
            return

    def ensure_bucket(self) -> None:
        """Create the bucket unless it exists."""
        with _translated():
            if self._client.bucket_exists(self._bucket):
                return
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as error:
                if error.code not in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
                    raise

    def check(self) -> None:
        """Raise unless the server answers and has the bucket."""
        with _translated():
            if not self._client.bucket_exists(self._bucket):
                raise BucketMissing


class _OutOfRange(InvalidInput):
    """A range begins beyond the end of an object."""

    def __init__(self) -> None:
        super().__init__("OUT_OF_RANGE", zh="读取位置超出文件末尾", en="the position is beyond the end of the file")


_BY_CODE: dict[str, Callable[[], SoutuError]] = {
    "NoSuchKey": ObjectMissing,
    "NoSuchVersion": ObjectMissing,
    "NoSuchBucket": BucketMissing,
    "InvalidRange": _OutOfRange,
    "InvalidArgument": KeyRefused,
    "InvalidObjectName": KeyRefused,
    "XMinioInvalidObjectName": KeyRefused,
    "KeyTooLongError": KeyRefused,
    "XMinioParentIsObject": KeyConflict,
    "XMinioObjectExistsAsDirectory": KeyConflict,
    "EntityTooLarge": ObjectTooLarge,
    "AccessDenied": StoreRefused,
    "AllAccessDisabled": StoreRefused,
    "InvalidAccessKeyId": StoreRefused,
    "SignatureDoesNotMatch": StoreRefused,
    "MethodNotAllowed": StoreRefused,
    "NotImplemented": StoreRefused,
    "RequestTimeTooSkewed": StoreRefused,
    "InternalError": StoreFailed,
}


@contextmanager
def _translated(*keys: str) -> Iterator[None]:
    """Check keys as the MinIO client does, and turn what it and urllib3 raise into this module's errors."""
    try:
        for key in keys:
            check_object_name(key)
    except ValueError as error:
        raise KeyRefused from error
    try:
        yield
    except S3Error as error:
        raise _BY_CODE.get(error.code or "", StoreUnavailable)() from error
    except (InvalidResponseError, ServerError, HTTPError, OSError) as error:
        raise (StoreUntrusted if _is_of_tls(error) else StoreUnavailable)() from error
    except UnicodeEncodeError as error:
        raise KeyRefused from error  # no URL can hold it
    except (ParseError, ValueError) as error:
        raise StoreUnavailable from error  # an answer that is cut off or no S3 server's


def _is_of_tls(error: Exception) -> bool:
    return isinstance(error, SSLError) or (isinstance(error, MaxRetryError) and isinstance(error.reason, SSLError))


def _plaintext_refused(host: str) -> PlaintextRefused:
    return PlaintextRefused(
        "PLAINTEXT_REFUSED",
        zh=f"到照片存储 {host} 的连接没有加密，因此不连：请让它用 https（SOUTU_SEARCH_STORE__URL、"
        "SOUTU_SEARCH_STORE__AUTHORITY）；若确实信任这个网络，设 SOUTU_SEARCH_ALLOW_PLAINTEXT=1",
        en=f"the connection to the photo store {host} would not be encrypted, so it is not made: let it use https "
        "(SOUTU_SEARCH_STORE__URL, SOUTU_SEARCH_STORE__AUTHORITY), or, in a network that you trust, set "
        "SOUTU_SEARCH_ALLOW_PLAINTEXT=1",
    )


def _stored(key: str, etag: str | None, size: int | None, modified_at: datetime | None) -> StoredObject:
    modified = (modified_at or datetime.fromtimestamp(0, UTC)).astimezone(UTC).replace(microsecond=0)
    size_bytes = size or 0
    return StoredObject(key, (etag or "").strip('"') or f"{size_bytes:x}-{int(modified.timestamp()):x}", size_bytes, modified)
