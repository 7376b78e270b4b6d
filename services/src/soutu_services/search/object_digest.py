"""The digest of what an object holds now."""

from __future__ import annotations

import hashlib

from soutu_services.search.objects import ObjectStore

__all__ = ["digest_of"]


def digest_of(store: ObjectStore, key: str) -> str:
    """Read an object and return its SHA-256, 64 lower-case hex digits.

    Raises:
        SoutuError: it is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in store.stream(key):
        digest.update(chunk)
    return digest.hexdigest()
