from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clip_checkpoints as clip
from patience import PATIENCE
from soutu_services.embedding.chinese_clip.encoder import ChineseClipEncoder, find_checkpoint
from soutu_services.embedding.chinese_clip.probe import largest_drift
from soutu_services.embedding.encoder import Tower
from soutu_services.embedding.export.bundle_writer import export_bundle
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.onnx_bundle import OnnxBundleEncoder
from soutu_services.embedding.weights import WeightsSettings
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, InvalidInput

LIMITS = ImageLimits(max_bytes=1 << 24, max_pixels=1 << 24)
WEIGHTS = WeightsSettings(offline=True)
CLOSE = {"fp32": 1e-9, "fp16": 1e-3, "int8": 6e-2}
"""Cosine distance to torch in fp32 that each precision must keep on these tiny models."""

Bundles = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def bundles(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("bundles")

    def bundle(kind: str, precision: str) -> Path:
        path = folder / f"{kind}-{precision}"
        if not path.exists():
            checkpoint = find_checkpoint(str(tiny[kind].path), architecture=str(tiny[kind].architecture), weights=WEIGHTS)
            export_bundle(checkpoint, path, precision=precision)  # type: ignore[arg-type]
        return path

    return bundle


@pytest.fixture
def copied(bundles: Bundles, tmp_path: Path) -> Path:
    return shutil.copytree(bundles("vit", "fp32"), tmp_path / "copy")


def in_torch(tiny: Any, kind: str) -> ChineseClipEncoder:
    return ChineseClipEncoder.load(
        str(tiny[kind].path),
        architecture=str(tiny[kind].architecture),
        device="cpu",
        precision="fp32",
        weights=WEIGHTS,
        limits=LIMITS,
    )


def load(folder: Path, *towers: Tower) -> OnnxBundleEncoder:
    return OnnxBundleEncoder.load(folder, towers=towers, limits=LIMITS, threads=1)


@pytest.mark.parametrize("precision", CLOSE)
@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_bundle_embeds_like_torch_in_any_batch_and_length(tiny: Any, bundles: Bundles, kind: str, precision: str) -> None:
    torch_encoder, bundle = in_torch(tiny, kind), load(bundles(kind, precision))
    assert bundle.card.space_id == torch_encoder.card.space_id
    assert bundle.card.variant == f"onnx-{precision}"
    assert bundle.card.dimension == 24
    assert 0 <= bundle.card.drift < CLOSE[precision]
    assert precision == "fp32" or bundle.card.drift > 0

    pictures = [bundle.prepare_image(data) for data in clip.encoded_pictures().values()]
    wanted = torch_encoder.encode_images(pictures)
    assert largest_drift(wanted, bundle.encode_images(pictures)) < CLOSE[precision]
    assert largest_drift(wanted, np.concatenate([bundle.encode_images([picture]) for picture in pictures])) < CLOSE[precision]

    random = np.random.default_rng(4)
    texts = [np.array([101, *random.integers(670, 8000, n - 1)], dtype=np.int64) for n in (1, 2, 3, 17, 30, 51, 52)]
    texts += [bundle.prepare_text(text) for text in clip.TEXTS]
    wanted = torch_encoder.encode_texts(texts)
    assert largest_drift(wanted, bundle.encode_texts(texts)) < CLOSE[precision]
    assert largest_drift(wanted, np.concatenate([bundle.encode_texts([ids]) for ids in texts])) < CLOSE[precision]


def test_lower_precisions_are_smaller_files(bundles: Bundles) -> None:
    sizes = [(bundles("vit", precision) / "text.onnx").stat().st_size for precision in CLOSE]
    assert sizes[1] < 0.6 * sizes[0]
    assert sizes[2] < 0.4 * sizes[0]


def test_preparation_is_that_of_the_torch_encoder(tiny: Any, bundles: Bundles) -> None:
    torch_encoder, bundle = in_torch(tiny, "vit"), load(bundles("vit", "fp32"))
    for text in clip.TEXTS:
        assert np.array_equal(bundle.prepare_text(text), torch_encoder.prepare_text(text))
    for data in clip.encoded_pictures().values():
        assert np.array_equal(bundle.prepare_image(data), torch_encoder.prepare_image(data))


def test_either_tower_loads_alone_and_refuses_the_others_work(bundles: Bundles) -> None:
    folder = bundles("vit", "fp32")
    text, image = load(folder, Tower.TEXT), load(folder, Tower.IMAGE)
    both = load(folder)
    assert text.card.towers == {Tower.TEXT}
    assert image.card.towers == {Tower.IMAGE}
    ids, pixels = both.prepare_text("狗"), both.prepare_image(clip.encoded_pictures()["tall.jpg"])
    assert np.array_equal(text.encode_texts([ids]), both.encode_texts([ids]))
    assert np.array_equal(image.encode_images([pixels]), both.encode_images([pixels]))
    for refused in (lambda: text.encode_images([pixels]), lambda: image.encode_texts([ids]), lambda: image.prepare_text("狗")):
        with pytest.raises(FailedPrecondition):
            refused()


@pytest.mark.parametrize(("tower", "graph", "other"), [("TEXT", "text.onnx", "IMAGE"), ("IMAGE", "image.onnx", "TEXT")])
def test_a_tower_exported_alone_is_all_the_bundle_holds(tiny: Any, tmp_path: Path, tower: str, graph: str, other: str) -> None:
    checkpoint = find_checkpoint(str(tiny["vit"].path), architecture=str(tiny["vit"].architecture), weights=WEIGHTS)
    folder = tmp_path / "half"
    export_bundle(checkpoint, folder, precision="fp32", towers=[Tower[tower]])
    assert {path.name for path in folder.iterdir()} - {"vocab.txt"} == {"manifest.json", graph}
    assert load(folder).card.towers == {Tower[tower]}
    with pytest.raises(InvalidInput) as caught:
        load(folder, Tower[other])
    assert caught.value.reason == "TOWER_NOT_IN_BUNDLE"


def test_a_bundle_runs_where_torch_cn_clip_and_onnx_are_absent(bundles: Bundles) -> None:
    code = """
import sys
for name in ("torch", "cn_clip", "onnx", "huggingface_hub", "modelscope_hub"):
    sys.modules[name] = None
from pathlib import Path
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.onnx_bundle import OnnxBundleEncoder
encoder = OnnxBundleEncoder.load(Path(sys.argv[1]), towers=None, limits=ImageLimits(1 << 20, 1 << 20), threads=1)
print(encoder.encode_texts([encoder.prepare_text("狗")]).shape)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(bundles("vit", "fp32"))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, "(1, 24)\n"), done.stderr


@pytest.mark.parametrize("name", ["image.onnx", "text.onnx", "vocab.txt"])
def test_damaged_and_missing_files_are_named(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(DataLoss, match=name):
        load(copied)
    (copied / name).unlink()
    with pytest.raises(DataLoss, match=name):
        load(copied)


def test_a_damaged_tower_does_not_keep_the_other_from_loading(copied: Path) -> None:
    (copied / "image.onnx").unlink()
    assert load(copied, Tower.TEXT).card.towers == {Tower.TEXT}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"unknown": 1},
        {"space_id": "x"},
        {"towers": {}},
        {"towers": {"text": {"graph": "../text.onnx", "drift": 0}}},
        {"towers": {"text": {"graph": "/etc/passwd", "drift": 0}}},
        {"preprocessing": "another-2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_manifests_that_are_not_understood_are_refused(copied: Path, change: dict[str, Any]) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    (copied / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(InvalidInput):
        load(copied)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe"])
def test_folders_without_a_manifest_are_no_bundles(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path)
    assert caught.value.reason == "NOT_A_BUNDLE"
    assert "\n" not in caught.value.text.en


def test_graphs_that_onnx_runtime_cannot_load_are_named(copied: Path) -> None:
    import hashlib

    (copied / "text.onnx").write_bytes(b"no graph")
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["sha256"]["text.onnx"] = hashlib.sha256(b"no graph").hexdigest()
    (copied / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataLoss, match=r"text\.onnx"):
        load(copied)
