"""Curves of a fit as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from soutu_services.tuning.adapter_selection import Trial

__all__ = ["draw_curves", "draw_progress"]

_WIDTH, _HEIGHT = 1100, 420
_PANEL, _LEFT, _TOP, _BOTTOM = 430, 80, 60, 60
_INK, _GRID, _OTHER = (40, 40, 40), (225, 225, 225), (190, 190, 190)
_MEAN, _TEN, _LAST = (31, 119, 180), (44, 160, 44), (255, 127, 14)

Points = Sequence[tuple[int, float]]

_Line = tuple[Points, tuple[int, int, int], str]


def draw_curves(trials: Sequence[Trial], chosen: Trial, losses: Sequence[float], path: Path) -> None:
    """Draw loss and recall over epochs into a PNG: the chosen candidate in colour, the others in grey.

    Args:
        trials: All candidates.
        chosen: The one that was followed.
        losses: Of the training on all data.
        path: The file.
    """
    others = [trial for trial in trials if trial is not chosen]
    loss: list[_Line] = [(_loss(trial), _OTHER, "") for trial in others]
    loss += [(_loss(chosen), _MEAN, "chosen, on parts"), (list(enumerate(losses, 1)), _LAST, "on all training data")]
    recall: list[_Line] = [(_recall(trial), _OTHER, "") for trial in others]
    recall += [
        (_recall(chosen), _MEAN, "mean recall, chosen"),
        ([(number, epoch.r10) for number, epoch in enumerate(chosen.epochs)], _TEN, "R@10, chosen"),
    ]
    _draw(loss, "recall on parts that were left out", recall, path)


def draw_progress(losses: Mapping[str, Points], title: str, shares: Mapping[str, Points], path: Path) -> None:
    """Draw loss and recall of one training into a PNG; it may go on.

    Args:
        losses: Epochs and losses by label.
        title: Of the other panel.
        shares: Epochs and what they reached by label.
        path: The file.
    """
    colours = (_MEAN, _TEN, _LAST)
    loss, share = (
        [(points, colour, label) for (label, points), colour in zip(curves.items(), colours, strict=False)]
        for curves in (losses, shares)
    )
    _draw(loss, title, share, path)


def _draw(loss: Sequence[_Line], title: str, recall: Sequence[_Line], path: Path) -> None:
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    _panel(draw, 0, "loss", loss)
    _panel(draw, _WIDTH // 2, title, recall)
    aside = path.with_name(f".{path.name}")
    image.save(aside, "PNG")
    aside.replace(path)


def _loss(trial: Trial) -> list[tuple[int, float]]:
    return [(number, epoch.loss) for number, epoch in enumerate(trial.epochs) if number]


def _recall(trial: Trial) -> list[tuple[int, float]]:
    return [(number, epoch.mean_recall) for number, epoch in enumerate(trial.epochs)]


def _panel(draw: ImageDraw.ImageDraw, left: int, title: str, lines: Sequence[_Line]) -> None:
    font = ImageFont.load_default(14)
    points = [point for line, _, _ in lines for point in line] or [(0, 0.0)]
    last = max([1, *(epoch for epoch, _ in points)])
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = high - low or 1.0

    def at(epoch: int, value: float) -> tuple[float, float]:
        x = left + _LEFT + epoch / last * _PANEL
        return x, _HEIGHT - _BOTTOM - (value - low) / span * (_HEIGHT - _TOP - _BOTTOM)

    draw.text((left + _LEFT, 14), title, _INK, font)
    for step in range(5):
        value = low + span * step / 4
        draw.line((at(0, value), at(last, value)), _GRID)
        draw.text((left + _LEFT - 8, at(0, value)[1]), f"{value:.3f}", _INK, font, anchor="rm")
    for epoch in range(0, last + 1, max(1, last // 8)):
        draw.text((at(epoch, low)[0], _HEIGHT - _BOTTOM + 8), str(epoch), _INK, font, anchor="mt")
    shown = 0
    for line, colour, label in lines:
        if line:
            places = [at(epoch, value) for epoch, value in line]
            draw.line(places if len(places) > 1 else places * 2, colour, 2)
        if label:
            draw.text((left + _LEFT + 8 + 165 * shown, 36), label, colour, font)
            shown += 1
