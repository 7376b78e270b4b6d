"""Training of an adapter on vectors that are there already: numpy on a CPU, minutes for some thousand photos.

The loss is CLIP's (Radford et al. 2021, arXiv:2103.00020) over batches of texts and their photos, in both directions; where a
batch holds several right answers they share the target. The optimizer is AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
Each epoch draws from a generator of its own, made of the seed and its number: a training that was stopped and loaded again goes
on exactly as if it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.projection import Projection
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.retrieval import FloatArray, IntArray

__all__ = ["AdapterTraining", "TrainingOptions", "loss_and_gradients"]

_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8
_TOWERS = ("text", "image")

Parameters = dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How an adapter is trained.

    Attributes:
        mix: Share of what is learned, see ``Projection``.
        hidden: Width between ``down`` and ``up``.
        temperature: Cosines are divided by it.
        rate: Learning rate.
        dropout: Share of the inputs' components that is left out at random while training.
        decay: Weight decay.
        blend: Share of the texts that are moved a random part of the way to another text of their photo, each epoch anew, so
            that few captions go further (mixup, Zhang et al. 2018, arXiv:1710.09412, within what fits together).
        batch: Texts a step.
        seed: Of all that is drawn.
    """

    mix: float = 1 / 3
    hidden: int = 1024
    temperature: float = 0.05
    rate: float = 1e-4
    dropout: float = 0.0
    decay: float = 0.01
    blend: float = 1.0
    batch: int = 256
    seed: int = 0


class AdapterTraining:
    """An adapter in training."""

    def __init__(self, dimension: int, options: TrainingOptions) -> None:
        self.options = options
        self.epoch = 0
        self._step = 0
        random = np.random.default_rng(options.seed)
        self._parameters: Parameters = {}
        for tower in _TOWERS:
            start = Projection.identity(dimension, options.hidden, options.mix, random)
            self._parameters |= {f"{tower}.down": start.down, f"{tower}.up": start.up}
        self._first = {name: np.zeros_like(value) for name, value in self._parameters.items()}
        self._second = {name: np.zeros_like(value) for name, value in self._parameters.items()}

    def projections(self) -> tuple[Projection, Projection]:
        """Return those of texts and of images, as they are now."""
        text, image = (
            Projection(self._parameters[f"{tower}.down"].copy(), self._parameters[f"{tower}.up"].copy(), self.options.mix)
            for tower in _TOWERS
        )
        return text, image

    def run_epoch(self, pairs: EmbeddedPairs) -> float:
        """Show every pair once; return the mean loss."""
        random = np.random.default_rng([self.options.seed, self.epoch])
        order = random.permutation(len(pairs.pairs))
        right = np.sort(pairs.pairs[:, 0] * len(pairs.image_ids) + pairs.pairs[:, 1])
        words = self._blended(pairs, random)
        losses = []
        for begin in range(0, len(order), self.options.batch):
            chosen = pairs.pairs[order[begin : begin + self.options.batch]]
            texts, images = np.unique(chosen[:, 0]), np.unique(chosen[:, 1])
            fits = _contains(right, texts[:, None] * len(pairs.image_ids) + images[None, :])
            inputs = {
                "text": self._dropped(words[texts], random),
                "image": self._dropped(pairs.images[images], random),
            }
            loss, gradients = loss_and_gradients(self._parameters, inputs, fits, self.options)
            self._update(gradients)
            losses.append(loss * len(chosen))
        self.epoch += 1
        return float(np.sum(losses) / len(order))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is needed to go on."""
        arrays: dict[str, npt.NDArray[Any]] = {"epoch": np.array(self.epoch), "step": np.array(self._step)}
        for kind, values in (("parameter", self._parameters), ("first", self._first), ("second", self._second)):
            arrays |= {f"{kind}.{name}": value for name, value in values.items()}
        return arrays

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from a state.

        Raises:
            ValueError: it is that of a model of another shape.
        """
        for kind, values in (("parameter", self._parameters), ("first", self._first), ("second", self._second)):
            for name, value in values.items():
                kept = state.get(f"{kind}.{name}")
                if kept is None or kept.shape != value.shape:
                    raise ValueError("another shape")
                values[name] = np.asarray(kept, np.float32)
        self.epoch, self._step = int(state["epoch"]), int(state["step"])

    def _blended(self, pairs: EmbeddedPairs, random: np.random.Generator) -> FloatArray:
        """Move texts towards others of their photos."""
        of_text = np.full(len(pairs.texts), -1)
        of_text[pairs.pairs[:, 0]] = pairs.pairs[:, 1]
        order = np.lexsort((random.random(len(of_text)), of_text))
        after = np.roll(order, -1)
        partner = np.empty_like(order)
        partner[order] = np.where(of_text[after] == of_text[order], after, order)
        part = random.random((len(of_text), 1), np.float32) * (random.random((len(of_text), 1), np.float32) < self.options.blend)
        moved = pairs.text_vectors + part * (pairs.text_vectors[partner] - pairs.text_vectors)
        return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12), np.float32)

    def _dropped(self, vectors: FloatArray, random: np.random.Generator) -> FloatArray:
        share = self.options.dropout
        if not share:
            return vectors
        return np.asarray(vectors * (random.random(vectors.shape, np.float32) >= share) / np.float32(1 - share), np.float32)

    def _update(self, gradients: Mapping[str, FloatArray]) -> None:
        self._step += 1
        correction = np.sqrt(1 - _BETA2**self._step) / (1 - _BETA1**self._step)
        for name, gradient in gradients.items():
            value, first, second = self._parameters[name], self._first[name], self._second[name]
            first += np.float32(1 - _BETA1) * (gradient - first)
            second += np.float32(1 - _BETA2) * (gradient * gradient - second)
            value *= np.float32(1 - self.options.rate * self.options.decay)
            value -= np.float32(self.options.rate * correction) * first / (np.sqrt(second) + np.float32(_TINY))


