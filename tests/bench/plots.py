"""Plots of what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["Curve", "plot_curves"]

_COLUMNS = 3


@dataclass(frozen=True)
class Curve:
    """One figure over sizes: ``measured`` as (size, value), and one that was ``calculated`` for a larger size, if any."""

    name: str
    unit: str
    measured: Sequence[tuple[float, float]]
    calculated: tuple[float, float] | None = None


def plot_curves(curves: Sequence[Curve], path: Path, *, x_label: str) -> None:
    """Draw each in a plot of its own, both axes logarithmic, into one PNG."""
    rows = math.ceil(len(curves) / _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(5 * _COLUMNS, 3.6 * rows), squeeze=False, layout="constrained")
    for curve, axis in zip(curves, axes.flat, strict=False):
        if curve.measured:
            axis.loglog(*zip(*curve.measured, strict=True), marker="o")
        if curve.measured and curve.calculated:
            axis.loglog(*zip(curve.measured[-1], curve.calculated, strict=True), "o--", color="grey", label="calculated")
            axis.legend()
        axis.set_title(f"{curve.name}, {curve.unit}")
        axis.set_xlabel(x_label)
        axis.grid(visible=True, which="both", alpha=0.3)
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    figure.savefig(path, dpi=100)
    plt.close(figure)
