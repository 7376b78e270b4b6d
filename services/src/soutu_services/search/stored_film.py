"""A video where it lies in a bucket: read by ranges, never whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from soutu_services.search.objects import ObjectStore, ObjectTooLarge

__all__ = ["StoredFilm", "digest_in_parts"]


@dataclass(frozen=True, slots=True)
class StoredFilm:
    """An object as a decoder asks for its parts (``RangeSource``)."""

    store: ObjectStore
    object_key: str
    size_bytes: int

    def read(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset`` on; fewer at the end.

        Raises:
            SoutuError: it cannot be read now.
        """
        return self.store.read_range(self.object_key, offset=offset, length=length)


def digest_in_parts(store: ObjectStore, object_key: str, *, max_bytes: int, checkpoint: Callable[[], None]) -> tuple[str, int]:
    """Read an object and return its SHA-256 and its size.

    Args:
        store: The bucket.
        object_key: The object.
        max_bytes: Most bytes that it may have.
        checkpoint: Called between parts; what it raises ends the reading.

    Raises:
        ObjectTooLarge: it has more bytes.
        SoutuError: it is missing or cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    for part in store.stream(object_key):
        checkpoint()
        digest.update(part)
        size += len(part)
        if size > max_bytes:
            raise ObjectTooLarge
    return digest.hexdigest(), size
