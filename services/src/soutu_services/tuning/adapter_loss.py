"""What an adapter is trained by: losses over the scores of texts and images, and their gradients.

Of a data set: CLIP's (Radford et al. 2021, arXiv:2103.00020). Of use: for each query, the cross-entropy of the photos that it
means among all candidates, those that it does not mean with them, weighted; and for each photo that it does not mean the
unlikelihood -log(1 - p) (Welleck et al. 2019, arXiv:1908.04319): it pushes down what stands high and leaves alone what does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from soutu_services.tuning.retrieval import FloatArray

if TYPE_CHECKING:
    from soutu_services.tuning.adapter_training import TrainingOptions

__all__ = ["TOWERS", "Parameters", "loss_and_gradients", "use_loss_and_gradients"]

TOWERS = ("text", "image")
_LEAST = 1e-6

Parameters = dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class _Adapted:
    """What the towers' inputs become, and what the way back needs."""

    activations: Mapping[str, FloatArray]
    outputs: Mapping[str, FloatArray]
    lengths: Mapping[str, FloatArray]


def loss_and_gradients(
    parameters: Mapping[str, FloatArray],
    inputs: Mapping[str, FloatArray],
    fits: npt.NDArray[np.bool_],
    options: TrainingOptions,
) -> tuple[float, Parameters]:
    """Return the loss of a batch of a data set and its gradients.

    Args:
        parameters: ``text.down``, ``text.up``, ``image.down`` and ``image.up``.
        inputs: ``text``, shape (t, d), and ``image``, shape (i, d).
        fits: Which text fits which image, at least one in each row and column; shape (t, i).
        options: Mix and temperature.
    """
    adapted = _adapted(parameters, inputs, options)
    scores = adapted.outputs["text"] @ adapted.outputs["image"].T / options.temperature
    loss, slope = 0.0, np.zeros_like(scores)
    for axis in (1, 0):
        target = fits / fits.sum(axis=axis, keepdims=True)
        logs = scores - scores.max(axis=axis, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=axis, keepdims=True))
        queries = scores.shape[1 - axis]
        loss -= float((target * logs).sum()) / queries / 2
        slope += (np.exp(logs) - target).astype(scores.dtype) / (2 * queries)
    slope /= options.temperature
    return loss, _gradients(parameters, inputs, adapted, slope, options)


def use_loss_and_gradients(
    parameters: Mapping[str, FloatArray], inputs: Mapping[str, FloatArray], weights: FloatArray, options: TrainingOptions
) -> tuple[float, Parameters]:
    """Return the loss of some queries from use, a sum over their pairs, and its gradients.

    Args:
        parameters: As above.
        inputs: ``text``, the queries, shape (q, d), and ``image``, all candidates, shape (c, d).
        weights: How much each query means each candidate; negative: how much it does not; 0: nothing is known; shape (q, c).
        options: Mix and temperature.
    """
    adapted = _adapted(parameters, inputs, options)
    scores = adapted.outputs["text"] @ adapted.outputs["image"].T / options.temperature
    logs = scores - scores.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    shares = np.exp(logs)
    wanted, unwanted = np.maximum(weights, 0), np.maximum(-weights, 0)
    left = np.maximum(1 - shares, _LEAST)
    loss = float(-(wanted * logs).sum() - (unwanted * np.log(left)).sum())
    pushed = unwanted * shares / left
    slope = (wanted - pushed).sum(axis=1, keepdims=True) * shares - wanted + pushed
    return loss, _gradients(parameters, inputs, adapted, slope.astype(scores.dtype) / options.temperature, options)


def _adapted(parameters: Mapping[str, FloatArray], inputs: Mapping[str, FloatArray], options: TrainingOptions) -> _Adapted:
    mix = options.mix
    activations, outputs, lengths = {}, {}, {}
    for tower in TOWERS:
        activations[tower] = np.maximum(inputs[tower] @ parameters[f"{tower}.down"], 0)
        mapped = (1 - mix) * inputs[tower] + mix * (activations[tower] @ parameters[f"{tower}.up"])
        lengths[tower] = np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        outputs[tower] = mapped / lengths[tower]
    return _Adapted(activations, outputs, lengths)


def _gradients(
    parameters: Mapping[str, FloatArray],
    inputs: Mapping[str, FloatArray],
    adapted: _Adapted,
    slope: FloatArray,
    options: TrainingOptions,
) -> Parameters:
    """Return what a slope of the cosines, shape (t, i), comes to in the parameters."""
    gradients: Parameters = {}
    outputs = adapted.outputs
    for tower, rise in (("text", slope @ outputs["image"]), ("image", slope.T @ outputs["text"])):
        of_mapped = (rise - outputs[tower] * (rise * outputs[tower]).sum(axis=1, keepdims=True)) / adapted.lengths[tower]
        of_learned = options.mix * of_mapped
        gradients[f"{tower}.up"] = adapted.activations[tower].T @ of_learned
        hidden = (of_learned @ parameters[f"{tower}.up"].T) * (adapted.activations[tower] > 0)
        gradients[f"{tower}.down"] = inputs[tower].T @ hidden
    return gradients
