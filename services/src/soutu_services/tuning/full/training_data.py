"""A split as cn_clip's loader takes it: an LMDB of pairs to train on, and one of pairs that tell when to stop.

Pictures are written as the image tower sees them, upright and resized, without loss: cn_clip's loader knows no HEIC and no EXIF,
and one picture that it cannot read would end the training.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from soutu_services.embedding.image_input import ImageLimits
from soutu_services.runtime.errors import InvalidInput
from soutu_services.tuning.clip_lmdb import write_clip_lmdb
from soutu_services.tuning.dataset import Dataset, TextRow
from soutu_services.tuning.embedded_pairs import rows_with_picture
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.resized_pictures import keep_pictures, kept_pictures
from soutu_services.tuning.training_parts import check_photos, held_back

__all__ = ["TrainingData", "prepare_training_data"]

_PLAN_NAME = "data.json"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """How many pairs there are to train on, and how many were held back."""

    pairs: int
    held_pairs: int


def prepare_training_data(
    dataset: Dataset,
    folder: Path,
    *,
    side: int,
    limits: ImageLimits,
    flaws: Flaws,
    threads: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> TrainingData:
    """Write ``train`` and ``held`` into a folder, unless they are there.

    Args:
        dataset: The split.
        folder: Where they go.
        side: Of the square that the image tower sees, in pixels.
        limits: Largest picture.
        flaws: Takes what is wrong with single items.
        threads: That decode pictures.
        seed: Of what is held back.
        on_progress: Told how many pictures are done.

    Raises:
        InvalidInput: there are too few photos with texts.
        Overloaded: the disk is full.
        OSError: a file cannot be written.
    """
    done = folder / _PLAN_NAME
    if done.is_file():
        return TrainingData(**json.loads(done.read_text("utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    pixels = folder / "pictures.u8"
    places = keep_pictures(dataset, pixels, side=side, limits=limits, flaws=flaws, threads=threads, on_progress=on_progress)
    told = {one for row in rows_with_picture(dataset.texts(flaws), places, flaws) for one in row.image_ids if one in places}
    if not told:
        raise InvalidInput(
            "EMPTY_SPLIT",
            zh=f"数据集的“{dataset.split}”部分是空的：没有一对能用的图片和文字",
            en=f"the split {dataset.split!r} is empty: it has no picture with a text that can be used",
        )
    check_photos(len(told))
    held = set(held_back(np.array(sorted(told)), seed).tolist())
    pictures = kept_pictures(pixels, len(places), side)
    counts = {}
    for name, chosen in (("train", told - held), ("held", held)):
        rows = [0]
        write_clip_lmdb(
            folder / name,
            _counted(_of_pictures(dataset, chosen), rows),
            ((one, base64.b64encode(_png(pictures[places[one]]))) for one in sorted(chosen)),
        )
        counts[name] = rows[0]
    pixels.unlink()
    data = TrainingData(counts["train"], counts["held"])
    done.write_text(json.dumps(asdict(data)), "utf-8")
    return data


def _of_pictures(dataset: Dataset, chosen: set[int]) -> Iterator[TextRow]:
    for row in dataset.texts(Flaws()):
        kept = tuple(one for one in row.image_ids if one in chosen)
        if kept:
            yield TextRow(row.text_id, row.text, kept)


def _counted(rows: Iterator[TextRow], count: list[int]) -> Iterator[TextRow]:
    for row in rows:
        count[0] += len(row.image_ids)
        yield row


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
