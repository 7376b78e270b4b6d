"""Training of an adapter on vectors that are there already: numpy on a CPU, minutes for some thousand photos.

The loss is CLIP's over batches of texts and their photos, in both directions; where a batch holds several right answers they
share the target. What people did with what they found adds its own, see ``adapter_loss``. The optimizer is AdamW (Loshchilov &
Hutter 2019, arXiv:1711.05101). Each epoch draws from a generator of its own, made of the seed and its number: a training that
was stopped and loaded again goes on exactly as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.projection import Projection
from soutu_services.tuning.adapter_loss import TOWERS, Parameters, loss_and_gradients, use_loss_and_gradients
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.retrieval import FloatArray, IntArray
from soutu_services.tuning.use_vectors import UseVectors, same_photos

__all__ = ["AdapterTraining", "TrainingOptions", "loss_and_gradients"]

_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8


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
        self._use_random = np.random.default_rng(options.seed)  # each epoch has its own
        random = np.random.default_rng(options.seed)
        self._parameters: Parameters = {}
        for tower in TOWERS:
            start = Projection.identity(dimension, options.hidden, options.mix, random)
            self._parameters |= {f"{tower}.down": start.down, f"{tower}.up": start.up}
        self._first = {name: np.zeros_like(value) for name, value in self._parameters.items()}
        self._second = {name: np.zeros_like(value) for name, value in self._parameters.items()}

    def projections(self) -> tuple[Projection, Projection]:
        """Return those of texts and of images, as they are now."""
        text, image = (
            Projection(self._parameters[f"{tower}.down"].copy(), self._parameters[f"{tower}.up"].copy(), self.options.mix)
            for tower in TOWERS
        )
        return text, image

    def run_epoch(self, pairs: EmbeddedPairs, uses: UseVectors | None = None) -> float:
        """Show every pair once, and every query from use; return the mean loss of a pair of the data set.

        A pair from use counts as its weight says, 1 being a pair of the data set.
        """
        random = np.random.default_rng([self.options.seed, self.epoch])
        order = random.permutation(len(pairs.pairs))
        right = np.sort(pairs.pairs[:, 0] * len(pairs.image_ids) + pairs.pairs[:, 1])
        words = self._blended(pairs, random)
        losses = []
        asked = self._use_batches(uses, math.ceil(len(order) / self.options.batch))
        for begin in range(0, len(order), self.options.batch):
            chosen = pairs.pairs[order[begin : begin + self.options.batch]]
            texts, images = np.unique(chosen[:, 0]), np.unique(chosen[:, 1])
            fits = _contains(right, texts[:, None] * len(pairs.image_ids) + images[None, :])
            inputs = {
                "text": self._dropped(words[texts], random),
                "image": self._dropped(pairs.images[images], random),
            }
            loss, gradients = loss_and_gradients(self._parameters, inputs, fits, self.options)
            some = next(asked, None)
            if some is not None:
                more, of_use = self._learn_from(some, pairs.images[images])
                loss += more / len(chosen)
                gradients = {name: value + of_use[name] / np.float32(len(chosen)) for name, value in gradients.items()}
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

    def _use_batches(self, uses: UseVectors | None, steps: int) -> Iterator[UseVectors | None]:
        """Yield the queries from use for each step, in an order of their own; nothing else is drawn otherwise for them."""
        if uses is None:
            return
        self._use_random = np.random.default_rng([self.options.seed, self.epoch, 1])
        for places in np.array_split(self._use_random.permutation(len(uses.texts)), steps):
            yield uses.of_queries(np.sort(places)) if len(places) else None

    def _learn_from(self, uses: UseVectors, others: FloatArray) -> tuple[float, Parameters]:
        """Return the loss of some queries from use, with other photos as candidates beside theirs, and its gradients."""
        others = others[~same_photos(others, uses.images)]  # one that was used is no other candidate beside itself
        weights = np.zeros((len(uses.texts), len(uses.images) + len(others)), np.float32)
        weights[uses.pairs[:, 0], uses.pairs[:, 1]] = uses.weights
        inputs = {
            "text": self._dropped(uses.text_vectors, self._use_random),
            "image": self._dropped(np.concatenate([uses.images, others]), self._use_random),
        }
        return use_loss_and_gradients(self._parameters, inputs, weights, self.options)

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


def _contains(ordered: IntArray, wanted: IntArray) -> npt.NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.asarray(ordered[places] == wanted)
