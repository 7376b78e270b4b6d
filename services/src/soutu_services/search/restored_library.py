"""A library just after a restore: what was deleted since the backup is put back where its bytes are still there."""

from __future__ import annotations

import logging

from soutu_services.runtime.errors import Overloaded, SoutuError
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog
from soutu_services.search.objects import StoreUnavailable
from soutu_services.search.write_journal import WriteJournal

__all__ = ["put_back_deleted"]

_logger = logging.getLogger(__name__)


def put_back_deleted(catalog: Catalog, buckets: Buckets, journal: WriteJournal) -> int:
    """Move objects that the catalog says lie in their sources back there from the recycle bucket.

    A copy comes before each removal, nothing is written over, and what the catalog does not know stays where it is.

    Args:
        catalog: The catalog.
        buckets: Where the objects are.
        journal: Keeps what was copied until the store must have it on its disk: what it was copied from is removed.

    Returns:
        How many were put back.

    Raises:
        Unavailable: the store does not answer, or what it may have lost is being compared; what was put back until then is.
        Overloaded: the search service's disk is full; as above.
    """
    known = {recycled.recycle_key for recycled in catalog.objects.recycled()}
    journal.require_settled()
    count = 0
    for found in list(buckets.recycle.walk()):
        if found.key in known or found.key.count("/") < 2:
            continue
        source_name, photo_id, key = found.key.split("/", 2)
        source = buckets.sources.get(source_name)
        if source is None or source.read_only or not catalog.objects.holds(source_name, key, photo_id):
            continue
        try:
            if source.store.exists(source.object_key(key)):
                continue  # another file has its place by now
            buckets.recycle.copy_to(found.key, source.store, source.object_key(key))
            journal.append_stream(source_name, key, source.store.stream(source.object_key(key)))
            buckets.recycle.remove(found.key)
        except (StoreUnavailable, Overloaded):
            raise
        except SoutuError as error:
            _logger.warning("an object that was deleted after the backup stays in the recycle bucket: %s", error.text.en)
            continue
        count += 1
    return count
