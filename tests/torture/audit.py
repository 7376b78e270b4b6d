"""What was acknowledged, compared with the catalog, the buckets, the thumbnails and the answers of the service."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from minio import Minio

from torture.bucket_facts import BucketFacts
from torture.catalog_facts import CatalogFacts, read_catalog
from torture.ledger import DELETED, GONE, MOVED, PRESENT, Allowed
from torture.told_facts import ToldFacts, looked_for

__all__ = ["Place", "audit"]

_BROKEN = "broken"
"""The catalog has it and its bytes are nowhere, or not in the state that the catalog says."""
_SAME = 2e-3
_TRIES = 3
_WORD = "照片"
"""A word of the name of every photo of the driver."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is, and how closely it is to be looked at.

    Attributes:
        is_at_rest: Whether everything was taken in and nothing goes on: then all must agree. Else what was acknowledged must be
            there, as after a start, while the service is still at what it was doing.
        sample: How many photos' bytes and thumbnails are read, and how many are searched by themselves; 0: all.
    """

    address: str
    endpoint: str
    access_key: str
    secret_key: str
    photos_bucket: str
    recycle_bucket: str
    thumbnails_bucket: str
    catalog: str
    is_at_rest: bool = True
    sample: int = 0


def audit(photos: dict[str, Allowed], place: Place) -> dict[str, Any]:
    """Say what was acknowledged and is not so, and what does not agree.

    While something goes on, what does not agree is looked at again a moment later: a file that somebody moved is in neither
    place while a sync finds that out.

    Returns:
        ``lost`` and ``twice``, photo ids; ``problems``, a line each; ``looks``, how many photos each thing was looked at of.
    """
    result = _Audit(photos, place).result()
    for again in range(1, _TRIES):
        if place.is_at_rest or not result["problems"]:
            break
        time.sleep(again)
        before, result = result, _Audit(photos, place).result()
        for kind in ("lost", "twice", "problems"):
            result[kind] = [one for one in result[kind] if one in before[kind]]
    return result


@dataclass(frozen=True, slots=True)
class _Buckets:
    photos: BucketFacts
    recycle: BucketFacts
    thumbnails: BucketFacts

    @classmethod
    def of(cls, place: Place) -> Self:
        """List them: what is on its way to the second was in the first before."""
        store = Minio(place.endpoint, access_key=place.access_key, secret_key=place.secret_key, secure=False)
        return cls(*(BucketFacts(store, name) for name in (place.photos_bucket, place.recycle_bucket, place.thumbnails_bucket)))


class _Audit:
    def __init__(self, photos: dict[str, Allowed], place: Place) -> None:
        self._photos = photos
        self._place = place
        chance = random.Random(len(photos))
        self._some = sorted(photos) if not place.sample else chance.sample(sorted(photos), min(place.sample, len(photos)))
        self._catalog = read_catalog(Path(place.catalog))
        self._buckets = _Buckets.of(place)
        self._states = {photo_id: self._state(photo_id) for photo_id in photos}
        self._lost: list[str] = []
        self._twice: list[str] = []
        self._problems: list[str] = []
        self._looks: Counter[str] = Counter()

    def result(self) -> dict[str, Any]:
        for photo_id, allowed in self._photos.items():
            self._judge_state(photo_id, allowed)
        self._judge_bytes()
        if self._place.is_at_rest:
            self._judge_copies()
        self._judge_thumbnails()
        told = ToldFacts(self._place.address)
        try:
            self._judge_answers(told)
        finally:
            told.close()
        return {
            "acknowledged": sum(allowed.uploads for allowed in self._photos.values()),
            "lost": self._lost,
            "twice": self._twice,
            "problems": self._problems,
            "looks": self._looks,
            "states": Counter(self._states.values()),
            "jobs": self._catalog.jobs,
        }

    def _lose(self, photo_id: str, why: str) -> None:
        self._lost.append(photo_id)
        self._problems.append(f"{photo_id} {why}")

    def _state(self, photo_id: str) -> str:
        row = self._catalog.photos.get(photo_id)
        if row is None:
            return GONE
        held, recycled = self._catalog.held.get(photo_id, []), self._catalog.recycled.get(photo_id, [])
        reads, buckets = photo_id in self._some, self._buckets
        if row["deleted_at"] is not None:
            where = ((buckets.recycle, recycled), (buckets.photos, held))
            return DELETED if any(_is_there(bucket, keys, reads=reads) for bucket, keys in where) else _BROKEN
        is_there = row["present"] and row["state"] == "READY" and _is_there(buckets.photos, held, reads=reads)
        return PRESENT if is_there else _BROKEN

    def _judge_state(self, photo_id: str, allowed: Allowed) -> None:
        """What the catalog says of a photo must be what was acknowledged."""
        row = self._catalog.photos.get(photo_id)
        problem = ""
        if self._place.is_at_rest:
            if self._states[photo_id] not in allowed.states:
                problem = f"is {self._states[photo_id]} and not {' or '.join(sorted(allowed.states))}"
        elif row is None:
            if GONE not in allowed.states and allowed.uploads:
                problem = "was acknowledged and is not in the catalog after a start"
        elif allowed.states == {GONE}:
            problem = "was purged and is there after a start"
        elif len(allowed.states) == 1 and (row["deleted_at"] is not None) != (allowed.states == {DELETED}):
            problem = f"is not {' or '.join(allowed.states)} after a start"
        caption = self._catalog.captions.get(photo_id, "")
        if row is not None and not problem and caption not in allowed.captions:
            problem = f"has the caption {caption!r}, not {sorted(allowed.captions)}"
        if problem:
            self._lose(photo_id, problem)

    def _judge_bytes(self) -> None:
        """The bytes of what was acknowledged must be in a bucket, where the catalog has them or where somebody moved them."""
        missing = [photo_id for photo_id in self._some if photo_id not in self._lost]
        missing = [one for one in missing if GONE not in self._photos[one].states and self._photos[one].uploads]
        self._looks["bytes"] += len(missing)
        for photo_id in missing:
            if not _has_bytes(photo_id, self._catalog, self._buckets):
                self._lose(photo_id, "was acknowledged, and no bucket has its bytes")

    def _judge_copies(self) -> None:
        copies: Counter[str] = Counter()
        if not self._place.sample:
            for bucket in (self._buckets.photos, self._buckets.recycle):
                copies.update(bucket.digest(key)[:32] for key in bucket.keys)
        for photo_id in self._photos:
            if copies[photo_id] > 1 or len(self._catalog.held.get(photo_id, [])) > 1:
                self._twice.append(photo_id)
                self._problems.append(f"{photo_id} is there twice")

    def _judge_thumbnails(self) -> None:
        """Each photo that is ready has a thumbnail that can be decoded; at rest none is left of what is gone."""
        thumbnails = self._buckets.thumbnails
        there = {key.rpartition("/")[2].removesuffix(".jpg") for key in thumbnails.keys}
        for photo_id in filter(self._catalog.is_ready, self._photos):
            self._looks["thumbnails"] += 1
            if photo_id not in there:
                self._problems.append(f"{photo_id} has no thumbnail")
            elif photo_id in self._some:
                self._looks["thumbnails decoded"] += 1
                if not thumbnails.is_picture(f"{photo_id[:2]}/{photo_id}.jpg"):
                    self._problems.append(f"{photo_id} has a thumbnail that is no picture")
        if self._place.is_at_rest:
            self._problems += [f"{one} is gone and has a thumbnail" for one in sorted(there - self._catalog.photos.keys())]

    def _judge_answers(self, told: ToldFacts) -> None:
        """What is ready is found, by look and by itself; what was deleted, nowhere; the index has the catalog's vectors."""
        shown, deleted = told.listed(deleted=False), told.listed(deleted=True)
        folders = sorted({_folder(key) for keys in self._catalog.held.values() for key, _ in keys})
        by_look = {folder: told.by_look(folder) for folder in folders}
        by_itself = self._found_by_themselves(told)
        found = shown | told.by_word(_WORD) | told.by_look("").keys() | {one for hits in by_look.values() for one in hits}
        after = read_catalog(Path(self._place.catalog))  # what has changed meanwhile, as a job goes on, is judged the next time
        for folder, hits in by_look.items():
            for photo_id in self._photos:
                if all(_is_ready_in(folder, photo_id, facts) for facts in (self._catalog, after)):
                    self._looks["found by look"] += 1
                    self._judge_cosine(photo_id, hits.get(photo_id), after)
        for photo_id, is_found in by_itself.items():
            if after.is_ready(photo_id):
                self._looks["found by themselves"] += 1
                if not is_found:
                    self._problems.append(f"{photo_id} is not found by itself")
        for photo_id, allowed in self._photos.items():
            if allowed.states <= {DELETED, GONE}:
                self._looks["not found"] += 1
                if photo_id in found:
                    self._problems.append(f"{photo_id} was deleted and is found")
                if allowed.states == {DELETED} and photo_id not in deleted:
                    self._problems.append(f"{photo_id} was deleted and is not listed so")
            elif allowed.states == {PRESENT} and photo_id not in shown and self._was_shown(photo_id, after):
                self._problems.append(f"{photo_id} is not listed")
        if self._place.is_at_rest:
            self._problems += [f"{one} is found and is not in the catalog" for one in sorted(found - after.photos.keys())]
            self._looks["vectors"] = told.vectors()
            if self._looks["vectors"] != len(after.vectors):
                self._problems.append(f"the index counts {self._looks['vectors']} vectors, the catalog {len(after.vectors)}")

    def _was_shown(self, photo_id: str, after: CatalogFacts) -> bool:
        return self._place.is_at_rest or (self._catalog.is_shown(photo_id) and after.is_shown(photo_id))

    def _judge_cosine(self, photo_id: str, cosine: float | None, catalog: CatalogFacts) -> None:
        if cosine is None:
            self._problems.append(f"{photo_id} is not found by look")
            return
        vector = catalog.vectors[photo_id]
        right = float(vector @ looked_for(len(vector)))
        if abs(cosine - right) > _SAME:
            self._problems.append(f"{photo_id} is found at {cosine:.4f}, not {right:.4f}: the index has another vector")

    def _found_by_themselves(self, told: ToldFacts) -> dict[str, bool]:
        """Search for some photos with the bytes that the bucket has of them."""
        found, bucket = {}, self._buckets.photos
        for photo_id in filter(self._catalog.is_ready, self._some):
            keys = [key for key, _ in self._catalog.held.get(photo_id, []) if bucket.digest(key)[:32] == photo_id]
            data = bucket.read(keys[0]) if keys else None
            if data is not None:
                found[photo_id] = told.is_found_by_itself(data, photo_id, _folder(keys[0]))
        return found


def _is_there(bucket: BucketFacts, candidates: list[tuple[str, str]], *, reads: bool) -> bool:
    return bucket.holds(candidates) if reads else any(key in bucket.keys for key, _ in candidates)


def _has_bytes(photo_id: str, catalog: CatalogFacts, buckets: _Buckets) -> bool:
    for bucket, known in ((buckets.photos, catalog.held), (buckets.recycle, catalog.recycled)):
        keys = [*(key for key, _ in known.get(photo_id, [])), *(key for key in bucket.keys if photo_id in key)]
        if any(bucket.digest(key)[:32] == photo_id for key in keys):
            return True
    return False


def _is_ready_in(folder: str, photo_id: str, catalog: CatalogFacts) -> bool:
    return catalog.is_ready(photo_id) and any(_folder(key) == folder for key, _ in catalog.held.get(photo_id, []))


def _folder(key: str) -> str:
    """The folder that a photo is looked for in: those that were moved lie in one of many, and are looked for together."""
    return MOVED if key.startswith(f"{MOVED}/") else key.rpartition("/")[0]
