"""A bucket in memory, for what is fuzzed: a real store would take most of the time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from soutu_services.search.objects import ObjectMissing, ObjectStore, StoredObject

__all__ = ["MemoryStore"]

_MODIFIED = datetime(2024, 5, 1, tzinfo=UTC)


class MemoryStore:
    """Keeps objects in a dictionary; see ``ObjectStore``."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}

    def walk(self, prefix: str = "") -> Iterator[StoredObject]:
        yield from [self.stat(key) for key in sorted(self.objects) if key.startswith(prefix)]

    def stat(self, key: str) -> StoredObject:
        data = self._get(key)
        return StoredObject(key, hashlib.sha256(data).hexdigest(), len(data), _MODIFIED)

    def exists(self, key: str) -> bool:
        return key in self.objects

    def read(self, key: str, *, max_bytes: int) -> bytes:
        return self._get(key)[:max_bytes]

    def read_range(self, key: str, *, offset: int, length: int) -> bytes:
        return self._get(key)[offset : offset + length]

    def stream(self, key: str, *, offset: int = 0, length: int = 0) -> Iterator[bytes]:
        yield self._get(key)[offset : offset + length if length else None]

    def put(self, key: str, data: bytes | BinaryIO, *, size_bytes: int | None = None, media_type: str = "") -> None:
        self.objects[key] = data if isinstance(data, bytes) else data.read(size_bytes if size_bytes is not None else -1)

    def copy_to(self, key: str, destination: ObjectStore, destination_key: str) -> None:
        destination.put(destination_key, self._get(key))

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)

    def ensure_bucket(self) -> None: ...

    def check(self) -> None: ...

    def _get(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise ObjectMissing from None
