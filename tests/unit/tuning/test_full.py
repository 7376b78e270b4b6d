"""Full fits: cn_clip's own training program, on a CPU that passes for a GPU, with small towers under official names."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

import cpu_training
from clip_checkpoints import TinyCheckpoint, make_checkpoint
from clip_files import jpeg, write_tables
from clip_pairs import write_colour_pairs
from soutu_services.embedding.chinese_clip.torch_model import cn_clip_utils
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.errors import Overloaded
from soutu_services.tuning.cli import main
from soutu_services.tuning.clip_lmdb import ClipLmdb
from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.full.arguments import FullOptions
from soutu_services.tuning.full.checkpoints import newest_checkpoint, starting_checkpoint
from soutu_services.tuning.full.launch import run_training
from soutu_services.tuning.full.progress import FullProgress, best_epoch
from soutu_services.tuning.trained_model import model_spec, read_model

QUICK = ("--rate", "0.003", "--batch", "48", "--chunk", "24")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place where ViT-B-16 is a small model; it has no dropout, whose draws cn_clip does not keep."""
    folder = tmp_path_factory.mktemp("full")
    write_colour_pairs(folder / "data")
    configurations = folder / "cn_clip" / "clip" / "model_configs"
    configurations.mkdir(parents=True)
    shutil.copy(Path(cn_clip_utils.__file__).parent / "vocab.txt", configurations.parent)
    no_dropout = {"text_hidden_dropout_prob": 0.0, "text_attention_probs_dropout_prob": 0.0}
    tiny = make_checkpoint(folder, "vit", text_initializer_range=0.1, **no_dropout)
    whole = json.loads(tiny.architecture.read_text())
    for name, is_text in (("ViT-B-16", False), ("RoBERTa-wwm-ext-base-chinese", True)):
        part = {key: value for key, value in whole.items() if (key.startswith("text_") or key == "vocab_size") is is_text}
        (configurations / f"{name}.json").write_text(json.dumps(part))
    tiny.path.rename(folder / "base.pt")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cn_clip_utils, "__file__", str(configurations.parent / "utils.py"))
        yield folder


