"""Low-rank fits of the real architectures, small: they learn, end the same whatever stops them, and what they leave is served."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn

from clip_checkpoints import TinyCheckpoint, make_checkpoint
from clip_files import jpeg, write_tables
from clip_pairs import write_colour_pairs
from soutu_services.embedding.chinese_clip.encoder import find_checkpoint
from soutu_services.embedding.chinese_clip.preprocessing import normalised_pixels
from soutu_services.embedding.chinese_clip.torch_model import TorchModel, vocabulary_path
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.embedding.weights import WeightsSettings
from soutu_services.runtime.errors import FailedPrecondition, Overloaded
from soutu_services.tuning.cli import main
from soutu_services.tuning.dataset import TextRow, open_dataset
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.low_rank.attention import SplitAttention, joined_attention, split_attention
from soutu_services.tuning.low_rank.network import LowRankNetwork
from soutu_services.tuning.low_rank.options import LowRankOptions
from soutu_services.tuning.low_rank.pairs import TowerInputs, prepare_inputs
from soutu_services.tuning.low_rank.step import Step
from soutu_services.tuning.low_rank.training import LowRankTraining
from soutu_services.tuning.trained_model import model_spec, read_model

SMALL = LowRankOptions(rank=4, rate=1e-2, batch=36, epochs=3)
QUICK = ("--rate", "0.01", "--batch", "36", "--rank", "16")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("low-rank")
    write_colour_pairs(folder / "data")
    return folder


@pytest.fixture(scope="module")
def tiny(place: Path) -> dict[str, TinyCheckpoint]:
    changes: dict[str, Any] = {"text_initializer_range": 0.1, "text_hidden_dropout_prob": 0.05}
    return {kind: make_checkpoint(place, kind, **changes) for kind in ("vit", "resnet")}


@pytest.fixture(scope="module")
def inputs(place: Path) -> TowerInputs:
    return prepare_inputs(
        open_dataset(place / "data", "train"),
        place / "pictures.u8",
        side=64,
        vocabulary=vocabulary_path(),
        limits=ImageLimits(1_000_000, 1_000_000),
        flaws=Flaws(),
        threads=1,
    )


def network(tiny: TinyCheckpoint, options: LowRankOptions = SMALL, *, chunk: int = 64, precision: Any = None) -> LowRankNetwork:
    checkpoint = find_checkpoint(str(tiny.path), architecture=str(tiny.architecture), weights=WeightsSettings())
    return LowRankNetwork.load(checkpoint, options, device="cpu", precision=precision, chunk=chunk)


def a_step(inputs: TowerInputs, count: int = 20) -> Step:
    return Step(inputs.pictures[:count], inputs.tokens[:count], np.eye(count, dtype=bool), 1e-2, 3)


def fit(place: Path, tiny: TinyCheckpoint, output: Path, *options: str) -> Result:
    arguments = ["fit", str(place / "data"), "--depth", "low-rank", "--output", str(output), *options]
    if "--model" not in options:
        arguments += ["--model", f"clip:{tiny.path}@{tiny.architecture}"]
    return CliRunner().invoke(main, arguments, env={"SOUTU_LANGUAGE": "en"})


@pytest.fixture(scope="module")
def family(place: Path, tiny: dict[str, TinyCheckpoint]) -> Path:
    done = fit(place, tiny["vit"], place / "family", *QUICK, "--epochs", "40", "--chunk", "16")
    assert done.exit_code == 0, done.output
    return place / "family"


def test_the_loss_falls_and_recall_on_held_out_pairs_rises(family: Path) -> None:
    summary = json.loads((family / "fit.json").read_text("utf-8"))
    losses = [epoch["loss"] for epoch in summary["epochs"][1:]]
    assert losses[-1] < 0.8 * losses[0]
    assert summary["before"]["photos"] == 36
    assert summary["rise"]["mean_recall"]["value"] > 0.2
    assert summary["rise"]["mean_recall"]["low"] > 0
    assert summary["rise"]["mean_recall"]["value"] == read_model(family).rise
    assert (family / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not (family / ".fit").exists()


def test_what_it_leaves_is_a_checkpoint_of_a_new_space(family: Path, tiny: dict[str, TinyCheckpoint]) -> None:
    manifest = read_model(family)
    model = load_encoder(model_spec(family, manifest.architecture), EmbeddingSettings())
    assert model.card.space_id == manifest.space_id != manifest.base_space_id
    model.close()
    saved = torch.load(family / "checkpoint.pt", weights_only=True)["state_dict"]
    assert {name: value.shape for name, value in saved.items()} == {
        f"module.{name}": value.shape for name, value in tiny["vit"].model.state_dict().items()
    }
    # as cn_clip's ``create_model`` takes a checkpoint in
    tiny["vit"].model.load_state_dict({name.removeprefix("module."): value for name, value in saved.items()})


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_the_checkpoint_embeds_as_the_network_did(
    kind: str, place: Path, tiny: dict[str, TinyCheckpoint], inputs: TowerInputs
) -> None:
    trained = network(tiny[kind])
    before = trained.encode_images(inputs.pictures[:8]), trained.encode_texts(inputs.tokens[:8])
    for _ in range(3):
        trained.step(a_step(inputs))
    after = trained.encode_images(inputs.pictures[:8]), trained.encode_texts(inputs.tokens[:8])
    trained.write_checkpoint(place / "merged.pt", "tiny")
    checkpoint = find_checkpoint(str(place / "merged.pt"), architecture=str(tiny[kind].architecture), weights=WeightsSettings())
    model = TorchModel.load(checkpoint.path, checkpoint.architecture, name="tiny")
    found = model.encode_images(normalised_pixels(inputs.pictures[:8])), model.encode_texts(inputs.tokens[:8].astype(np.int64))
    for old, new, saved in zip(before, after, found, strict=True):
        assert np.abs(old - new).max() > 0.01
        assert np.abs(new - saved / np.linalg.norm(saved, axis=1, keepdims=True)).max() < 1e-5


def test_split_attention_computes_what_whole_attention_does() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.ModuleDict({"attn": nn.MultiheadAttention(12, 3)}))
    nn.init.normal_(model[0]["attn"].in_proj_bias)
    whole, state, x = model[0]["attn"], model.state_dict(), torch.randn(7, 2, 12)
    expected = whole(x, x, x, need_weights=False, attn_mask=None)[0]
    split_attention(model)
    assert isinstance(model[0]["attn"], SplitAttention)
    assert torch.allclose(model[0]["attn"](x, x, x, need_weights=False, attn_mask=None)[0], expected, atol=1e-6)
    joined = joined_attention(model.state_dict())
    assert joined.keys() == state.keys()
    assert all(torch.equal(joined[name], state[name]) for name in state)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_batch_in_chunks_takes_the_step_of_the_whole(place: Path, inputs: TowerInputs, kind: str) -> None:
    folder = place / f"no-dropout-{kind}"
    folder.mkdir()
    plain = make_checkpoint(folder, kind, text_hidden_dropout_prob=0.0, text_attention_probs_dropout_prob=0.0)
    results = []
    for chunk in (20, 6):
        one = network(plain, chunk=chunk)
        one._optimizer.step = lambda: None
        results.append((one.step(a_step(inputs)), {name: value.grad for name, value in one._trained.items()}))
    (loss, whole), (same_loss, parts) = results
    assert same_loss == pytest.approx(loss, rel=1e-5)
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        assert torch.allclose(gradient, parts[name], rtol=1e-3, atol=1e-6 + 1e-3 * float(gradient.abs().max())), name


def test_chunks_see_the_same_dropout_with_and_without_gradients(tiny: dict[str, TinyCheckpoint], inputs: TowerInputs) -> None:
    one = network(tiny["vit"], chunk=6)
    seen: list[torch.Tensor] = []
    encode = one._texts

    def watched(tokens: Any) -> torch.Tensor:
        found = encode(tokens)
        seen.append(found.detach())
        return found

    one._texts = watched  # type: ignore[method-assign]
    one.step(a_step(inputs))
    without, again = seen[:4], seen[4:]
    assert all(torch.equal(first, second) for first, second in zip(without, again, strict=True))
    seen.clear()
    one.encode_texts(inputs.tokens[:6])
    assert not torch.equal(without[0], seen[0]), "it did drop something"


def test_blocks_are_computed_again_instead_of_kept(tiny: dict[str, TinyCheckpoint], inputs: TowerInputs) -> None:
    one = network(tiny["vit"])
    calls = []
    for block in (one._clip.bert.encoder.layer[0], one._clip.visual.transformer.resblocks[0]):
        inner = block.attention if hasattr(block, "intermediate") else block.attn
        inner.register_forward_hook(lambda *_: calls.append(1))
    one.step(a_step(inputs))
    assert len(calls) == 4, "once forward and once backward, in each tower"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_takes_nearly_the_same_step(tiny: dict[str, TinyCheckpoint], inputs: TowerInputs, precision: str) -> None:
    exact, half = network(tiny["vit"]), network(tiny["vit"], precision=precision)
    losses = [exact.step(a_step(inputs)), half.step(a_step(inputs))]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[1] != losses[0]
    assert half.step(a_step(inputs)) < losses[1], "it learned"


class _Killed(BaseException):
    pass


def trained(
    folder: Path, one: LowRankNetwork, inputs: TowerInputs, on_step: Callable[..., None] = lambda *_: None
) -> LowRankTraining:
    folder.mkdir(exist_ok=True)
    training = LowRankTraining(one, inputs, folder, save_seconds=0)
    training.run(on_step=on_step)
    return training


@pytest.mark.parametrize("freeze_images", [False, True])
def test_a_killed_training_goes_on_and_ends_the_same_to_the_bit(
    tmp_path: Path, tiny: dict[str, TinyCheckpoint], inputs: TowerInputs, freeze_images: bool
) -> None:
    options = replace(SMALL, freeze_images=freeze_images, patience=9)
    whole = network(tiny["vit"], options, chunk=16)
    training = trained(tmp_path / "whole", whole, inputs)
    steps: list[tuple[int, int]] = []

    def kill(epoch: int, step: int, _: int) -> None:
        steps.append((epoch, step))
        if len(steps) in (2, 6):  # within the first epoch, and at the end of the second
            raise _Killed

    for _ in range(2):
        with pytest.raises(_Killed):
            trained(tmp_path / "parts", network(tiny["vit"], options, chunk=16), inputs, kill)
    last = network(tiny["vit"], options, chunk=16)
    again = trained(tmp_path / "parts", last, inputs, kill)
    assert len(steps) < 2 * training.steps_an_epoch * options.epochs
    assert str(again.epochs) == str(training.epochs)
    assert all(torch.equal(value, last._trained[name]) for name, value in whole._trained.items())


def test_it_stops_when_nothing_rises_and_takes_the_best_epoch(
    tmp_path: Path, tiny: dict[str, TinyCheckpoint], inputs: TowerInputs
) -> None:
    blind = replace(inputs, pairs=np.stack([inputs.pairs[:, 0], np.roll(inputs.pairs[:, 1], 7)], axis=1))
    one = network(tiny["vit"], replace(SMALL, rate=1e-4, epochs=30, patience=2))
    start = {name: value.detach().clone() for name, value in one._trained.items()}
    training = trained(tmp_path / "state", one, blind)
    assert len(training.epochs) - 1 == training.best + 2 < 30
    if training.best == 0:
        assert all(torch.equal(value, one._trained[name]) for name, value in start.items())


def test_a_frozen_image_tower_stays_to_the_bit(place: Path, tiny: dict[str, TinyCheckpoint]) -> None:
    done = fit(place, tiny["vit"], place / "lit", *QUICK, "--epochs", "8", "--freeze-images")
    assert done.exit_code == 0, done.output
    saved = torch.load(place / "lit" / "checkpoint.pt", weights_only=True)["state_dict"]
    base = torch.load(tiny["vit"].path, weights_only=True)["state_dict"]
    changed = {name for name, value in saved.items() if not torch.equal(value, base[name])}
    assert changed
    assert all(name.startswith(("module.bert.", "module.logit_scale")) for name in changed)
    assert read_model(place / "lit").images_frozen
    assert json.loads((place / "lit" / "fit.json").read_text())["rise"]["mean_recall"]["value"] > 0


def test_out_of_memory_is_one_line_and_what_was_done_stays(
    tmp_path: Path, place: Path, tiny: dict[str, TinyCheckpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    backward, steps = LowRankNetwork._backward, []

    def greedy(self: LowRankNetwork, step: Step) -> torch.Tensor:
        steps.append(1)
        if len(steps) == 5:
            torch.empty(1 << 58, dtype=torch.uint8)  # the allocator's own error
        return backward(self, step)

    monkeypatch.setattr(LowRankNetwork, "_backward", greedy)
    options = (*QUICK, "--epochs", "2", "--chunk", "16")
    done = fit(place, tiny["vit"], tmp_path / "out", *options)
    assert done.exit_code == 1
    assert "--chunk 8" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.output
    steps.extend([1] * 5)
    again = fit(place, tiny["vit"], tmp_path / "out", *options[:-1], "8")
    assert again.exit_code == 0, again.output
    assert len(steps) - 10 == 3, "the first of two epochs of three steps was kept"


def test_a_gpu_without_memory_says_the_same(tiny: dict[str, TinyCheckpoint], inputs: TowerInputs) -> None:
    one = network(tiny["vit"], chunk=1)

    def greedy(_: Step) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    one._backward = greedy  # type: ignore[method-assign]
    with pytest.raises(Overloaded) as caught:
        one.step(a_step(inputs))
    assert "--freeze-images" in caught.value.text.en


def test_a_full_disk_is_told_as_what_it_is(
    tiny: dict[str, TinyCheckpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch hides it in an error of its own."""
    one = network(tiny["vit"])
    monkeypatch.setattr(Path, "open", lambda *_: _FullFile())
    with pytest.raises(OSError, match=r"No space.*state\.pt"):
        one.save(tmp_path / "state.pt", {})