def loss_and_gradients(
    parameters: Mapping[str, FloatArray],
    inputs: Mapping[str, FloatArray],
    fits: npt.NDArray[np.bool_],
    options: TrainingOptions,
) -> tuple[float, Parameters]:
    """Return the loss of a batch and its gradients.

    Args:
        parameters: ``text.down``, ``text.up``, ``image.down`` and ``image.up``.
        inputs: ``text``, shape (t, d), and ``image``, shape (i, d).
        fits: Which text fits which image, at least one in each row and column; shape (t, i).
        options: Mix and temperature.
    """
    mix = options.mix
    activations, outputs, lengths = {}, {}, {}
    for tower in _TOWERS:
        activations[tower] = np.maximum(inputs[tower] @ parameters[f"{tower}.down"], 0)
        mapped = (1 - mix) * inputs[tower] + mix * (activations[tower] @ parameters[f"{tower}.up"])
        lengths[tower] = np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        outputs[tower] = mapped / lengths[tower]
    scores = outputs["text"] @ outputs["image"].T / options.temperature
    loss, slope = 0.0, np.zeros_like(scores)
    for axis in (1, 0):
        target = fits / fits.sum(axis=axis, keepdims=True)
        logs = scores - scores.max(axis=axis, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=axis, keepdims=True))
        queries = scores.shape[1 - axis]
        loss -= float((target * logs).sum()) / queries / 2
        slope += (np.exp(logs) - target).astype(scores.dtype) / (2 * queries)
    slope /= options.temperature
    gradients: Parameters = {}
    for tower, rise in (("text", slope @ outputs["image"]), ("image", slope.T @ outputs["text"])):
        of_mapped = (rise - outputs[tower] * (rise * outputs[tower]).sum(axis=1, keepdims=True)) / lengths[tower]
        of_learned = mix * of_mapped
        gradients[f"{tower}.up"] = activations[tower].T @ of_learned
        hidden = (of_learned @ parameters[f"{tower}.up"].T) * (activations[tower] > 0)
        gradients[f"{tower}.down"] = inputs[tower].T @ hidden
    return loss, gradients


def _contains(ordered: IntArray, wanted: IntArray) -> npt.NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.asarray(ordered[places] == wanted)
