"""A data set back into a library: its pictures as photos, its texts as their captions."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from PIL import Image

from soutu_services.tuning.batches import batches
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.lmdb_file import open_for_writing

__all__ = ["Imported", "PhotoSink", "import_dataset"]

_BATCH = 16
_ROWS_A_COMMIT = 1000
_CAPTION_CHARACTERS = 2000
_ID_BYTES, _NUMBER_BYTES = 8, 8


class PhotoSink(Protocol):
    """What an import needs of a library."""

    def add(self, pictures: Sequence[tuple[str, bytes]]) -> list[tuple[str, bool]]:
        """Add pictures, name and bytes; return photo ids, and which are new."""
        ...

    def captions(self, photo_ids: Sequence[str]) -> dict[str, str]:
        """Return the captions of photos."""
        ...

    def describe(self, photo_id: str, caption: str) -> None:
        """Write a photo's caption."""
        ...


@dataclass(slots=True)
class Imported:
    """Photos that are new, those that were there, captions written, and captions left since people had written others."""

    added: int = 0
    known: int = 0
    described: int = 0
    kept: int = 0


def import_dataset(
    dataset: Dataset, library: PhotoSink, flaws: Flaws, *, name: str, on_progress: Callable[[int], None] = lambda _: None
) -> Imported:
    """Add a split to a library; what is there already is neither sent nor described again, so a stopped import just goes on.

    A photo's caption gets all its texts, a line each, as far as 2,000 characters reach; a caption that is there stays.

    Args:
        dataset: The split.
        library: The library.
        flaws: Takes what is wrong with single rows.
        name: Folder in the library.
        on_progress: Told how many pictures are done.

    Raises:
        SoutuError: the library fails; what was added stays.
    """
    done = Imported()
    with _TextsByPicture.gathered(dataset, flaws) as texts:
        for some in batches(_readable(dataset, name, flaws), _BATCH):
            added = library.add([(path, data) for _, path, data in some])
            done.added += sum(is_new for _, is_new in added)
            done.known += sum(not is_new for _, is_new in added)
            present = library.captions([photo_id for photo_id, _ in added])
            for (image_id, _, _), (photo_id, _) in zip(some, added, strict=True):
                caption = _joined(texts.of(image_id))
                if not caption or present.get(photo_id) == caption:
                    continue
                if present.get(photo_id):
                    done.kept += 1
                else:
                    library.describe(photo_id, caption)
                    present[photo_id] = caption
                    done.described += 1
            on_progress(done.added + done.known)
    return done


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

    @classmethod
    @contextmanager
    def gathered(cls, dataset: Dataset, flaws: Flaws) -> Iterator[Self]:
        """Gather the texts of a split."""
        with tempfile.TemporaryDirectory(prefix="soutu-tune-") as folder, open_for_writing(Path(folder)) as environment:
            pairs = ((image_id, row.text) for row in dataset.texts(flaws) for image_id in row.image_ids)
            for some in batches(enumerate(pairs), _ROWS_A_COMMIT):
                with environment.begin(write=True) as rows:
                    for number, (image_id, text) in some:
                        rows.put(_key(image_id) + number.to_bytes(_NUMBER_BYTES), text.encode())
            yield cls(environment)

    def of(self, image_id: int) -> list[str]:
        """Return the texts of a picture, in the data set's order, each once."""
        texts: list[str] = []
        key = _key(image_id)
        with self._environment.begin() as rows:
            cursor = rows.cursor()
            is_there = cursor.set_range(key)
            while is_there and cursor.key().startswith(key):
                texts.append(" ".join(cursor.value().decode().split()))
                is_there = cursor.next()
        return list(dict.fromkeys(texts))


def _key(image_id: int) -> bytes:
    return image_id.to_bytes(_ID_BYTES, signed=True)
