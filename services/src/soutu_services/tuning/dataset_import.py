"""A data set back into a library: its pictures as photos, its texts as their captions."""

from __future__ import annotations

import hashlib
import io
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from PIL import Image

import soutu_services.embedding.image_input  # noqa: F401 - teaches Pillow HEIC
from soutu_services.runtime.errors import InvalidInput, NotFound
from soutu_services.runtime.language import Text
from soutu_services.tuning.batches import batches
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.id_set import IdSet
from soutu_services.tuning.library import AddedPhoto
from soutu_services.tuning.lmdb_file import open_for_writing

__all__ = ["Imported", "PhotoSink", "import_dataset"]

_BATCH = 16
_ROWS_A_COMMIT = 1000
_CAPTION_CHARACTERS = 2000
_ID_BYTES, _NUMBER_BYTES = 8, 8


class PhotoSink(Protocol):
    """What an import needs of a library."""

    def add(self, pictures: Sequence[tuple[str, bytes]]) -> list[AddedPhoto]:
        """Add pictures, name and bytes; say what became of each. One that is refused costs no other."""
        ...

    def captions(self, photo_ids: Sequence[str]) -> dict[str, str]:
        """Return the captions of photos."""
        ...

    def describe(self, photo_id: str, caption: str) -> None:
        """Write a photo's caption."""
        ...


@dataclass(slots=True)
class Imported:
    """Counts: photos that are new, that were there, that were refused; captions written, and left since there were others."""

    added: int = 0
    known: int = 0
    refused: int = 0
    described: int = 0
    kept: int = 0


def import_dataset(
    dataset: Dataset,
    library: PhotoSink,
    flaws: Flaws,
    *,
    name: str,
    done: Imported,
    on_progress: Callable[[int], None] = lambda _: None,
    on_refused: Callable[[str, Text], None] = lambda *_: None,
) -> None:
    """Add a split to a library; what is there already is neither sent nor described again, so a stopped import just goes on.

    A photo's caption gets all its texts, a line each, as far as 2,000 characters reach; a caption that is there stays. A picture
    that has several ids is one photo, with the texts of all of them.

    Args:
        dataset: The split.
        library: The library.
        flaws: Takes what is wrong with single rows.
        name: Folder in the library.
        done: Counts what is done, also where the library fails in the middle.
        on_progress: Told how many pictures are done.
        on_refused: Told the name of a picture that the library refuses, or whose caption it does, and why.

    Raises:
        InvalidInput: the split has no picture that can be read.
        SoutuError: the library fails; what was added stays.
    """
    seen = IdSet()
    with _TextsByPicture.gathered(dataset, flaws) as texts:
        for some in batches(_readable(dataset, name, flaws), _BATCH):
            added = library.add([(path, data) for _, path, data in some])
            present = library.captions([one.photo_id for one in added if one.photo_id])
            for (image_id, _, data), photo in zip(some, added, strict=True):
                seen.add(image_id)
                if photo.refusal is not None:
                    done.refused += 1
                    on_refused(dataset.picture_name(image_id), photo.refusal)
                    continue
                done.added += photo.is_new
                done.known += not photo.is_new
                before = present.get(photo.photo_id, "")
                caption, is_shared = texts.caption_of(image_id, data)
                if not caption:
                    continue
                there, wanted = set(before.splitlines()), set(caption.splitlines())
                # what is there is left alone, unless it is this import's own, of the same picture under another id
                if there and not (is_shared and there < wanted):
                    done.kept += not wanted <= there
                    continue
                try:
                    library.describe(photo.photo_id, caption)
                except (InvalidInput, NotFound) as error:  # deleted meanwhile, or a text that no caption takes
                    on_refused(dataset.picture_name(image_id), error.text)
                else:
                    present[photo.photo_id] = caption
                    done.described += 1
            on_progress(done.added + done.known + done.refused)
        for image_id in texts.picture_ids():
            if image_id not in seen:
                flaws.note(Flaw.MISSING_PICTURE, dataset.picture_name(image_id))
    if not done.added + done.known + done.refused:
        raise InvalidInput(
            "EMPTY_SPLIT",
            zh=f"数据集的“{dataset.split}”部分没有一张能读的图片",
            en=f"the split {dataset.split!r} has no picture that can be read",
        )


