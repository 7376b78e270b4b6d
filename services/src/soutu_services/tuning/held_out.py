"""Pairs that training does not see: opened beside those it does, and measured on as the embedding service loads a model."""

from __future__ import annotations

from pathlib import Path

from soutu_services.embedding.encoder import ModelCard
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.command_line import complain
from soutu_services.tuning.dataset import Dataset, open_dataset
from soutu_services.tuning.evaluation import Evaluation, evaluate
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.shared_photos import shared_photos
from soutu_services.tuning.vector_cache import cached_pairs

__all__ = ["measured", "open_splits"]


def open_splits(data: Path, train: str, valid: str, settings: EmbeddingSettings) -> tuple[Dataset, Dataset]:
    """Open what is trained on and what is measured on, and say if both have the same photos.

    Raises:
        InvalidInput: one is not there.
        DataLoss: one is damaged.
    """
    datasets = open_dataset(data, train), open_dataset(data, valid)
    shared = shared_photos(*datasets, settings.image_limits, threads=settings.cpu_threads)
    if shared is not None:
        complain(shared.text)
    return datasets


def measured(
    model: str, name: str, valid: Dataset, *, settings: EmbeddingSettings, folder: Path, flaws: Flaws
) -> tuple[ModelCard, Evaluation]:
    """Load a model, embed the pairs unless their vectors are kept, and measure.

    Args:
        model: As the embedding service names it.
        name: Of the fit, for people.
        valid: The pairs.
        settings: Device, threads, limits and where weights come from.
        folder: Output folder; vectors are kept in it.
        flaws: Takes what is wrong with single items.

    Raises:
        SoutuError: the model or the data cannot be used.
        OSError: vectors cannot be kept.
    """
    encoder = load_encoder(model, settings)
    try:
        pairs = cached_pairs(valid, encoder, folder / "vectors", flaws, threads=settings.cpu_threads)
        return encoder.card, evaluate(encoder.card, name, valid.split, pairs, [])
    finally:
        encoder.close()
