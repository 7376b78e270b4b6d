"""Deleting photos, bringing them back, and removing them for good."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from soutu_services.runtime.errors import SoutuError
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog, IdArray, RecycledObject, StoredObject
from soutu_services.search.held_content import still_holds
from soutu_services.search.model import Filter, Photo
from soutu_services.search.object_digest import digest_of
from soutu_services.search.objects import ObjectMissing, StoreUnavailable
from soutu_services.search.upload_name import alternative_names
from soutu_services.search.visibility import EVERYTHING
from soutu_services.search.write_journal import WriteJournal

__all__ = ["Recycling"]

_logger = logging.getLogger(__name__)

_PAGE = 500

ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")


class Recycling:
    """Moves objects of deleted photos to the recycle bucket and back. Thread safe; one move at a time.

    The catalog's mark comes first and the objects follow, each copied before it is removed. What a crash or a store that does
    not answer leaves half done is found in the catalog and finished by ``finish_moves``. Photos of sources that are only read are
    hidden by the mark alone.

    Args:
        catalog: The catalog.
        buckets: Where the objects are.
        journal: Keeps what was copied until the store must have it on its disk: what it was copied from is removed.
        on_purged: Called with the ids of embeddings that are gone, for the index.
    """

    def __init__(
        self, catalog: Catalog, buckets: Buckets, journal: WriteJournal, *, on_purged: Callable[[IdArray], None]
    ) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._journal = journal
        self._on_purged = on_purged
        self._lock = threading.RLock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nothing be moved meanwhile."""
        with self._lock:
            yield

    def delete(self, photo_ids: Sequence[str]) -> list[str]:
        """Delete photos; those that do not exist are passed over.

        Returns:
            The photos that are deleted now. Objects that the store does not move now are moved later.
        """
        with self._lock:
            deleted = self._catalog.photos.delete(photo_ids)
            try:
                self._each(
                    ((photo_id, stored) for photo_id in deleted for stored in self._catalog.objects.of_photo(photo_id)),
                    lambda item: self._move_away(*item),
                )
            except SoutuError as error:
                _logger.warning("deleted photos are moved to the recycle bucket later: %s", error.text.en)
            return deleted

    def undelete(self, photo_ids: Sequence[str]) -> list[str]:
        """Bring deleted photos back under their old names, or names with a number where those are taken.

        Returns:
            The photos that are there again; those that do not exist, were purged, or have no object now are left out.

        Raises:
            SoutuError: the store does not do it for some photos; all others are back.
        """
        with self._lock:
            photos = self._catalog.photos.get_many(photo_ids, EVERYTHING)
            is_back = self._each(photos, self._bring_back)
            return [photo.photo_id for photo, back in zip(photos, is_back, strict=True) if back]

    def purge(self, photo_ids: Sequence[str] | None = None) -> int:
        """Remove deleted photos for good, with all of their objects that soutu may write; None: all that are deleted.

        Returns:
            How many photos were removed.

        Raises:
            SoutuError: the store does not do it for some photos; all others are removed.
        """
        with self._lock:
            return sum(self._each(self._deleted(photo_ids), self._purge))

    def finish_moves(self) -> None:
        """Move what belongs to deleted photos and still lies in a source that soutu writes to, and remove what was purged.

        Raises:
            SoutuError: the store does not do it for some objects; all others are done.
        """
        with self._lock:
            self._remove_purged()
            self._each(self._catalog.objects.of_deleted_photos(self._buckets.writable), lambda item: self._move_away(*item))

    def _each(self, items: Iterable[ItemT], work: Callable[[ItemT], OutcomeT]) -> list[OutcomeT]:
        """Work on all items, whatever fails for one of them; a store that does not answer at all is not asked again and again.

        Raises:
            SoutuError: the last failure, after all that could be done is done.
        """
        outcomes: list[OutcomeT] = []
        failure: SoutuError | None = None
        for item in items:
            try:
                outcomes.append(work(item))
            except SoutuError as error:
                failure = error
                if isinstance(error, StoreUnavailable):
                    self._buckets.recycle.check()
        if failure is not None:
            raise failure
        return outcomes

    def _purge(self, photo_id: str) -> int:
        for _, stored in self._catalog.objects.of_deleted_photos(self._buckets.writable, photo_id):
            self._move_away(photo_id, stored)  # what stays in its source would come back with the next sync
        gone = self._catalog.photos.purge([photo_id])
        self._on_purged(gone.embedding_ids)
        self._remove_purged()
        return len(gone.photo_ids)

    def _remove_purged(self) -> None:
        """Remove what purges, and photos that were brought back, have left in the store: nothing else would find it."""
        for bucket, key in self._catalog.objects.removals():
            if bucket == "thumbnails":
                self._buckets.thumbnails.remove(key)
            else:
                self._buckets.recycle.remove(key)
            self._catalog.objects.removed(bucket, key)

    def _deleted(self, photo_ids: Sequence[str] | None) -> list[str]:
        if photo_ids is not None:
            return [
                photo.photo_id for photo in self._catalog.photos.get_many(photo_ids, EVERYTHING) if photo.deleted_at is not None
            ]
        found: list[str] = []
        token = ""
        while True:
            page = self._catalog.photos.list_page(Filter(), EVERYTHING, deleted=True, limit=_PAGE, page_token_text=token)
            found.extend(photo.photo_id for photo in page.photos)
            token = page.next_page_token
            if not token:
                return found

    def _move_away(self, photo_id: str, stored: StoredObject) -> None:
        source = self._buckets.sources.get(stored.source)
        if source is None or source.read_only:
            return
        self._journal.require_settled()
        recycle_key = f"{stored.source}/{photo_id}/{stored.key}"
        try:
            is_its_own = still_holds(source, stored)
            if is_its_own:
                source.store.copy_to(source.object_key(stored.key), self._buckets.recycle, recycle_key)
        except ObjectMissing:
            is_its_own = False
        if not is_its_own:  # what a person put in its place since the last sync is another photo, and stays
            self._catalog.objects.mark_gone(stored.source, [stored.key])
            self._catalog.objects.moved(recycle_key)
            return
        self._catalog.objects.recycle(stored.object_id, recycle_key)
        self._journal.append_stream("", recycle_key, self._buckets.recycle.stream(recycle_key))
        source.store.remove(source.object_key(stored.key))
        self._catalog.objects.moved(recycle_key)

    def _bring_back(self, photo: Photo) -> bool:
        """Bring one photo back; say whether it is there. It stays deleted if none of its objects is where it was moved to."""
        if photo.deleted_at is not None:
            moved = [self._move_back(recycled) for recycled in self._catalog.objects.recycled([photo.photo_id])]
            if moved and not any(moved) and not self._catalog.objects.of_photo(photo.photo_id):
                return False
            self._catalog.photos.undelete([photo.photo_id])
        return bool(self._catalog.objects.of_photo(photo.photo_id))

    def _move_back(self, recycled: RecycledObject) -> bool:
        source = self._buckets.sources.get(recycled.source)
        if source is None or source.read_only:
            return False
        self._journal.require_settled()
        key = self._free_key(source, recycled)
        try:
            self._buckets.recycle.copy_to(recycled.recycle_key, source.store, source.object_key(key))
        except ObjectMissing:
            _logger.warning("an object of photo %s is missing from the recycle bucket", recycled.photo_id)
            return False
        found = source.store.stat(source.object_key(key))
        self._journal.append_stream(recycled.source, key, source.store.stream(source.object_key(key)))
        self._catalog.objects.restore(
            recycled.recycled_id, key, etag=found.etag, size_bytes=found.size_bytes, modified_at=recycled.modified_at
        )
        self._buckets.recycle.remove(recycled.recycle_key)
        self._catalog.objects.removed("recycle", recycled.recycle_key)
        return True

    def _free_key(self, source: Source, recycled: RecycledObject) -> str:
        for key in alternative_names(recycled.key):
            try:
                found = source.store.stat(source.object_key(key))
                is_itself = found.size_bytes == recycled.size_bytes and (
                    digest_of(source.store, source.object_key(key)) == recycled.sha256  # copied before a crash
                )
            except ObjectMissing:
                return key
            if is_itself:
                return key
        return f"{recycled.photo_id}/{recycled.key}"