def _readable(dataset: Dataset, name: str, flaws: Flaws) -> Iterator[tuple[int, str, bytes]]:
    """Yield pictures with their names in the library; what is none is noted."""
    for image_id, data in dataset.pictures(flaws):
        known_as = dataset.picture_name(image_id)
        try:
            with Image.open(io.BytesIO(data)) as picture:
                ending = f".{(picture.format or 'jpg').lower()}".replace(".jpeg", ".jpg")
        except Exception:  # noqa: BLE001 - a picture is hostile input
            flaws.note(Flaw.BROKEN_PICTURE, known_as)
            continue
        yield image_id, f"{name}/{known_as}" if Path(known_as).suffix else f"{name}/{known_as}{ending}", data


def _joined(texts: Sequence[str]) -> str:
    caption = ""
    for text in texts:
        longer = f"{caption}\n{text}" if caption else text
        if len(longer) > _CAPTION_CHARACTERS:
            break
        caption = longer
    return caption


class _TextsByPicture:
    """Texts by the pictures they fit, in a file that is gone afterwards: there may be millions."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._texts = environment.open_db(b"texts")
        self._contents = environment.open_db(b"contents", dupsort=True, dupfixed=True)

    @classmethod
    @contextmanager
    def gathered(cls, dataset: Dataset, flaws: Flaws) -> Iterator[Self]:
        """Gather the texts of a split."""
        with (
            tempfile.TemporaryDirectory(prefix="soutu-tune-") as folder,
            open_for_writing(Path(folder), databases=2, lasting=False) as environment,
        ):
            gathered = cls(environment)
            pairs = ((image_id, row.text) for row in dataset.texts(flaws) for image_id in row.image_ids)
            for some in batches(enumerate(pairs), _ROWS_A_COMMIT):
                with environment.begin(write=True, db=gathered._texts) as rows:
                    for number, (image_id, text) in some:
                        rows.put(_key(image_id) + number.to_bytes(_NUMBER_BYTES), text.encode())
            yield gathered

    def picture_ids(self) -> Iterator[int]:
        """Yield the picture of each text, as often as texts name it."""
        with self._environment.begin(db=self._texts) as rows:
            for key in rows.cursor().iternext(values=False):
                yield int.from_bytes(key[:_ID_BYTES], signed=True)

    def caption_of(self, image_id: int, data: bytes) -> tuple[str, bool]:
        """Return the texts of a picture as a caption, and whether its content had another id before, whose texts count too."""
        digest = hashlib.sha256(data).digest()
        with self._environment.begin(write=True, db=self._contents) as rows:
            cursor = rows.cursor()
            earlier = [bytes(one) for one in cursor.iternext_dup()] if cursor.set_key(digest) else []
            rows.put(digest, _key(image_id))
        others = [one for one in earlier if one != _key(image_id)]
        texts = [text for key in (*others, _key(image_id)) for text in self._of(key)]
        return _joined(list(dict.fromkeys(texts))), bool(others)

    def _of(self, key: bytes) -> Iterator[str]:
        with self._environment.begin(db=self._texts) as rows:
            cursor = rows.cursor()
            is_there = cursor.set_range(key)
            while is_there and cursor.key().startswith(key):
                yield _one_line(cursor.value().decode())
                is_there = cursor.next()


def _one_line(text: str) -> str:
    """Return a text as a caption holds it: composed, its spaces single, and without control characters."""
    visible = "".join(one for one in text if one.isspace() or unicodedata.category(one) != "Cc")
    return " ".join(unicodedata.normalize("NFC", visible).split())


def _key(image_id: int) -> bytes:
    return image_id.to_bytes(_ID_BYTES, signed=True)
