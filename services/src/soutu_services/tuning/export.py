"""A library as a data set that cn_clip trains from.

First the photos are listed with their captions and given splits; then their pictures are written, the texts, and the LMDB. Each
step is kept in a ledger: an export that was killed goes on where it was. Of a photo, its id and its time alone are in memory.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from soutu_services.embedding.encoder import ItemRefused
from soutu_services.embedding.image_input import ImageLimits, decode_rgb
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, NotFound
from soutu_services.tuning.captions import captions_of
from soutu_services.tuning.clip_lmdb import write_clip_lmdb
from soutu_services.tuning.clip_tables import ClipTables, image_line, images_file, text_line, texts_file
from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.export_ledger import ExportLedger, PhotoRecord, Progress
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.library import Library, LibraryPhoto, Selection
from soutu_services.tuning.photo_groups import PhotoGroups

__all__ = ["MAP_FILE", "ExportRequest", "Exported", "export_library"]

MAP_FILE = "photos.tsv"
_LEDGER = ".export"
_BATCH = 256
_READERS = 4
_SIDE, _QUALITY = 512, 90
_OF_ONE_PHOTO = frozenset({"NO_THUMBNAIL", "NOT_READ_YET"})
"""Reasons for which the search service has no thumbnail of a photo; any other is a fault of its own."""
_LIMITS = ImageLimits(max_bytes=32 << 20, max_pixels=80_000_000)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export.

    Attributes:
        selection: Which photos.
        splits: Names of the splits and their shares, which add up to 1.
        burst_seconds: Longest pause between photos of one burst.
        near: Photos are near-duplicates if their perceptual hashes differ in at most so many of 64 bits, and the cosine of their
            vectors is at least so much, for one of these pairs. A hash that is almost the same needs little else: small copies,
            compressed hard, have cosines of 0.6 with ``lite``. What is cropped differs in more bits, and looks the more alike.
        photos_a_caption: A caption that more photos share tells of none of them, and is left out.
        queries: Further captions, by photo id: what people found a photo by.
    """

    selection: Selection
    splits: tuple[tuple[str, float], ...] = (("train", 0.9), ("valid", 0.1))
    burst_seconds: int = 10
    near: tuple[tuple[int, float], ...] = ((10, 0.4), (12, 0.8))
    photos_a_caption: int = 20
    queries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: photos and texts of each split, and the photos that were left out since nothing tells of them."""

    photos: dict[str, int]
    texts: dict[str, int]
    untold: int


def export_library(
    library: Library,
    folder: Path,
    request: ExportRequest,
    flaws: Flaws,
    *,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Exported:
    """Export photos of a library into a folder, or go on with an export that was stopped.

    Args:
        library: The library.
        folder: Where the tables, ``lmdb`` and ``photos.tsv`` go.
        request: What to export.
        flaws: Takes what is wrong with single photos.
        on_progress: Told how many photos are done, and how many there are.

    Raises:
        FailedPrecondition: the folder holds another export, or files that one would overwrite.
        InvalidInput: there is nothing to export.
        SoutuError: the library fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for split, _ in request.splits for name in (texts_file(split), images_file(split), f"lmdb/{split}")]
    if not (folder / _LEDGER).exists() and any((folder / name).exists() for name in (*names, MAP_FILE)):
        raise _taken(folder)
    is_wanted = False
    try:
        with ExportLedger.open(folder / _LEDGER) as ledger:
            export = _Export(library, ledger, folder, request, flaws)
            told = export.told()
            is_wanted = True
            export.write_pictures(told, on_progress)
            exported = export.write_texts(told)
    except InvalidInput:
        if not is_wanted:  # nothing to export: what is asked next, or written of the photos until then, counts
            shutil.rmtree(folder / _LEDGER)
            with suppress(OSError):  # a person's files are in it
                folder.rmdir()
        raise
    for split, _ in request.splits:
        texts = ClipTables(folder, split).texts(Flaws())
        write_clip_lmdb(folder / "lmdb" / split, texts, _encoded(folder / images_file(split)))
    shutil.rmtree(folder / _LEDGER)
    return exported


