"""Originals: the bytes that photos were made of, wherever they lie now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from soutu_services.runtime.errors import FailedPrecondition, NotFound
from soutu_services.search.buckets import Buckets
from soutu_services.search.catalog import Catalog
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.imaging import LARGE_SIDE, Unreadable
from soutu_services.search.model import UnreadableReason
from soutu_services.search.objects import ObjectMissing, ObjectStore, ObjectTooLarge
from soutu_services.search.visibility import EVERYTHING, Visibility

__all__ = ["Original", "Originals"]


@dataclass(frozen=True, slots=True)
class _Place:
    store: ObjectStore
    object_key: str
    name: str
    size_bytes: int
    modified_at: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class Original:
    """A photo's original.

    Attributes:
        media_type: What it is, by its content.
        size_bytes: Size of the whole.
        file_name: Last part of its name.
        chunks: The bytes that were asked for. Close the iterator if it is not read to its end.
    """

    media_type: str
    size_bytes: int
    file_name: str
    chunks: Iterator[bytes]


class Originals:
    """Finds and reads originals, those of deleted photos too. Thread safe."""

    def __init__(self, catalog: Catalog, buckets: Buckets, decoders: DecoderPool) -> None:
        self._catalog = catalog
        self._buckets = buckets
        self._decoders = decoders

    def open(self, photo_id: str, visibility: Visibility, *, offset: int = 0, length: int = 0) -> Original:
        """Open the original of a photo, given by its id or the first digits of it.

        Args:
            photo_id: The photo.
            visibility: What the caller may see: the bytes, and the file's name, are those of an object there.
            offset: Byte to begin with; a negative one counts from the end. Behind the end there are none.
            length: Bytes to read at most; 0: to the end.

        Raises:
            NotFound: there is no such photo, or no object of it is there now.
            SoutuError: the store cannot be read.
        """
        photo = self._catalog.photos.get(photo_id, visibility)
        for place in self._places(photo.photo_id, visibility):
            begin = offset if offset >= 0 else max(0, place.size_bytes + offset)
            if begin >= place.size_bytes:
                if not place.store.exists(place.object_key):
                    continue
                chunks: Iterator[bytes] = iter(())
            else:
                chunks = place.store.stream(place.object_key, offset=begin, length=min(length, place.size_bytes - begin))
            try:
                first = next(chunks, b"")
            except ObjectMissing:
                continue
            return Original(
                media_type=photo.media_type or "application/octet-stream",
                size_bytes=place.size_bytes,
                file_name=place.name.rpartition("/")[2],
                chunks=_chained(first, chunks),
            )
        raise _gone()

    def render(self, photo_id: str, *, large: bool = False) -> bytes:
        """Make the thumbnail of a photo from its original, or a large one, for a person who waits.

        Raises:
            NotFound: no object of the photo is there now.
            Unreadable: the original cannot be read as a picture.
            SoutuError: the store cannot be read.
        """
        for place in self._places(photo_id, EVERYTHING):
            try:
                data = place.store.read(place.object_key, max_bytes=self._decoders.limits.max_bytes)
            except ObjectMissing:
                continue
            if hashlib.sha256(data).hexdigest() != place.sha256:
                continue  # overwritten, and not read again yet: what is there now may not be for those who see this photo
            if large:
                return self._decoders.read(data, name=place.name, urgent=True, longer_side=LARGE_SIDE).thumbnail
            return self._decoders.read(data, name=place.name, modified_at=place.modified_at).thumbnail
        raise _gone()

    def thumbnail(self, photo_id: str, visibility: Visibility, *, large: bool = False) -> bytes:
        """Get the thumbnail of a photo, given by its id or the first digits of it; made again if it is missing.

        Args:
            photo_id: The photo.
            visibility: What the caller may see.
            large: A large one instead, which is made each time.

        Raises:
            NotFound: there is no such photo, or no object of it is there now.
            FailedPrecondition: the photo has none yet, or cannot be read, or not any more.
            SoutuError: the store cannot be read.
        """
        photo = self._catalog.photos.get(photo_id, visibility)
        if photo.unreadable is not None and not photo.media_type:
            raise _no_thumbnail(photo.unreadable)
        image = None if large else self._buckets.thumbnails.get(photo.photo_id)
        if image is not None:
            return image
        if not photo.media_type:
            raise FailedPrecondition(
                "NOT_READ_YET",
                zh="这张照片还没有处理完，请稍后再试",
                en="this photo has not been read yet; try again in a moment",
            )
        try:
            image = self.render(photo.photo_id, large=large)
        except Unreadable as unreadable:  # the file was overwritten, or the limits are lower than they were
            raise _no_thumbnail(unreadable.reason) from unreadable
        except ObjectTooLarge as error:
            raise _no_thumbnail(UnreadableReason.TOO_LARGE) from error
        if not large:
            self._buckets.thumbnails.put(photo.photo_id, image)
        return image

    def _places(self, photo_id: str, visibility: Visibility) -> Iterator[_Place]:
        """Yield where the photo's own content may lie, as far as a caller may see: the first that is there will do."""
        for found in self._catalog.objects.of_photo(photo_id):
            source = self._buckets.sources.get(found.source)
            if source is not None and found.sha256.startswith(photo_id) and visibility.holds(found.source, found.key):
                yield _Place(
                    source.store, source.object_key(found.key), found.key, found.size_bytes, found.modified_at, found.sha256
                )
        if not visibility.is_everything:
            return  # deleted photos are hidden
        for recycled in self._catalog.objects.recycled([photo_id]):
            if recycled.sha256.startswith(photo_id):
                recycle = self._buckets.recycle
                yield _Place(
                    recycle, recycled.recycle_key, recycled.key, recycled.size_bytes, recycled.modified_at, recycled.sha256
                )


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    try:
        if first:
            yield first
        yield from rest
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _no_thumbnail(reason: UnreadableReason) -> FailedPrecondition:
    return FailedPrecondition("NO_THUMBNAIL", zh=f"没有缩略图：{reason.text.zh}", en=f"no thumbnail: {reason.text.en}")


def _gone() -> NotFound:
    return NotFound(
        "ORIGINAL_GONE",
        zh="这张照片的原图现在不在存储里，请检查照片所在的磁盘或重新同步",
        en="the original of this photo is not in the store now; check the disk it lies on, or sync again",
    )