class _FullFile(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_loss_that_is_no_number_ends_it(tmp_path: Path, tiny: dict[str, TinyCheckpoint], inputs: TowerInputs) -> None:
    one = network(tiny["vit"])
    one.step = lambda _: float("nan")  # type: ignore[method-assign]
    with pytest.raises(FailedPrecondition) as caught:
        trained(tmp_path / "state", one, inputs)
    assert caught.value.reason == "DIVERGED"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--model", "lite"), "--depth adapter"),
        (("--train", "few"), "30"),
        (("--train", "empty"), "empty"),
        (("--valid", "train"), "--valid"),
        (("--model", "clip:/none.pt@ViT-B-16"), "none.pt"),
        (("--depth", "adapter", "--rank", "3"), "--rank"),
        (("--depth", "full", "--rank", "3"), "--rank"),
    ],
)
def test_what_cannot_be_is_one_line(
    place: Path, tmp_path: Path, tiny: dict[str, TinyCheckpoint], options: tuple[str, ...], part: str
) -> None:
    write_tables(place / "data", "few", {1: jpeg(1)}, [TextRow(1, "红", (1,))])
    write_tables(place / "data", "empty", {1: jpeg(1)}, [])
    done = fit(place, tiny["vit"], tmp_path / "out", *options)
    assert done.exit_code == 1
    assert part in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.output


def test_another_architecture_is_named(place: Path, tmp_path: Path, tiny: dict[str, TinyCheckpoint]) -> None:
    done = fit(place, tiny["vit"], tmp_path / "out", "--model", f"clip:{tiny['vit'].path}@{tiny['resnet'].architecture}")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "tiny-resnet" in done.stderr


def test_another_fit_in_the_folder_is_refused(
    place: Path, tmp_path: Path, tiny: dict[str, TinyCheckpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(LowRankNetwork, "_backward", lambda *_: torch.empty(1 << 58))
        assert fit(place, tiny["vit"], tmp_path, *QUICK).exit_code == 1
    other = fit(place, tiny["vit"], tmp_path, "--rate", "0.02")
    assert (other.exit_code, other.stderr.count("\n")) == (1, 1)
    assert ".fit" in other.stderr
