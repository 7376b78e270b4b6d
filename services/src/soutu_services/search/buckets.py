"""The buckets of a library: the sources of its photos, its thumbnails, and what was deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Self
from zipfile import BadZipFile, ZipFile, ZipInfo

from soutu_services.search.imaging import Reading
from soutu_services.search.objects import ObjectMissing, ObjectStore
from soutu_services.search.settings import UPLOAD_SOURCE, SearchSettings, StoreSettings
from soutu_services.search.store import S3Connection

__all__ = ["Buckets", "Source", "Thumbnails"]

_MAX_THUMBNAIL_BYTES = 8 << 20
_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"
_IMAGE, _FRAMES = ".jpg", ".zip"
_KEY = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32})\.(?:jpg|zip)")
_HOLE = bytes(512)
"""A sector of zeros: what a power cut leaves of bytes that were not on the disk. No JPEG with the standard tables has one."""


@dataclass(frozen=True, slots=True)
class Source:
    """A bucket, or a folder of one, that photos are read from.

    Attributes:
        name: How people call it.
        store: The bucket.
        read_only: Whether soutu never writes to it.
        prefix: Folder of the bucket that is the top of the source; ends with "/" unless empty. No part of the photos' names.
    """

    name: str
    store: ObjectStore
    read_only: bool
    prefix: str = ""

    def object_key(self, key: str) -> str:
        """Tell the key in the bucket of a key in the source."""
        return self.prefix + key


class Thumbnails:
    """The bucket of thumbnails, ``{first two digits}/{photo id}.jpg``. What is missing can be made again.

    The frames that stand for a video lie beside its thumbnail in a ZIP file, uncompressed, each under its time in milliseconds.
    """

    media_type = "image/jpeg"

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, photo_id: str, image: bytes) -> None:
        """Keep a photo's thumbnail, instead of one that is there."""
        self._store.put(self._key(photo_id), image, media_type=self.media_type)

    def get(self, photo_id: str) -> bytes | None:
        """Read a photo's thumbnail; None if there is none that is whole: it is to be made again."""
        try:
            image = self._store.read(self._key(photo_id), max_bytes=_MAX_THUMBNAIL_BYTES)
        except ObjectMissing:
            return None
        return image if image[:2] == _BEGIN and image[-2:] == _END and _HOLE not in image else None

    def keep(self, photo_id: str, reading: Reading) -> None:
        """Keep what a photo's reading shows: its frames, if it is a video, and its thumbnail, which comes last."""
        if reading.frames:
            self.put_frames(photo_id, {frame.time_ms: frame.image for frame in reading.frames})
        self.put(photo_id, reading.thumbnail)

    def put_frames(self, photo_id: str, frames: Mapping[int, bytes]) -> None:
        """Keep the frames that stand for a video, by their times in milliseconds."""
        out = BytesIO()
        with ZipFile(out, "w") as archive:
            for time_ms in sorted(frames):
                archive.writestr(ZipInfo(f"{time_ms}.jpg"), frames[time_ms])
        self._store.put(self._key(photo_id, _FRAMES), out.getvalue(), media_type="application/zip")

    def frames(self, photo_id: str) -> dict[int, bytes] | None:
        """Read the frames that stand for a video, by their times; None if they are not all there: they are to be made again."""
        try:
            data = self._store.read(self._key(photo_id, _FRAMES), max_bytes=_MAX_THUMBNAIL_BYTES)
            with ZipFile(BytesIO(data)) as archive:
                frames = {int(name.removesuffix(_IMAGE)): archive.read(name) for name in archive.namelist()}
        except (ObjectMissing, BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, OSError):
            return None  # a part of a file, or zeros: what a power cut leaves
        return frames if frames and all(image[:2] == _BEGIN for image in frames.values()) else None

    def photo_ids(self) -> set[str]:
        """List the photos that have one, whole or not."""
        matches = (_KEY.fullmatch(found.key) for found in self._store.walk())
        return {match[1] for match in matches if match is not None}

    def remove(self, photo_id: str) -> None:
        """Remove a photo's thumbnail and its frames, if there are any."""
        self._store.remove(self._key(photo_id))
        self._store.remove(self._key(photo_id, _FRAMES))

    @staticmethod
    def _key(photo_id: str, suffix: str = _IMAGE) -> str:
        return f"{photo_id[:2]}/{photo_id}{suffix}"


class Buckets:
    """All buckets and the connections to their servers. Close it at the end.

    Attributes:
        sources: Sources by name, the writable one first.
        thumbnails: Thumbnails.
        recycle: Bucket of the objects of deleted photos.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        thumbnails: ObjectStore,
        recycle: ObjectStore,
        connections: tuple[S3Connection, ...] = (),
        *,
        has_uploads: Callable[[], bool] = lambda: False,
    ) -> None:
        self.sources = sources
        self.thumbnails = Thumbnails(thumbnails)
        self.recycle = recycle
        self._has_uploads = has_uploads
        self._others = (thumbnails, recycle)
        self._connections = connections

    @classmethod
    def open(cls, settings: SearchSettings, *, has_uploads: Callable[[], bool]) -> Self:
        """Prepare the connections that the settings name; nothing is sent yet.

        Args:
            settings: The settings.
            has_uploads: Whether the catalog knows of objects in the bucket that uploads land in.

        Raises:
            StoreRefused: an access key is shorter than any server takes.
        """
        width = settings.workers + settings.ingest.readers + settings.ingest.batches_in_flight
        connections: dict[StoreSettings, S3Connection] = {}

        def connection(store: StoreSettings | None) -> S3Connection:
            wanted = store or settings.store
            if wanted not in connections:
                connections[wanted] = S3Connection(
                    wanted,
                    connections=width,
                    authority=settings.tls.authority,
                    allow_plaintext=settings.allow_plaintext,
                )
            return connections[wanted]

        own = connection(None)
        sources = {UPLOAD_SOURCE: Source(UPLOAD_SOURCE, own.bucket(settings.photos_bucket), read_only=False)}
        for source in settings.sources:
            store = connection(source.store).bucket(source.bucket)
            sources[source.name] = Source(source.name, store, read_only=True, prefix=source.prefix)
        return cls(
            sources,
            own.bucket(settings.thumbnails_bucket),
            own.bucket(settings.recycle_bucket),
            tuple(connections.values()),
            has_uploads=has_uploads,
        )

    @property
    def uploads(self) -> Source:
        """The source that uploads land in."""
        return self.sources[UPLOAD_SOURCE]

    @property
    def writable(self) -> tuple[str, ...]:
        """Names of the sources that soutu writes to."""
        return tuple(source.name for source in self.sources.values() if not source.read_only)

    def ensure(self) -> None:
        """Create soutu's own buckets unless they exist.

        The bucket of the uploads is created for a library that has none yet alone: where it is missing although there were
        photos in it, its disk is not mounted, and what were put into another bucket of its name would be gone once it is.

        Raises:
            BucketMissing: the bucket of the uploads is gone.
            SoutuError: the server does not answer, or refuses.
        """
        if self._has_uploads():
            self.uploads.store.check()
        else:
            self.uploads.store.ensure_bucket()
        for store in self._others:
            store.ensure_bucket()

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()
