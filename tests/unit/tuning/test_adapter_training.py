"""Training of adapters: the loss falls, recall on held-out pairs rises, and a stop changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soutu_services.embedding.adapter_folder import read_adapter
from soutu_services.embedding.encoder import ModelCard, Tower
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput
from soutu_services.tuning.adapter_fit import FitRequest, Fitted, fit_adapter
from soutu_services.tuning.adapter_selection import adapted_pairs, part_of, try_candidate
from soutu_services.tuning.adapter_training import AdapterTraining, TrainingOptions, loss_and_gradients
from soutu_services.tuning.curve_picture import draw_curves
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.retrieval import FloatArray, rank, recall_of

CARD = ModelCard("made", "space", "test", 16, frozenset(Tower), input_size=8, text_characters=9)
SMALL = TrainingOptions(hidden=24, batch=32, rate=3e-3)


def unit(rows: np.ndarray) -> FloatArray:  # type: ignore[type-arg]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made_pairs(photos: int, seed: int, *, told: float = 0.35) -> EmbeddedPairs:
    """Make photos that two texts each tell of, in a space where half of what texts mean lies elsewhere than in the photos."""
    random = np.random.default_rng(seed)
    meaning = random.normal(size=(photos, 8))
    turned = np.random.default_rng(99).normal(size=(8, 8)) / 3  # the same in every data set
    images = np.concatenate([meaning, random.normal(size=(photos, 8)) * 0.3], axis=1)
    words = np.repeat(meaning, 2, axis=0) + random.normal(size=(2 * photos, 8)) * told
    texts = np.concatenate([0.4 * words + 0.8 * random.normal(size=words.shape), words @ turned], axis=1)
    number = np.arange(2 * photos)
    pairs = np.stack([number, number // 2], axis=1)
    pairs = np.concatenate([pairs, [[0, 1]]])  # the first text fits two photos
    return EmbeddedPairs(
        np.arange(photos), unit(images), number, tuple(map(str, number)), unit(texts), pairs[np.lexsort(pairs.T[::-1])]
    )


def recall(pairs: EmbeddedPairs) -> float:
    return recall_of(rank(pairs.text_vectors, pairs.images, pairs.images_of_texts()).ranks).mean_recall


def request(**changes: object) -> FitRequest:
    whole = FitRequest(
        name="family",
        base="lite",
        card=CARD,
        train=made_pairs(150, 1),
        valid=made_pairs(60, 2),
        split="valid",
        fingerprint="a",
        candidates=(SMALL, replace(SMALL, dropout=0.2)),
        most_epochs=6,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_gradients_are_the_slopes_of_the_loss() -> None:
    random = np.random.default_rng(0)
    shapes = {"text.down": (5, 4), "text.up": (4, 5), "image.down": (5, 4), "image.up": (4, 5)}
    parameters = {name: random.normal(size=shape) for name, shape in shapes.items()}
    inputs = {"text": random.normal(size=(6, 5)), "image": random.normal(size=(3, 5))}
    fits = np.arange(6)[:, None] % 3 == np.arange(3)
    fits[0, 1] = True
    options = TrainingOptions(temperature=0.5, mix=0.4)
    _, gradients = loss_and_gradients(parameters, inputs, fits, options)  # type: ignore[arg-type]
    for name, value in parameters.items():
        for place in np.ndindex(*value.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = {**parameters, name: value.copy()}
                moved[name][place] += step
                ends.append(loss_and_gradients(moved, inputs, fits, options)[0])  # type: ignore[arg-type]
            assert gradients[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_the_loss_falls_and_recall_on_held_out_pairs_rises() -> None:
    train, valid = made_pairs(200, 1), made_pairs(80, 2)
    training = AdapterTraining(16, SMALL)
    assert recall(adapted_pairs(valid, *training.projections())) == pytest.approx(recall(valid))
    losses = [training.run_epoch(train) for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    assert recall(adapted_pairs(valid, *training.projections())) > recall(valid) + 0.1


def test_resuming_equals_not_stopping() -> None:
    train, options = made_pairs(60, 1), replace(SMALL, dropout=0.3)
    whole = AdapterTraining(16, options)
    for _ in range(5):
        whole.run_epoch(train)
    first, second = AdapterTraining(16, options), AdapterTraining(16, options)
    for _ in range(2):
        first.run_epoch(train)
    second.load({name: value.copy() for name, value in first.state().items()})
    for _ in range(3):
        second.run_epoch(train)
    assert second.epoch == whole.epoch
    assert all(np.array_equal(value, second.state()[name]) for name, value in whole.state().items())


def test_texts_are_blended_with_texts_of_their_own_photo_alone() -> None:
    """Each photo's texts lie in a plane of their own: what is blended stays in it, and moves."""
    pairs, random = made_pairs(4, 1), np.random.default_rng(0)
    vectors = np.zeros((8, 16), np.float32)
    vectors[np.arange(8), np.arange(8)] = 1
    alone = np.stack([np.arange(8), np.arange(8) // 2], axis=1)
    training = AdapterTraining(16, SMALL)
    blended = training._blended(replace(pairs, text_vectors=vectors, pairs=alone), random)
    for text in range(8):
        assert set(np.flatnonzero(blended[text])) <= {text, text ^ 1}
    assert np.allclose(np.linalg.norm(blended, axis=1), 1)
    assert np.count_nonzero(blended) > 8
    plain = AdapterTraining(16, replace(SMALL, blend=0.0))._blended(replace(pairs, text_vectors=vectors, pairs=alone), random)
    assert np.array_equal(plain, vectors)


def test_a_state_of_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        AdapterTraining(16, SMALL).load(AdapterTraining(12, SMALL).state())


def test_a_part_holds_its_photos_and_their_texts_alone() -> None:
    pairs = made_pairs(10, 1)
    part = part_of(pairs, np.array([1, 4, 9]))
    assert part.image_ids.tolist() == [1, 4, 9]
    assert part.texts == ("0", "2", "3", "8", "9", "18", "19")
    assert part.pairs.tolist() == [[0, 0], [1, 0], [2, 0], [3, 1], [4, 1], [5, 2], [6, 2]]
    assert np.array_equal(part.text_vectors[3], pairs.text_vectors[8])


def test_a_trial_stops_when_nothing_rises_any_more() -> None:
    trial = try_candidate(made_pairs(90, 1), replace(SMALL, rate=3e-2), most_epochs=40)
    assert trial.best < len(trial.epochs) - 1 < 40
    assert trial.epochs[trial.best].mean_recall == max(epoch.mean_recall for epoch in trial.epochs)


def test_a_fit_rises_on_held_out_pairs_and_writes_an_adapter(tmp_path: Path) -> None:
    fitted = fit_adapter(request(), tmp_path)
    rise = fitted.rise["mean_recall"]
    assert rise.value > 0.05
    assert rise.low < rise.value < rise.high
    assert rise.value == pytest.approx(
        fitted.after.text_to_photo.figures["mean_recall"].value - fitted.before.text_to_photo.figures["mean_recall"].value
    )
    adapter = read_adapter(tmp_path)
    assert adapter.manifest == fitted.adapter.manifest
    assert adapter.manifest.rise == rise.value
    assert not (tmp_path / ".fit").exists()
    draw_curves(fitted.trials, fitted.chosen, fitted.losses, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("stops_at", [3, 10, 15])
def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path: Path, stops_at: int) -> None:
    whole = fit_adapter(request(), tmp_path / "whole")
    steps: list[str] = []

    def kill(what: str, epoch: int, _: float) -> None:
        steps.append(f"{what} {epoch}")
        if len(steps) == stops_at:
            raise _Killed

    with pytest.raises(_Killed):
        fit_adapter(request(), tmp_path / "parts", on_step=kill)
    rest: list[str] = []
    parts: Fitted = fit_adapter(request(), tmp_path / "parts", on_step=lambda what, epoch, _: rest.append(f"{what} {epoch}"))
    assert parts.adapter.manifest == whole.adapter.manifest, "its space digests every tensor"
    assert parts.losses == whole.losses
    kept = {"trial 1/2 0"} if stops_at > 8 else set()
    assert kept.isdisjoint(rest)


def test_too_few_photos_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        fit_adapter(request(train=made_pairs(29, 1)), tmp_path)
    assert caught.value.reason == "TOO_FEW_PHOTOS"
    assert "29" in caught.value.text.zh


def test_the_state_of_another_fit_is_refused(tmp_path: Path) -> None:
    def kill(*_: object) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        fit_adapter(request(), tmp_path, on_step=kill)
    for other in (request(fingerprint="b"), request(card=replace(CARD, space_id="x")), request(card=replace(CARD, dimension=32))):
        with pytest.raises(FailedPrecondition) as caught:
            fit_adapter(other, tmp_path)
        assert caught.value.reason == "OTHER_FIT"


def test_a_training_that_cannot_help_changes_nothing(tmp_path: Path) -> None:
    """Texts that tell nothing of their photos: the best number of epochs may be none, and nothing rises."""
    random = np.random.default_rng(8)
    blind = replace(made_pairs(60, 1), text_vectors=unit(random.normal(size=(120, 16))))
    fitted = fit_adapter(request(train=blind, valid=made_pairs(60, 2), most_epochs=2), tmp_path)
    assert fitted.adapter.manifest.rise is not None
    assert fitted.adapter.manifest.rise <= 0
    assert json.loads((tmp_path / "adapter.json").read_text())["rise"] <= 0
