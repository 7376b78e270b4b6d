"""Epochs of a low-rank fit: until recall on a part of the training data, which is not trained on, rises no more.

What is drawn comes from the seed, the epoch and the step alone, and the state is kept on disk: a training that was killed and is
run again ends as if it had not been, to the bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.tuning.adapter_selection import Epoch
from soutu_services.tuning.fit_state import other_fit
from soutu_services.tuning.low_rank.network import LowRankNetwork
from soutu_services.tuning.low_rank.options import LowRankOptions
from soutu_services.tuning.low_rank.pairs import TowerInputs
from soutu_services.tuning.low_rank.step import Step
from soutu_services.tuning.retrieval import FloatArray, IntArray, rank, recall_of
from soutu_services.tuning.training_parts import check_photos, held_back

__all__ = ["LowRankTraining"]

_WARM_UP_SHARE = 0.05
_PICTURES_AT_ONCE = 256


class LowRankTraining:
    """A fit's epochs."""

    def __init__(self, network: LowRankNetwork, inputs: TowerInputs, folder: Path, *, save_seconds: float = 600.0) -> None:
        """Part the data, and go on from where a stopped training was.

        Args:
            network: What is trained.
            inputs: The training data; a tenth of the photos is held back to see when to stop.
            folder: Where the state is kept.
            save_seconds: How often within an epoch; it is kept after each anyway.

        Raises:
            InvalidInput: there are too few photos.
            FailedPrecondition: the state is that of another training.
        """
        photos = np.unique(inputs.pairs[:, 1])
        check_photos(len(photos))
        self.options: LowRankOptions = network.options
        held = held_back(photos, self.options.seed)
        self._held, self._inputs = inputs.part(held), inputs.part(np.setdiff1d(photos, held))
        self._network = network
        self._state, self._best = folder / "training.pt", folder / "best.pt"
        self._save_seconds = save_seconds
        self._image_features = _embedded_pictures(network, self._inputs) if self.options.freeze_images else None
        self.epochs: list[Epoch] = []
        self._step, self._losses = 0, list[float]()
        if self._state.is_file():
            try:
                self._take(network.restore(self._state))
            except (ValueError, KeyError, TypeError) as error:
                raise other_fit(folder.parent) from error

    @property
    def best(self) -> int:
        """The number of epochs with the best mean recall; 0: none."""
        return int(np.argmax([epoch.mean_recall for epoch in self.epochs]))

    @property
    def steps_an_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self._inputs.pairs) / self.options.batch)

    def run(
        self,
        *,
        on_step: Callable[[int, int, int], None] = lambda *_: None,
        on_epoch: Callable[[Sequence[Epoch]], None] = lambda _: None,
    ) -> None:
        """Train to the end, then take the best epoch's updates.

        Args:
            on_step: Told the epoch, from 1, the steps done of it and how many it has.
            on_epoch: Told what the epochs reached so far; the first stands for before training.

        Raises:
            Overloaded: memory does not suffice; what was done is kept.
            FailedPrecondition: the loss is no number any more.
        """
        if not self.epochs:
            self._measure(float("nan"), on_epoch)
        while len(self.epochs) <= self.options.epochs and len(self.epochs) - 1 - self.best < self.options.patience:
            saved = time.monotonic()
            for step in self._steps(len(self.epochs)):
                loss = self._network.step(step)
                if not math.isfinite(loss):
                    raise _diverged(self.options.rate)
                self._losses.append(loss)
                self._step += 1
                on_step(len(self.epochs), self._step, self.steps_an_epoch)
                if time.monotonic() - saved > self._save_seconds:
                    self._save()
                    saved = time.monotonic()
            loss, self._losses, self._step = float(np.mean(self._losses)), [], 0
            self._measure(loss, on_epoch)
        self._network.restore_trained(self._best)

    def _measure(self, loss: float, on_epoch: Callable[[Sequence[Epoch]], None]) -> None:
        images, texts = _embedded_pictures(self._network, self._held), self._network.encode_texts(self._held.tokens)
        right = [self._held.pairs[self._held.pairs[:, 0] == text, 1] for text in range(len(texts))]
        recall = recall_of(rank(texts, images, right).ranks)
        self.epochs.append(Epoch(loss, recall.r10, recall.mean_recall))
        if self.best == len(self.epochs) - 1:
            self._network.save_trained(self._best)
        self._save()
        on_epoch(self.epochs)

    def _steps(self, epoch: int) -> Iterator[Step]:
        random = np.random.default_rng([self.options.seed, epoch])
        pairs = self._inputs.pairs[random.permutation(len(self._inputs.pairs))]
        fitting = np.unique(_keys(self._inputs.pairs, len(self._inputs.chosen)))
        for number in range(self._step, self.steps_an_epoch):
            some = pairs[number * self.options.batch :][: self.options.batch]
            texts, images = np.unique(some[:, 0]), np.unique(some[:, 1])
            grid = np.stack(np.meshgrid(texts, images, indexing="ij"), axis=-1).reshape(-1, 2)
            fits = np.isin(_keys(grid, len(self._inputs.chosen)), fitting).reshape(len(texts), len(images))
            seed = int(np.random.default_rng([self.options.seed, epoch, number]).integers(1 << 40))
            yield Step(self._images(images), self._inputs.tokens[texts], fits, self._rate(epoch, number), seed)

    def _images(self, places: IntArray) -> npt.NDArray[Any]:
        if self._image_features is not None:
            return self._image_features[places]
        return self._inputs.pictures[self._inputs.chosen[places]]

    def _rate(self, epoch: int, number: int) -> float:
        steps = self.steps_an_epoch * self.options.epochs
        warm = max(1, round(_WARM_UP_SHARE * steps))
        done = (epoch - 1) * self.steps_an_epoch + number
        if done < warm:
            return self.options.rate * (done + 1) / warm
        return self.options.rate * 0.5 * (1 + math.cos(math.pi * (done - warm) / max(1, steps - warm)))

    def _save(self) -> None:
        epochs = [[epoch.loss, epoch.r10, epoch.mean_recall] for epoch in self.epochs]
        self._network.save(self._state, {"epochs": epochs, "step": self._step, "losses": self._losses})

    def _take(self, beside: dict[str, Any]) -> None:
        self.epochs = [Epoch(*values) for values in beside["epochs"]]
        self._step, self._losses = int(beside["step"]), list(beside["losses"])


def _embedded_pictures(network: LowRankNetwork, inputs: TowerInputs) -> FloatArray:
    """Embed them as they lie on disk, some at a time."""
    some = (inputs.chosen[at : at + _PICTURES_AT_ONCE] for at in range(0, len(inputs.chosen), _PICTURES_AT_ONCE))
    return np.concatenate([network.encode_images(inputs.pictures[places]) for places in some])


def _keys(pairs: IntArray, images: int) -> IntArray:
    return np.asarray(pairs[:, 0] * images + pairs[:, 1], np.int64)


def _diverged(rate: float) -> FailedPrecondition:
    return FailedPrecondition(
        "DIVERGED",
        zh=f"训练发散了（损失不再是数字）：请换一个文件夹，用小一些的 --rate（现在是 {rate:g}）再试",
        en=f"the training diverged (the loss is no number): try a lower --rate (it is {rate:g}) in another folder",
    )
