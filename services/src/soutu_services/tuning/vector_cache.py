"""Vectors of a data set, kept so that a model sees each picture once."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from soutu_services.embedding.encoder import Encoder
from soutu_services.tuning.dataset import Dataset
from soutu_services.tuning.embedded_pairs import EmbeddedPairs, embed_pairs
from soutu_services.tuning.flaws import Flaws

__all__ = ["cached_pairs", "fingerprint"]


def fingerprint(dataset: Dataset, space_id: str) -> str:
    """Digest what the vectors come from: what the files hold, for their times can lie, the split and the space."""
    digest = hashlib.sha256(json.dumps([dataset.split, space_id]).encode())
    for path in dataset.files:
        digest.update(path.name.encode() + b"\0" + _content_digest(path))
    return digest.hexdigest()[:16]


def _content_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # a photo of a table that is not there: that, too, may change
        return b""


def cached_pairs(
    dataset: Dataset,
    encoder: Encoder,
    folder: Path,
    flaws: Flaws,
    *,
    threads: int,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> EmbeddedPairs:
    """Return a split's vectors: from a file in the folder, or from the model, which then leaves the file.

    Raises:
        SoutuError: see ``embed_pairs``.
        OSError: the file cannot be written.
    """
    path = folder / f"{dataset.split}-{fingerprint(dataset, encoder.card.space_id)}.npz"
    kept = _kept(path)
    if kept is not None:
        return kept
    pairs = embed_pairs(dataset, encoder, flaws, threads=threads, on_progress=on_progress)
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{path.name}"
    with aside.open("wb") as file:
        np.savez(
            file,
            image_ids=pairs.image_ids,
            images=pairs.images,
            text_ids=pairs.text_ids,
            texts=np.frombuffer(json.dumps(pairs.texts).encode(), np.uint8),
            text_vectors=pairs.text_vectors,
            pairs=pairs.pairs,
        )
    aside.replace(path)
    return pairs


def _kept(path: Path) -> EmbeddedPairs | None:
    """Read the file; None if there is none, or it is damaged, and the model is to make it again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return EmbeddedPairs(
                kept["image_ids"],
                kept["images"],
                kept["text_ids"],
                tuple(json.loads(kept["texts"].tobytes())),
                kept["text_vectors"],
                kept["pairs"],
            )
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
