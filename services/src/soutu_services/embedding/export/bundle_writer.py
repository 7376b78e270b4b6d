"""Writes a bundle: both graphs, the vocabulary and the manifest with the drift that was measured."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from soutu_services.embedding.bundle_manifest import MANIFEST_NAME, GraphPrecision, Manifest, TowerEntry
from soutu_services.embedding.chinese_clip.encoder import Checkpoint
from soutu_services.embedding.chinese_clip.preprocessing import PREPROCESSING
from soutu_services.embedding.chinese_clip.probe import largest_drift, probe_pictures, probe_texts, unit_rows
from soutu_services.embedding.chinese_clip.tokens import CONTEXT_LENGTH, BertTokens, padded
from soutu_services.embedding.chinese_clip.torch_model import TorchModel, vocabulary_path
from soutu_services.embedding.encoder import Tower
from soutu_services.embedding.export.graph_precision import write_graph
from soutu_services.embedding.onnx_session import OnnxModel, OnnxModelBroken
from soutu_services.embedding.weights import file_sha256
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.runtime.language import Text

__all__ = ["export_bundle"]

_NAMES = {Tower.IMAGE: "image", Tower.TEXT: "text"}
_VOCABULARY = "vocab.txt"


def export_bundle(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    precision: GraphPrecision,
    towers: Collection[Tower] = frozenset(Tower),
    report: Callable[[Text], None] = lambda _step: None,
) -> Manifest:
    """Export a checkpoint.

    Everything is written into a folder beside the wanted one and renamed when it is complete.

    Args:
        checkpoint: What to export.
        folder: The bundle; must not exist, or be empty.
        precision: Of the weights in the graphs.
        towers: Towers to export.
        report: Told of each step before it begins.

    Raises:
        FailedPrecondition: the folder is in use or cannot be written, or the weights do not work in this precision.
        InvalidInput: the checkpoint cannot be read.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FailedPrecondition(
            "FOLDER_IN_USE",
            zh=f"{folder} 已经存在而且不是空文件夹：请换一个名字",
            en=f"{folder} exists and is not an empty folder: choose another name",
        )
    report(Text(zh=f"读取 {checkpoint.name}", en=f"reading {checkpoint.name}"))
    model = TorchModel.load(checkpoint.path, checkpoint.architecture, name=checkpoint.architecture_name, device="cpu")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as work:
            aside = Path(work) / "bundle"
            aside.mkdir()
            entries = {}
            for tower in sorted(towers, key=lambda tower: tower.value):
                entries[tower] = _write_tower(model, tower, aside, precision, report)
            manifest = _write_manifest(checkpoint, model, aside, precision, entries)
            _sync(aside)
            if folder.exists():
                folder.rmdir()
            aside.rename(folder)
            _sync_path(folder.parent)
    except OSError as error:
        raise FailedPrecondition(
            "EXPORT_FAILED",
            zh=f"写不了 {folder}（{error.strerror or error}）：请看看权限和磁盘空间",
            en=f"Cannot write {folder} ({error.strerror or error}): look at its permissions and the disk's free space",
        ) from error
    finally:
        model.close()
    return manifest


def _write_tower(
    model: TorchModel, tower: Tower, aside: Path, precision: GraphPrecision, report: Callable[[Text], None]
) -> TowerEntry:
    name = _NAMES[tower]
    graph = aside / f"{name}.onnx"
    with tempfile.TemporaryDirectory(dir=aside.parent) as traced_folder:
        report(Text(zh=f"导出 {name}.onnx", en=f"tracing {name}.onnx"))
        traced = Path(traced_folder) / "traced.onnx"
        model.write_onnx(tower, traced)
        report(Text(zh=f"写成 {precision}", en=f"writing it as {precision}"))
        data = write_graph(traced, graph, precision)
    report(Text(zh=f"测量 {name}.onnx 与 torch 的偏差", en=f"measuring how far {name}.onnx drifts from torch"))
    try:
        drift = _drift(model, tower, OnnxModel(graph))
    except OnnxModelBroken as error:
        raise _does_not_work(precision) from error
    if not math.isfinite(drift):
        raise _does_not_work(precision)
    return TowerEntry(graph=graph.name, data=data, drift=drift)


def _drift(model: TorchModel, tower: Tower, graph: OnnxModel) -> float:
    """Measure items alone and together: int8 quantizes a batch's values by their common range, so neighbours matter.

    Returns:
        The largest cosine distance; NaN if an item has no vector.

    Raises:
        OnnxModelBroken: the graph cannot be loaded or run.
    """
    if tower is Tower.IMAGE:
        pictures = probe_pictures(model.architecture.image_resolution)
        reference = model.encode_images(pictures)
        together = graph.run({"image": pictures})[0]
        alone = [graph.run({"image": picture[None]})[0] for picture in pictures]
    else:
        texts = probe_texts(BertTokens(vocabulary_path()))
        reference = model.encode_texts(padded(texts))
        together = graph.run({"tokens": padded(texts)})[0]
        alone = [graph.run({"tokens": ids[None]})[0] for ids in texts]
    wanted = unit_rows(reference)
    return float(np.max([largest_drift(wanted, unit_rows(rows)) for rows in (together, np.concatenate(alone))]))


def _write_manifest(
    checkpoint: Checkpoint, model: TorchModel, aside: Path, precision: GraphPrecision, entries: dict[Tower, TowerEntry]
) -> Manifest:
    if Tower.TEXT in entries:
        shutil.copyfile(vocabulary_path(), aside / _VOCABULARY)
    manifest = Manifest(
        name=checkpoint.name,
        space_id=model.space_id,
        precision=precision,
        dimension=model.architecture.embed_dim,
        input_size=model.architecture.image_resolution,
        preprocessing=PREPROCESSING,
        context_length=CONTEXT_LENGTH,
        towers={_NAMES[tower]: entry for tower, entry in entries.items()},
        vocabulary=_VOCABULARY if Tower.TEXT in entries else None,
        sha256={path.name: file_sha256(path) for path in sorted(aside.iterdir())},
    )
    (aside / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def _does_not_work(precision: GraphPrecision) -> FailedPrecondition:
    if precision == "fp32":
        return FailedPrecondition(
            "EXPORT_FAILED",
            zh="导出的模型算不出向量，权重可能已损坏：请换一个检查点",
            en="The exported model gives no vectors; its weights may be damaged: choose another checkpoint",
        )
    others = [name for name in ("fp32", "int8") if name != precision]
    return FailedPrecondition(
        "EXPORT_FAILED",
        zh=f"这个模型用 {precision} 算不出向量：请换成 --precision {' 或 '.join(others)}",
        en=f"This model gives no vectors in {precision}: choose --precision {' or '.join(others)}",
    )


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o644)  # onnx makes files of weights for this user alone
        _sync_path(path)
    _sync_path(folder)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
