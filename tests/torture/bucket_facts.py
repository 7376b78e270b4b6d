"""What the buckets hold, read with the MinIO client alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable

from minio import Minio
from minio.error import MinioException
from PIL import Image

__all__ = ["BucketFacts"]


class BucketFacts:
    """A bucket as it is now: its keys are listed at once, its bytes read when they are asked for, each once."""

    def __init__(self, store: Minio, bucket: str) -> None:
        self._store = store
        self._bucket = bucket
        self._digests: dict[str, str] = {}
        self.keys: set[str] = set()
        if store.bucket_exists(bucket):  # the service makes its own, and may have been killed before
            self.keys = {found.object_name or "" for found in store.list_objects(bucket, recursive=True)}

    def digest(self, key: str) -> str:
        """The SHA-256 of an object; empty if it is not there."""
        if key not in self._digests:
            self._digests[key] = hashlib.sha256(data).hexdigest() if (data := self.read(key)) is not None else ""
        return self._digests[key]

    def holds(self, candidates: Iterable[tuple[str, str]]) -> bool:
        """Whether one of some keys holds the digest that is named with it."""
        return any(key in self.keys and self.digest(key) == sha256 for key, sha256 in candidates)

    def is_picture(self, key: str) -> bool:
        """Whether an object is a picture that can be decoded to its end."""
        data = self.read(key)
        if data is None:
            return False
        try:
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()
        except OSError:
            return False
        return True

    def read(self, key: str) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        try:
            response = self._store.get_object(self._bucket, key)
        except MinioException:  # rclone does not say it as S3 does
            return None
        try:
            return bytes(response.read())
        finally:
            response.close()
            response.release_conn()
