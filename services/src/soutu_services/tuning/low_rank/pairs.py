"""A split as the towers are trained on it: pictures resized once and kept on disk, texts as token ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.chinese_clip.text_input import text_ids
from soutu_services.embedding.chinese_clip.tokens import CONTEXT_LENGTH, BertTokens
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.runtime.errors import InvalidInput
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.embedded_pairs import prepared_or_none, rows_with_picture
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.resized_pictures import keep_pictures, kept_pictures
from soutu_services.tuning.retrieval import IntArray

__all__ = ["TowerInputs", "prepare_inputs"]


@dataclass(frozen=True, slots=True)
class TowerInputs:
    """Inputs of both towers.

    Attributes:
        pictures: Shape (all pictures, side, side, 3), on disk.
        chosen: Places in ``pictures`` of the pictures that these are, ascending; shape (i,).
        tokens: Token ids, 0 where a text is shorter; shape (t, length).
        pairs: Places of a text and of a picture (in ``chosen``) that fit; shape (pairs, 2).
    """

    pictures: npt.NDArray[np.uint8]
    chosen: IntArray
    tokens: npt.NDArray[np.uint16]
    pairs: IntArray

    def part(self, images: IntArray) -> TowerInputs:
        """Return some pictures, by their places in order, with their texts; texts of others alone are left out."""
        kept = self.pairs[np.isin(self.pairs[:, 1], images)]
        texts = np.unique(kept[:, 0])
        moved = np.stack([np.searchsorted(texts, kept[:, 0]), np.searchsorted(images, kept[:, 1])], axis=1)
        return replace(self, chosen=self.chosen[images], tokens=self.tokens[texts], pairs=moved)


def prepare_inputs(
    dataset: Dataset,
    path: Path,
    *,
    side: int,
    vocabulary: Path,
    limits: ImageLimits,
    flaws: Flaws,
    threads: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> TowerInputs:
    """Read a split. Pictures go to a file, 150 kB each at a side of 224, and texts stay in memory.

    What a stopped run left is read again, flaws included, unless the file is whole.

    Args:
        dataset: The split.
        path: The file; ``.npz`` beside it holds the rest.
        side: Of the square that the image tower sees, in pixels.
        vocabulary: Of the tokens.
        limits: Largest picture.
        flaws: Takes what is wrong with single items.
        threads: That decode pictures.
        on_progress: Told how many pictures are done.

    Raises:
        InvalidInput: nothing is left.
        Overloaded: the disk is full.
        OSError: the file cannot be written.
    """
    beside = path.with_suffix(".npz")
    if not beside.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        places = keep_pictures(dataset, path, side=side, limits=limits, flaws=flaws, threads=threads, on_progress=on_progress)
        _keep_texts(dataset, beside, places, BertTokens(vocabulary), flaws)
    with np.load(beside, allow_pickle=False) as kept:
        chosen, tokens, pairs = np.arange(int(kept["pictures"])), kept["tokens"], kept["pairs"]
    return TowerInputs(kept_pictures(path, len(chosen), side), chosen, tokens, pairs)


def _keep_texts(dataset: Dataset, path: Path, places: dict[int, int], words: BertTokens, flaws: Flaws) -> None:
    tokens: list[npt.NDArray[np.uint16]] = []
    pairs: list[tuple[int, int]] = []
    for row in rows_with_picture(dataset.texts(flaws), places, flaws):
        ids = prepared_or_none(lambda text: text_ids(words, text), row.text)
        if ids is None:
            flaws.note(Flaw.REFUSED_TEXT, f"text {row.text_id}")
            continue
        pairs += [(len(tokens), places[one]) for one in row.image_ids if one in places]
        tokens.append(ids.astype(np.uint16))
    if not tokens:
        raise InvalidInput(
            "EMPTY_SPLIT",
            zh=f"数据集的“{dataset.split}”部分是空的：没有一对能用的图片和文字",
            en=f"the split {dataset.split!r} is empty: it has no picture with a text that can be used",
        )
    stacked = np.zeros((len(tokens), CONTEXT_LENGTH), np.uint16)
    for row_of_ids, ids in zip(stacked, tokens, strict=True):
        row_of_ids[: len(ids)] = ids
    aside = path.with_suffix(".partial")
    with aside.open("wb") as file:
        np.savez(file, pictures=np.array(len(places)), tokens=stacked, pairs=np.array(pairs, np.int64))
    aside.replace(path)
