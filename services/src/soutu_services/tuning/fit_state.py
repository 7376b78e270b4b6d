"""How far a fit is, on disk: what a kill leaves is gone on with, and the end is the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from soutu_services.embedding.adapter_folder import MANIFEST_NAME
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput
from soutu_services.tuning.adapter_selection import Epoch, Trial
from soutu_services.tuning.adapter_training import AdapterTraining, TrainingOptions
from soutu_services.tuning.trained_model import MODEL_NAME

__all__ = ["FitFolder", "FitState", "check_room_for_fit", "other_fit"]

_FOLDER = ".fit"


class FitFolder:
    """Where a fit that is not complete keeps what it has done, beside what says which fit it is."""

    def __init__(self, folder: Path, request: str) -> None:
        """Open the state of a fit in its output folder, or begin one.

        Args:
            folder: Output folder.
            request: Says what is fitted on what; another request cannot go on here.

        Raises:
            FailedPrecondition: the folder holds the state of another fit.
        """
        self._folder = folder / _FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = self._folder / "request"
        if not kept.is_file():
            _write(kept, request)
        elif kept.read_text("utf-8") != request:
            raise other_fit(folder)

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self._folder

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Say whether an output folder holds the state of a fit that is not complete."""
        return (folder / _FOLDER).is_dir()

    def remove(self) -> None:
        """Remove the state once the fit is complete."""
        shutil.rmtree(self._folder)


class FitState(FitFolder):
    """Of an adapter: trials that are complete, and the last training after its latest epoch."""

    @property
    def _training(self) -> Path:
        return self._folder / "training.npz"

    @property
    def _trials(self) -> Path:
        return self._folder / "trials.json"

    def trials(self) -> list[Trial]:
        """Return the trials that are complete."""
        if not self._trials.is_file():
            return []
        return [
            Trial(TrainingOptions(**one["options"]), tuple(Epoch(**epoch) for epoch in one["epochs"]))
            for one in json.loads(self._trials.read_text("utf-8"))
        ]

    def save_trials(self, trials: Sequence[Trial]) -> None:
        """Keep the trials that are complete."""
        _write(self._trials, json.dumps([asdict(trial) for trial in trials]))

    def load_training(self, training: AdapterTraining) -> list[float]:
        """Bring a training to where it was, and return its epochs' losses; none: it has not begun.

        Raises:
            FailedPrecondition: what is there is of another shape, or damaged.
        """
        if not self._training.is_file():
            return []
        try:
            with self._training.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                state = {name: arrays[name] for name in arrays.files}
            losses = [float(loss) for loss in state.pop("losses")]
            training.load(state)
        except Exception as error:
            raise other_fit(self._folder.parent) from error
        return losses

    def save_training(self, training: AdapterTraining, losses: Sequence[float]) -> None:
        """Keep a training as it is after an epoch."""
        aside = self._training.with_suffix(".partial")
        with aside.open("wb") as file:
            np.savez(file, losses=np.array(losses), **training.state())  # type: ignore[arg-type]
        aside.replace(self._training)


def check_room_for_fit(output: Path, train: str, valid: str) -> None:
    """See that a fit measures on other data than it trains on, and that its folder holds no other.

    Raises:
        InvalidInput: the splits are one.
        FailedPrecondition: the folder holds what another fit made.
    """
    if train == valid:
        raise InvalidInput(
            "SAME_SPLIT", zh="--train 和 --valid 必须是不同的部分", en="--train and --valid must be different splits"
        )
    if any((output / name).exists() for name in (MANIFEST_NAME, MODEL_NAME)) and not FitFolder.is_in(output):
        raise FailedPrecondition(
            "FOLDER_TAKEN",
            zh=f"{output} 里已有训练好的模型：请换一个文件夹，或先把它移走",
            en=f"{output} holds a model that was trained already: choose another folder, or move it away first",
        )


def _write(path: Path, text: str) -> None:
    aside = path.with_suffix(".partial")
    aside.write_text(text, "utf-8")
    aside.replace(path)


def other_fit(folder: Path) -> FailedPrecondition:
    """Say that what a folder holds cannot be gone on with."""
    return FailedPrecondition(
        "OTHER_FIT",
        zh=f"{folder} 里有另一次没做完的训练（别的模型、结构、选项或数据）：请换一个文件夹，或删除其中的 {_FOLDER}",
        en=f"{folder} holds an unfinished fit of another model, architecture, options or data: choose another folder, "
        f"or remove {_FOLDER} in it",
    )
