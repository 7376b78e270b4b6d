"""Asks the store whether an object still holds what the catalog knows it by: between two syncs, people change files."""

from __future__ import annotations

from soutu_services.search.buckets import Source
from soutu_services.search.catalog import StoredObject
from soutu_services.search.object_digest import digest_of

__all__ = ["still_holds"]


def still_holds(source: Source, stored: StoredObject) -> bool:
    """Whether an object holds its content now; it is read only where size and entity tag do not tell.

    Raises:
        ObjectMissing: nothing is under its key.
        SoutuError: the store cannot be read.
    """
    key = source.object_key(stored.key)
    found = source.store.stat(key)
    if found.size_bytes != stored.size_bytes:
        return False
    return (stored.etag != "" and found.etag == stored.etag) or digest_of(source.store, key) == stored.sha256
