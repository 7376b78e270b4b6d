"""``soutu-tune evaluate`` with checkpoints of the real architecture, small, in torch and as an exported bundle, on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import clip_checkpoints as clip
from clip_files import write_tables
from soutu_services.embedding.cli import main as embedding
from soutu_services.tuning.cli import main
from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.retrieval import FloatArray, rank, recall_of

PICTURES = dict(enumerate(clip.encoded_pictures().values(), 1))
TEXTS = [TextRow(number, text, (number,)) for number, text in enumerate(clip.TEXTS[:4], 1)]
TEXTS += [TextRow(9, "一张图", (5, 6)), TextRow(10, "另一张图", (7,))]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, clip.TinyCheckpoint]:
    folder = tmp_path_factory.mktemp("clip")
    return {kind: clip.make_checkpoint(folder, kind) for kind in ("vit", "resnet")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_tables(folder, "test", PICTURES, TEXTS)
    return folder


def evaluate(data: Path, model: str, output: Path) -> Result:
    command = ["evaluate", str(data), "--model", model, "--output", str(output), "--device", "cpu"]
    return CliRunner().invoke(main, command, env={"SOUTU_LANGUAGE": "en"})


def ranks_by_hand(model: object) -> tuple[list[int], list[int]]:
    """Rank as cn_clip's README and ``make_topk_predictions`` do: plain vectors of its own model, and their products."""
    from cn_clip.clip import tokenize

    images: FloatArray = clip.by_hand_images(model, list(PICTURES.values()))
    texts: FloatArray = clip.by_hand_texts(model, tokenize([row.text for row in TEXTS]))
    there = [np.array([one - 1 for one in row.image_ids]) for row in TEXTS]
    back = [np.array([place for place, row in enumerate(TEXTS) if image in row.image_ids]) for image in PICTURES]
    return rank(texts, images, there).ranks.tolist(), rank(images, texts, back).ranks.tolist()


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_checkpoint_and_its_bundle_measure_the_same_as_cn_clips_own_model(
    checkpoints: dict[str, clip.TinyCheckpoint], data: Path, tmp_path: Path, kind: str
) -> None:
    checkpoint = checkpoints[kind]
    torch = f"clip:{checkpoint.path}@{checkpoint.architecture}"
    exported = CliRunner().invoke(embedding, ["export", torch, str(tmp_path / "bundle")])
    assert exported.exit_code == 0, exported.output
    expected = [recall_of(ranks) for ranks in ranks_by_hand(checkpoint.model)]
    spaces = set()
    for name, model in (("torch", torch), ("onnx", f"onnx:{tmp_path / 'bundle'}")):
        done = evaluate(data, model, tmp_path / name)
        assert done.exit_code == 0, done.output
        figures = json.loads((tmp_path / name / "evaluation.json").read_text("utf-8"))
        for direction, recall in zip(("text_to_photo", "photo_to_text"), expected, strict=True):
            measured = figures[direction]
            assert (measured["r1"]["value"], measured["r5"]["value"]) == (recall.r1, recall.r5)
            assert measured["median_rank"]["value"] == recall.median_rank
        assert figures["variant"].startswith(name)
        spaces.add(figures["space_id"])
    assert len(spaces) == 1


def test_a_checkpoint_of_another_architecture_is_one_line(
    checkpoints: dict[str, clip.TinyCheckpoint], data: Path, tmp_path: Path
) -> None:
    vit, resnet = checkpoints["vit"], checkpoints["resnet"]
    for model, part in (
        (f"clip:{vit.path}@ViT-B-16", "ViT-B-16"),
        (f"clip:{resnet.path}@{vit.architecture}", "architecture"),
        (f"clip:{tmp_path / 'missing.pt'}@ViT-B-16", "missing.pt"),
    ):
        done = evaluate(data, model, tmp_path / "none")
        assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (1, 1, "")
        assert part in done.stderr
