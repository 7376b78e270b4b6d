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
from soutu_services.search.imaging import LARGE_SIDE, Reading, Unreadable
from soutu_services.search.model import PhotoKind, UnreadableReason
from soutu_services.search.object_digest import digest_of
from soutu_services.search.objects import ObjectMissing, ObjectStore, ObjectTooLarge
from soutu_services.search.stored_film import StoredFilm
from soutu_services.search.visibility import EVERYTHING, Visibility

__all__ = ["Original", "Originals"]

_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class _Place:
    store: ObjectStore
    object_key: str
    name: str
    size_bytes: int
    modified_at: datetime
    sha256: str
    etag: str = ""

    def holds_still(self) -> bool:
        """Whether it holds what it did when it was read; it is read again only where size and entity tag do not tell.

        Raises:
            ObjectMissing: nothing is there.
            SoutuError: the store cannot be read.
        """
        found = self.store.stat(self.object_key)
        if found.size_bytes != self.size_bytes:
            return False
        return (self.etag != "" and found.etag == self.etag) or digest_of(self.store, self.object_key) == self.sha256


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

    def open(self, photo_id: str, visibility: Visibility, *, part_id: str = "", offset: int = 0, length: int = 0) -> Original:
        """Open the original of a photo, given by its id or the first digits of it, or another file that belongs to it.

        Args:
            photo_id: The photo.
            visibility: What the caller may see: the bytes, and the file's name, are those of an object there.
            part_id: Which of the photo's parts; empty: what it is shown by, or what had the id that is given.
            offset: Byte to begin with; a negative one counts from the end. Behind the end there are none.
            length: Bytes to read at most; 0: to the end.

        Raises:
            NotFound: there is no such photo, or no object of it is there now.
            SoutuError: the store cannot be read.
        """
        photo = self._catalog.photos.get(photo_id, visibility)
        if not part_id and not photo.photo_id.startswith(asked := photo_id.strip().lower()):  # it was a photo of its own
            part_id = next((part.part_id for part in photo.parts if part.part_id.startswith(asked)), "")
        part = next((part for part in photo.parts if part.part_id == part_id), None)
        if part is None and part_id not in ("", photo.photo_id):
            raise NotFound("PART_NOT_FOUND", zh="这张照片没有这个文件", en="the photo has no such file")
        for place in self._places(photo.photo_id, visibility, part_id):
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
                media_type=(part.media_type if part is not None else photo.media_type) or "application/octet-stream",
                size_bytes=place.size_bytes,
                file_name=place.name.rpartition("/")[2],
                chunks=_chained(first, chunks),
            )
        raise _gone()

    def make_again(self, photo_id: str) -> Reading:
        """Make the thumbnail of a photo, and a video's frames, from its original, and keep them.

        Raises:
            NotFound: no object of the photo is there now.
            Unreadable: the original cannot be read.
            SoutuError: the store cannot be read or written.
        """
        reading = self._read(photo_id)
        self._buckets.thumbnails.keep(photo_id, reading)
        return reading

    def _read(self, photo_id: str, *, large: bool = False) -> Reading:
        photo = next(iter(self._catalog.photos.get_many([photo_id], EVERYTHING)), None)
        is_video = photo is not None and photo.kind is PhotoKind.VIDEO
        for place in self._places(photo_id, EVERYTHING):
            try:
                reading = self._read_video(place, large=large) if is_video else self._read_picture(place, large=large)
            except ObjectMissing:
                continue
            if reading is not None:
                return reading
        raise _gone()

    def _read_picture(self, place: _Place, *, large: bool) -> Reading | None:
        """Read a picture; None if it was overwritten and not read again yet: it may not be for those who see this photo."""
        data = place.store.read(place.object_key, max_bytes=self._decoders.limits.max_bytes)
        if hashlib.sha256(data).hexdigest() != place.sha256:
            return None
        if large:
            return self._decoders.read(data, name=place.name, urgent=True, longer_side=LARGE_SIDE)
        return self._decoders.read(data, name=place.name, modified_at=place.modified_at)

    def _read_video(self, place: _Place, *, large: bool) -> Reading | None:
        """Read a video, or its poster alone, large; None if it was overwritten, as above."""
        if not place.holds_still():
            return None
        film = StoredFilm(place.store, place.object_key, place.size_bytes)
        if large:
            at_ms = self._catalog.photos.poster_ms(place.sha256[:_ID_DIGITS])
            return self._decoders.read_film(film, name=place.name, urgent=True, longer_side=LARGE_SIDE, at_ms=at_ms)
        return self._decoders.read_film(film, name=place.name, modified_at=place.modified_at)

    def thumbnail(self, photo_id: str, visibility: Visibility, *, large: bool = False, frame_ms: int | None = None) -> bytes:
        """Get the thumbnail of a photo, given by its id or the first digits of it; made again if it is missing.

        Args:
            photo_id: The photo.
            visibility: What the caller may see.
            large: A large one instead, which is made each time.
            frame_ms: Of a video, the kept frame nearest to this time instead of its poster.

        Raises:
            NotFound: there is no such photo, or no object of it is there now.
            FailedPrecondition: the photo has none yet, or cannot be read, or not any more.
            SoutuError: the store cannot be read.
        """
        photo = self._catalog.photos.get(photo_id, visibility)
        if photo.unreadable is not None and not photo.media_type:
            raise _no_thumbnail(photo.unreadable)
        if frame_ms is not None and not large and photo.kind is PhotoKind.VIDEO:
            frames = self._buckets.thumbnails.frames(photo.photo_id)
            if frames:
                return frames[min(frames, key=lambda at: (abs(at - frame_ms), at))]
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
            return (self._read(photo.photo_id, large=True) if large else self.make_again(photo.photo_id)).thumbnail
        except Unreadable as unreadable:  # the file was overwritten, or the limits are lower than they were
            raise _no_thumbnail(unreadable.reason) from unreadable
        except ObjectTooLarge as error:
            raise _no_thumbnail(UnreadableReason.TOO_LARGE) from error

    def _places(self, photo_id: str, visibility: Visibility, part_id: str = "") -> Iterator[_Place]:
        """Yield where the photo's own content, or a part of it, may lie, as far as a caller may see: the first there will do."""
        wanted = part_id or photo_id
        for found in self._catalog.objects.of_photo(photo_id):
            source = self._buckets.sources.get(found.source)
            if source is not None and found.sha256.startswith(wanted) and visibility.holds(found.source, found.key):
                yield _Place(
                    store=source.store,
                    object_key=source.object_key(found.key),
                    name=found.key,
                    size_bytes=found.size_bytes,
                    modified_at=found.modified_at,
                    sha256=found.sha256,
                    etag=found.etag,
                )
        if not visibility.is_everything:
            return  # deleted photos are hidden
        for recycled in self._catalog.objects.recycled([photo_id]):
            if recycled.sha256.startswith(wanted):
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
