"""What cn_clip's training program says as it goes (``cn_clip/training/train.py`` and ``main.py``, 1.6.0)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["FullEpoch", "FullProgress", "best_epoch"]

_STEP = re.compile(r"Global Steps: (\d+)/(\d+) \| Train Epoch: (\d+) .*?Loss: ([\d.]+)")
_VALID = re.compile(
    r"Validation Result \(epoch (\d+) @ \d+ steps\) \| "
    r"Valid Loss: ([\d.]+) \| Image2Text Acc: ([\d.]+) \| Text2Image Acc: ([\d.]+)"
)
_SAVED = re.compile(r"Saved checkpoint \S*?epoch_latest\.pt \(epoch (\d+) @")
_NO_MEMORY = ("OutOfMemoryError", "CUDA out of memory")


Event = Literal["measured", "saved"]


@dataclass(frozen=True, slots=True)
class FullEpoch:
    """What an epoch reached on the pairs that were held back.

    Attributes:
        number: From 1.
        loss: Of its last step that was told; None: none was.
        held_loss: On the pairs held back.
        accuracy: Share of these that were told apart from the others of their batch, the mean of both directions.
    """

    number: int
    loss: float | None
    held_loss: float
    accuracy: float


@dataclass(slots=True)
class FullProgress:
    """Reads the program's lines.

    Attributes:
        epochs: Those that were measured.
        saved: The last epoch whose checkpoint is whole; 0: none.
        step: The last step, and how many there are.
        out_of_memory: It said so.
    """

    epochs: list[FullEpoch] = field(default_factory=list)
    saved: int = 0
    step: tuple[int, int] = (0, 0)
    out_of_memory: bool = False
    _loss: float | None = None

    @classmethod
    def kept(cls, path: Path, upto: int) -> FullProgress:
        """Go on from what ``keep`` wrote, as far as epochs have a whole checkpoint."""
        told = json.loads(path.read_text("utf-8")) if path.is_file() else []
        return cls([epoch for epoch in (FullEpoch(**one) for one in told) if epoch.number <= upto], upto)

    def keep(self, path: Path) -> None:
        """Write the epochs."""
        aside = path.with_suffix(".partial")
        aside.write_text(json.dumps([asdict(epoch) for epoch in self.epochs]), "utf-8")
        aside.replace(path)

    def read(self, line: str) -> Event | None:
        """Read a line; say if an epoch was measured, or its checkpoint is whole, which follows."""
        if match := _STEP.search(line):
            self.step, self._loss = (int(match[1]), int(match[2])), float(match[4])
        elif match := _VALID.search(line):
            accuracy = (float(match[3]) + float(match[4])) / 200
            self.epochs.append(FullEpoch(int(match[1]), self._loss, float(match[2]), accuracy))
            return "measured"
        elif match := _SAVED.search(line):
            self.saved = int(match[1])
            return "saved"
        elif any(sign in line for sign in _NO_MEMORY):
            self.out_of_memory = True
        return None


def best_epoch(epochs: Sequence[FullEpoch]) -> int:
    """Return the number of the epoch that tells most pairs apart, the earliest of equals, by its loss."""
    return min(epochs, key=lambda epoch: (-epoch.accuracy, epoch.held_loss)).number