@pytest.fixture
def cpu(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the training program run on the CPU; options are for ``cpu_training``."""

    def launcher(*options: str) -> None:
        program = [sys.executable, cpu_training.__file__, str(place / "cn_clip"), *options]
        monkeypatch.setattr("soutu_services.tuning.full.fit.launch_command", lambda _: program)

    monkeypatch.setattr("soutu_services.tuning.full.fit.obstacles", list)
    monkeypatch.setattr("soutu_services.tuning.full.command.FullOptions", partial(FullOptions, patience=99))
    monkeypatch.setattr("soutu_services.tuning.full.arguments._MOST_WORKERS", 0)
    launcher()
    return launcher


def fit(place: Path, output: Path, *options: str) -> Result:
    arguments = ["fit", str(place / "data"), "--depth", "full", "--output", str(output), *options]
    if "--model" not in options:
        arguments += ["--model", f"clip:{place / 'base.pt'}@ViT-B-16"]
    return CliRunner().invoke(main, arguments, env={"SOUTU_LANGUAGE": "en"})


def weights(output: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(output / "checkpoint.pt", weights_only=True)["state_dict"])


def test_it_trains_goes_on_after_a_kill_and_ends_the_same(place: Path, tmp_path: Path, cpu: Callable[..., None]) -> None:
    options = ("--rate", "0.002", "--batch", "16", "--chunk", "16", "--epochs", "8")
    whole = fit(place, tmp_path / "whole", *options)
    assert whole.exit_code == 0, whole.output + (tmp_path / "whole" / "training.log").read_text()[-2000:]
    summary = json.loads((tmp_path / "whole" / "fit.json").read_text("utf-8"))
    assert summary["epochs"][-1]["loss"] < summary["epochs"][0]["loss"]
    assert summary["rise"]["mean_recall"]["value"] > 0.1
    assert "before" in whole.stdout
    manifest = read_model(tmp_path / "whole")
    assert (manifest.depth, manifest.architecture, manifest.images_frozen) == ("full", "ViT-B-16", False)
    model = load_encoder(model_spec(tmp_path / "whole", "ViT-B-16"), EmbeddingSettings())
    assert model.card.space_id == manifest.space_id != manifest.base_space_id
    model.close()
    assert (tmp_path / "whole" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "whole" / ".fit").exists()

    cpu("--kill-after=6")
    killed = fit(place, tmp_path / "parts", *options)
    assert (killed.exit_code, "Traceback" in killed.stderr) == (1, False)
    assert "training.log" in killed.stderr.splitlines()[-1]
    cpu()
    again = fit(place, tmp_path / "parts", *options)
    assert again.exit_code == 0, again.output
    command = shlex.split(again.stdout.splitlines()[0])
    assert any(one.startswith("--resume=") and one.endswith("epoch6.pt") for one in command)
    assert "--reset-optimizer" not in command
    ends = [weights(tmp_path / name) for name in ("whole", "parts")]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
    epochs = json.loads((tmp_path / "parts" / "fit.json").read_text())["epochs"]
    assert [epoch["number"] for epoch in epochs] == list(range(1, 9))


def test_a_frozen_image_tower_stays(place: Path, tmp_path: Path, cpu: Callable[..., None]) -> None:
    done = fit(place, tmp_path / "lit", *QUICK, "--epochs", "1", "--freeze-images")
    assert done.exit_code == 0, done.output
    base = torch.load(place / "base.pt", weights_only=True)["state_dict"]
    changed = {name.split(".")[1] for name, value in weights(tmp_path / "lit").items() if not torch.equal(value, base[name])}
    assert changed == {"bert", "text_projection", "logit_scale"}
    assert read_model(tmp_path / "lit").images_frozen


def test_without_cuda_everything_is_ready_up_to_the_launch(place: Path, tmp_path: Path) -> None:
    done = fit(place, tmp_path / "out", *QUICK)
    assert done.exit_code == 1
    if not torch.cuda.is_available():
        assert "trained here: there is no CUDA GPU. Run" in done.stderr.splitlines()[-1], "nothing else is missing"
    command = shlex.split(done.stdout.splitlines()[0].removeprefix("running: "))
    assert command[1:5] == ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=1"]
    assert command[5:7] == ["-m", "soutu_services.tuning.full.program"]
    record = "import json, sys; from cn_clip.training.params import parse_args; print(json.dumps(vars(parse_args())))"
    parsed = json.loads(subprocess.run([sys.executable, "-c", record, *command[7:]], capture_output=True, check=True).stdout)
    expected: dict[str, Any] = {
        "vision_model": "ViT-B-16",
        "text_model": "RoBERTa-wwm-ext-base-chinese",
        "resume": str(place / "base.pt"),
        "reset_optimizer": True,
        "reset_data_offset": True,
        "batch_size": 24,
        "accum_freq": 2,
        "lr": 0.003,
        "max_epochs": 10,
        "grad_checkpointing": True,
        "freeze_vision": False,
        "precision": "amp",
        "context_length": 52,
    }
    assert {name: parsed[name] for name in expected} == expected
    train, held = (ClipLmdb(Path(parsed[name]), "train") for name in ("train_data", "val_data"))
    ids = [{one for one, _ in split.pictures(Flaws())} for split in (train, held)]
    assert (len(ids[0]), len(ids[1]), ids[0] & ids[1]) == (97, 11, set())
    assert {one for row in train.texts(Flaws()) for one in row.image_ids} == ids[0]


def test_memory_that_does_not_suffice_is_one_line(tmp_path: Path) -> None:
    script = "print('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate'); raise SystemExit(1)"
    with pytest.raises(Overloaded) as caught:
        run_training(
            [sys.executable, "-c", script],
            progress=FullProgress(),
            checkpoints=tmp_path,
            log=tmp_path / "log",
            patience=3,
            chunk=32,
        )
    assert "--chunk 16" in caught.value.text.en


def test_it_is_stopped_when_nothing_gets_better_and_nothing_is_left_behind(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import time, pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "for epoch, share in enumerate((50, 60, 55, 60, 50, 70), 1):\n"
        "    print(f'x | INFO | Rank 0 | Global Steps: {epoch}/6 | Train Epoch: {epoch} [1/1 (1%)] | Loss: 1.500000 | X')\n"
        "    print(f'Validation Result (epoch {epoch} @ 9 steps) | Valid Loss: 2.0 | Image2Text Acc: {share}.00 | '\n"
        "          f'Text2Image Acc: {share}.00 | logit_scale: 4.6')\n"
        "    for name in (f'epoch{epoch}', 'epoch_latest'):\n"
        "        pathlib.Path(name + '.pt').touch()\n"
        "        print(f'Saved checkpoint ./{name}.pt (epoch {epoch} @ 9 steps) (writing took 1 seconds)', flush=True)\n"
        "    time.sleep(0.2)\n"
        "time.sleep(60)\n"
    )
    progress, begin = FullProgress(), time.monotonic()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path)
        command = [sys.executable, str(script)]
        run_training(command, progress=progress, checkpoints=tmp_path, log=tmp_path / "log", patience=3, chunk=32)
    assert time.monotonic() - begin < 30
    assert (progress.saved, best_epoch(progress.epochs)) == (5, 2)
    assert {path.name for path in tmp_path.glob("*.pt")} == {"epoch2.pt", "epoch5.pt"}
    state = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"
    progress.keep(tmp_path / "epochs.json")
    assert len(FullProgress.kept(tmp_path / "epochs.json", 3).epochs) == 3


def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none") is None
    for epoch in (2, 10):
        whole = {"epoch": epoch, "step": 5, "state_dict": {"module.a": torch.ones(9)}, "optimizer": {}}
        torch.save(whole, tmp_path / f"epoch{epoch}.pt")
    (tmp_path / "epoch_latest.pt").write_bytes((tmp_path / "epoch10.pt").read_bytes()[:-60])
    assert newest_checkpoint(tmp_path) == (tmp_path / "epoch10.pt", 10)


def test_a_bare_state_is_made_what_cn_clip_takes(tmp_path: Path, place: Path) -> None:
    assert starting_checkpoint(place / "base.pt", tmp_path / "aside.pt") == place / "base.pt"
    torch.save({"bert.a": torch.ones(2)}, tmp_path / "bare.pt", _use_new_zipfile_serialization=False)
    made = torch.load(starting_checkpoint(tmp_path / "bare.pt", tmp_path / "aside.pt"), weights_only=True)
    assert made["state_dict"].keys() == {"module.bert.a"}
    assert {"epoch", "step"} <= made.keys()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--model", "lite"), "Chinese-CLIP"),
        (("--model", "clip:{tiny}@{architecture}"), "--depth low-rank"),
        (("--train", "few"), "30"),
        (("--train", "empty"), "empty"),
        (("--device", "cpu"), "--device"),
    ],
)
def test_what_cannot_be_is_one_line(place: Path, tmp_path: Path, options: tuple[str, ...], part: str) -> None:
    other: TinyCheckpoint = make_checkpoint(tmp_path, "vit", vision_width=16)
    write_tables(place / "data", "few", {1: jpeg(1)}, [TextRow(1, "红", (1,))])
    write_tables(place / "data", "empty", {1: jpeg(1)}, [])
    done = fit(place, tmp_path / "out", *(one.format(tiny=other.path, architecture=other.architecture) for one in options))
    assert done.exit_code == 1
    assert part in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.output


def test_a_full_disk_is_told_before_the_launch(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.tuning.full.fit._BYTES_A_PARAMETER", 1 << 40)
    done = fit(place, tmp_path / "out", *QUICK)
    assert done.exit_code == 1
    assert "--output" in done.stderr.splitlines()[-1]


def test_options_are_made_of_what_is_given() -> None:
    assert FullOptions(**{"chunk": 8, "freeze_images": True}).chunk == 8
