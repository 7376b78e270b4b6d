"""What an object store is: its objects, its operations and its failures.

Failures are told apart by what can be done about them; none of their texts holds a key or an address.

    StoreUnavailable   Unavailable: the server does not answer; later
    StoreFailed        Unavailable: it answers that it failed, for instance because its disk is full; later
    StoreRefused       FailedPrecondition: wrong credentials, no permission, a read-only bucket
    BucketMissing      FailedPrecondition
    ObjectMissing      NotFound
    ObjectTooLarge     InvalidInput
    KeyConflict        FailedPrecondition: a file server cannot hold ``a`` and ``a/b``
    KeyRefused         InvalidInput: a name that the server cannot keep
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

__all__ = [
    "BucketMissing",
    "KeyConflict",
    "KeyRefused",
    "ObjectMissing",
    "ObjectStore",
    "ObjectTooLarge",
    "StoreFailed",
    "StoreRefused",
    "StoreUnavailable",
    "StoreUntrusted",
    "StoredObject",
]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a bucket.

    Attributes:
        key: Its name in the bucket, "/" between folders.
        etag: Changes when the content does. Where the server gives none, made of the size and the time of modification.
        size_bytes: Its size.
        modified_at: When it was last modified, with time zone; in whole seconds, so that a listing and ``stat`` agree.
    """

    key: str
    etag: str
    size_bytes: int
    modified_at: datetime


class StoreUnavailable(Unavailable):
    """The S3 server does not answer, or answers that it cannot now."""

    def __init__(self) -> None:
        super().__init__(
            "STORE_UNAVAILABLE",
            zh="照片存储（S3）没有响应，请检查它是否在运行，soutu 会自动重试",
            en="the photo store (S3) does not answer; check that it is running, soutu will try again by itself",
        )


class StoreUntrusted(Unavailable):
    """TLS with the S3 server does not come about."""

    def __init__(self) -> None:
        super().__init__(
            "STORE_NOT_TRUSTED",
            zh="照片存储（S3）的证书不可信、已过期或名字不符，或它没有使用 TLS；"
            "请检查它的证书，并用 SOUTU_SEARCH_STORE__AUTHORITY 指出签发机构",
            en="the certificate of the photo store (S3) is not trusted, has ended or is for another name, or it does not speak "
            "TLS; check it, and name its authority in SOUTU_SEARCH_STORE__AUTHORITY",
        )


class StoreFailed(Unavailable):
    """The S3 server answers that it failed."""

    def __init__(self) -> None:
        super().__init__(
            "STORE_FAILED",
            zh="照片存储（S3）出错，请检查它的磁盘空间和日志，soutu 会自动重试",
            en="the photo store (S3) failed; check its disk space and its log, soutu will try again by itself",
        )


class StoreRefused(FailedPrecondition):
    """The S3 server refuses these credentials, or what is asked with them."""

    def __init__(self) -> None:
        super().__init__(
            "STORE_REFUSED",
            zh="照片存储（S3）拒绝了请求，请检查访问密钥和权限（只读的桶不能写入）",
            en="the photo store (S3) refused; check the access keys and permissions (read-only buckets take no writes)",
        )


class BucketMissing(FailedPrecondition):
    """The bucket does not exist."""

    def __init__(self) -> None:
        super().__init__(
            "BUCKET_MISSING",
            zh="照片存储里没有配置的桶，请检查它的磁盘是否已挂载，或者创建它、修改设置",
            en="the photo store lacks the configured bucket; check that its disk is mounted, or create it or change the settings",
        )


class ObjectMissing(NotFound):
    """The object does not exist, or no longer."""

    def __init__(self) -> None:
        super().__init__(
            "OBJECT_MISSING",
            zh="照片存储里已没有这个文件，请重新同步",
            en="the photo store no longer has this file; run a sync",
        )


class ObjectTooLarge(InvalidInput):
    """The object has more bytes than the caller wants to read."""

    def __init__(self) -> None:
        super().__init__("OBJECT_TOO_LARGE", zh="文件大小超过上限", en="the file is larger than the limit")


class KeyConflict(FailedPrecondition):
    """A file is where a folder is needed, or the other way round."""

    def __init__(self) -> None:
        super().__init__(
            "KEY_CONFLICT",
            zh="已有同名的文件或文件夹占用了这个位置，请换一个名字",
            en="a file or folder of the same name is in the way; choose another name",
        )


class KeyRefused(InvalidInput):
    """The store cannot keep an object of this name."""

    def __init__(self) -> None:
        super().__init__(
            "KEY_REFUSED",
            zh="照片存储不接受这个文件名，请缩短它或去掉特殊字符",
            en="the photo store does not take this file name; shorten it or leave out special characters",
        )


class ObjectStore(Protocol):
    """One bucket. Safe to use from several threads; every method raises the errors of this module and no others."""

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        ...

    def walk(self, prefix: str = "") -> Iterator[StoredObject]:
        """List all objects below a folder (ends with "/"; empty: all), folder by folder.

        A folder that a file server lists under a name by which it does not find it (one that is no UTF-8) comes as an object of
        no bytes, to be told of: what is in it cannot be read.
        """
        ...

    def stat(self, key: str) -> StoredObject:
        """Describe one object."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""
        ...

    def read(self, key: str, *, max_bytes: int) -> bytes:
        """Read a whole object into memory; ``ObjectTooLarge`` before its bytes are read."""
        ...

    def read_range(self, key: str, *, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset`` on; fewer at the end, none beyond it."""
        ...

    def stream(self, key: str, *, offset: int = 0, length: int = 0) -> Iterator[bytes]:
        """Read an object piece by piece, from ``offset`` on and ``length`` bytes at most (0: to its end).

        Close the iterator if it is not read to its end.
        """
        ...

    def put(self, key: str, data: bytes | BinaryIO, *, size_bytes: int | None = None, media_type: str = "") -> None:
        """Store an object, replacing one of the same key. ``size_bytes`` is needed for a stream."""
        ...

    def copy_to(self, key: str, destination: ObjectStore, destination_key: str) -> None:
        """Copy an object into this or another bucket."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object; none of that name is no error."""
        ...

    def ensure_bucket(self) -> None:
        """Create the bucket unless it exists."""
        ...

    def check(self) -> None:
        """Raise unless the server answers and has the bucket."""
        ...
