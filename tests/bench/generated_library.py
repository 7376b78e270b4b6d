"""A library of any size, written into a catalog and a store through the project's own modules, without reading a picture."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from bench.index.world import BLOCK, World
from soutu_services.search.catalog import AnnotationChange, Catalog, Ingested, SeenObject, Space
from soutu_services.search.imaging import Reading
from soutu_services.search.model import PhotoKind, Taken, TakenOrigin

__all__ = ["fill_catalog", "fill_embeddings", "fill_thumbnails", "photo_id", "reading"]

_BATCH = 1024
_PICTURES = 400
"""Thumbnails that differ; all others are links to one of these."""
_FIRST = datetime(2009, 1, 1, 8, 0, 0)
_DAYS = 16 * 365
_CAMERAS = ("Apple iPhone 12", "Canon EOS 80D", "HUAWEI P30", "SONY ILCE-7M3", "")
_PLACES = ("旅行", "家", "学校", "奶奶家", "工作")
_SIZES = ((4032, 3024), (3024, 4032), (6000, 4000), (1920, 1080), (2448, 2448))


def photo_id(number: int) -> str:
    """Return the id of the photo of a number."""
    return _sha256(number)[:32]


def fill_catalog(catalog: Catalog, photos: int, *, first: int = 0) -> None:
    """Add so many photos with names, times over 16 years, cameras, tags, albums and embeddings of the space that serves.

    Args:
        catalog: The catalog; a space serves.
        photos: How many.
        first: Number of the first of them, where others are there already: a multiple of ``BLOCK``.
    """
    world = World(_space(catalog).dimension)
    for begin in range(first, first + photos, BLOCK):
        vectors = next(world.blocks(min(BLOCK, first + photos - begin), first_block=begin // BLOCK))
        for at in range(0, len(vectors), _BATCH):
            some = vectors[at : at + _BATCH]
            numbers = range(begin + at, begin + at + len(some))
            catalog.objects.record_seen("photos", [_seen(number) for number in numbers])
            unread = {one.key: one for one in catalog.objects.next_unread(2 * _BATCH)}
            catalog.ingest.record([Ingested(unread[_name(number)], _sha256(number), reading(number)) for number in numbers])
            catalog.embeddings.put(_space(catalog).space_id, [photo_id(number) for number in numbers], some)
            tagged = [photo_id(number) for number in numbers if number % 20 == 0]
            group = numbers[0] // _BATCH
            change = AnnotationChange(favourite=True, add_tags=(f"标签{group % 40}",), add_albums=(f"相册{group % 25}",))
            catalog.annotations.annotate(tagged, change)


def fill_embeddings(catalog: Catalog, photo_ids: Sequence[str]) -> None:
    """Give photos that await their embedding one each."""
    space = _space(catalog)
    vectors = np.concatenate(list(World(space.dimension).blocks(len(photo_ids))))
    catalog.embeddings.put(space.space_id, photo_ids, vectors)


def fill_thumbnails(bucket: Path, photos: int) -> int:
    """Write the thumbnails of ``fill_catalog``'s photos into a bucket's folder; return the mean size in bytes."""
    seeds = bucket.parent / f".{bucket.name}-seeds"
    seeds.mkdir(parents=True)
    random = np.random.default_rng(2)
    sizes = []
    for number in range(min(photos, _PICTURES)):
        wide, high = _SIZES[number % len(_SIZES)]
        scale = 512 / max(wide, high)
        blocks = random.integers(0, 255, (24, 24, 3), np.uint8)
        picture = Image.fromarray(blocks).resize((round(wide * scale), round(high * scale)), Image.Resampling.BICUBIC)
        grain = random.integers(-9, 9, (picture.height, picture.width, 1))
        grained = np.clip(np.asarray(picture).astype(np.int16) + grain, 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(grained).save(out, "JPEG", quality=82)
        (seeds / f"{number}.jpg").write_bytes(out.getvalue())
        sizes.append(len(out.getvalue()))
    for number in range(photos):
        name = photo_id(number)
        folder = bucket / name[:2]
        folder.mkdir(parents=True, exist_ok=True)
        os.link(seeds / f"{number % _PICTURES}.jpg", folder / f"{name}.jpg")
    return round(sum(sizes) / len(sizes))


def _space(catalog: Catalog) -> Space:
    space = catalog.embeddings.serving_space()
    assert space is not None, "no embedding service was ever there"
    return space


def _sha256(number: int) -> str:
    return hashlib.sha256(f"photo {number}".encode()).hexdigest()


def _taken(number: int) -> datetime:
    return _FIRST + timedelta(days=number * 7919 % _DAYS, seconds=number % 50_000)


def _name(number: int) -> str:
    taken = _taken(number)
    return f"{_PLACES[number % len(_PLACES)]}/{taken:%Y/%m}/IMG_{taken:%Y%m%d}_{number:06}.jpg"


def _seen(number: int) -> SeenObject:
    return SeenObject(_name(number), f"{number:032x}", 3_000_000 + number, datetime(2024, 5, 1, tzinfo=UTC), ignored=False)


def reading(number: int) -> Reading:
    """Make what would be read from the picture of a number: one of a few sizes, a time, mostly a camera, no thumbnail."""
    width, height = _SIZES[number % _PICTURES % len(_SIZES)]
    digits = int(_sha256(number)[:16], 16)
    return Reading(
        media_type="image/heic" if number % 3 == 0 else "image/jpeg",
        width=width,
        height=height,
        kind=PhotoKind.STILL,
        taken=Taken(_taken(number), 480, TakenOrigin.EXIF),
        camera=_CAMERAS[number % len(_CAMERAS)],
        location=None,
        phash=digits,
        thumbnail=b"",  # written by fill_thumbnails
    )