class _Export:
    """An export at work, its photos listed."""

    def __init__(self, library: Library, ledger: ExportLedger, folder: Path, request: ExportRequest, flaws: Flaws) -> None:
        self._library = library
        self._ledger = ledger
        self._folder = folder
        self._request = request
        self._flaws = flaws
        self._splits = [name for name, _ in request.splits]
        asked = json.dumps(asdict(request), sort_keys=True)
        progress = ledger.progress()
        if progress is None or progress.photos < 0:  # no picture has been written
            progress = self._list_photos(asked)
        elif progress.request != asked:
            raise _taken(folder)
        self._progress = progress

    def told(self) -> bytearray:
        """Mark, by a byte a photo, those that a caption tells of."""
        told = bytearray(self._progress.photos)
        for caption, places in self._ledger.texts(most=self._request.photos_a_caption):
            if len(places) > self._request.photos_a_caption:
                self._flaws.note(Flaw.COMMON_TEXT, caption)
                continue
            for place in places:
                told[place] = 1
        if not any(told):
            raise InvalidInput(
                "NOTHING_TOLD",
                zh="这些照片没有可用的说明、标签或名字：先给一些照片写说明，再导出",
                en="no caption, tag or name tells anything of these photos: write captions for some, then export again",
            )
        return told

    def write_pictures(self, told: bytearray, on_progress: Callable[[int, int], None]) -> None:
        """Write the tables of pictures, from where they were left."""
        progress = self._progress
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(_READERS))
            lengths = {name: progress.bytes_written.get(name, 0) for name in self._splits}
            files = [stack.enter_context(_at(self._folder / images_file(name), lengths[name])) for name in self._splits]
            while progress.pictures_done < progress.photos:
                batch = [one for one in self._ledger.photos(progress.pictures_done, _BATCH) if told[one[0]]]
                missing = []
                pictures = pool.map(lambda one: _picture(self._library, one[1].photo_id), batch)
                for (place, record), data in zip(batch, pictures, strict=True):
                    if data is None:
                        missing.append(place)
                        self._flaws.note(Flaw.BROKEN_PICTURE, record.name)
                    else:
                        files[record.split].write(image_line(place + 1, data))
                for name, file in zip(self._splits, files, strict=True):
                    file.flush()
                    os.fsync(file.fileno())
                    progress.bytes_written[name] = file.tell()
                progress.pictures_done = min(progress.pictures_done + _BATCH, progress.photos)
                self._ledger.save(progress, missing=missing)
                on_progress(progress.pictures_done, progress.photos)

    def write_texts(self, told: bytearray) -> Exported:
        """Write the texts of each split, and the map of ids."""
        split_of, photos = self._write_map(told)
        texts = dict.fromkeys(self._splits, 0)
        next_id = 1
        with ExitStack() as stack:
            files = [stack.enter_context((self._folder / texts_file(name)).open("wb")) for name in self._splits]
            for caption, places in self._ledger.texts(most=self._request.photos_a_caption):
                if len(places) > self._request.photos_a_caption:
                    continue
                for split, name in enumerate(self._splits):
                    image_ids = tuple(place + 1 for place in places if split_of[place] == split)
                    if image_ids:
                        files[split].write(text_line(TextRow(next_id, caption, image_ids)))
                        texts[name] += 1
                        next_id += 1
            for file in files:  # the ledger goes when all is written: a power cut must not find neither
                file.flush()
                os.fsync(file.fileno())
        return Exported(photos, texts, self._progress.photos - sum(told))

    def _list_photos(self, asked: str) -> Progress:
        progress = self._ledger.begin(asked)
        groups = PhotoGroups()
        for page in self._library.pages(self._request.selection):
            records = [(PhotoRecord(one.photo_id, one.names[0] if one.names else "", 0), self._said_of(one)) for one in page]
            self._ledger.add(len(groups), records)
            groups.add([one.photo_id for one in page], [_seconds(one) for one in page])
        if not len(groups):
            raise InvalidInput("NO_PHOTOS", zh="没有符合条件的照片", en="there is no such photo")
        lists = [self._library.near_duplicates(max_distance=most, min_cosine=least) for most, least in self._request.near]
        groups.join(chain.from_iterable(lists), burst_seconds=self._request.burst_seconds)
        splits = groups.splits([share for _, share in self._request.splits])
        for first in range(0, len(groups), _BATCH):
            self._ledger.set_splits(first, splits[first : first + _BATCH].tolist())
        progress.photos = len(groups)
        self._ledger.save(progress)
        return progress

    def _said_of(self, photo: LibraryPhoto) -> list[str]:
        return list(dict.fromkeys([*captions_of(photo), *self._request.queries.get(photo.photo_id, ())]))

    def _write_map(self, told: bytearray) -> tuple[bytearray, dict[str, int]]:
        """Write which photo each id is; return the split of each photo, 255 for those that are left out, and their counts."""
        split_of = bytearray(b"\xff" * self._progress.photos)
        photos = dict.fromkeys(self._splits, 0)
        with (self._folder / MAP_FILE).open("w", encoding="utf-8") as file:
            file.write("image_id\tsplit\tphoto_id\tname\n")
            for first in range(0, self._progress.photos, _BATCH):
                for place, record in self._ledger.photos(first, _BATCH):
                    if told[place]:
                        split_of[place] = record.split
                        photos[self._splits[record.split]] += 1
                        name = " ".join(record.name.split())
                        file.write(f"{place + 1}\t{self._splits[record.split]}\t{record.photo_id}\t{name}\n")
            file.flush()
            os.fsync(file.fileno())
        return split_of, photos


def _picture(library: Library, photo_id: str) -> bytes | None:
    """Return a photo as a JPEG of at most 512 pixels a side; None if it is the photo's fault that there is none.

    Raises:
        SoutuError: the library fails; the photo may be as good as any.
    """
    try:
        data = library.thumbnail(photo_id)
        if data[:3] == b"\xff\xd8\xff":
            return data
        picture = decode_rgb(data, _LIMITS, shorter_side=_SIDE)
    except (ItemRefused, NotFound):
        return None
    except FailedPrecondition as error:
        if error.reason in _OF_ONE_PHOTO:
            return None
        raise
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _at(path: Path, length: int) -> BinaryIO:
    """Open a table to write on at a length; what was written behind it before a kill goes."""
    path.touch()
    file = path.open("r+b")
    file.truncate(length)
    file.seek(length)
    return file


def _encoded(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as lines:
        for line in lines:
            image_id, encoded = line.rstrip(b"\n").split(b"\t")
            yield int(image_id), encoded


def _seconds(photo: LibraryPhoto) -> int | None:
    return None if photo.moment is None else int(photo.moment.replace(tzinfo=UTC).timestamp())


def _taken(folder: Path) -> FailedPrecondition:
    return FailedPrecondition(
        "FOLDER_TAKEN",
        zh=f"{folder} 里已有另一次导出：请换一个文件夹，或先把它移走",
        en=f"{folder} holds another export: choose another folder, or move it away first",
    )
