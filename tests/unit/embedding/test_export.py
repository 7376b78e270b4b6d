from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from soutu_services.embedding.chinese_clip.encoder import find_checkpoint
from soutu_services.embedding.chinese_clip.probe import largest_drift, probe_pictures, unit_rows
from soutu_services.embedding.cli import main
from soutu_services.embedding.export import bundle_writer
from soutu_services.embedding.export.bundle_writer import export_bundle
from soutu_services.embedding.export.graph_precision import write_graph
from soutu_services.embedding.onnx_session import OnnxModel
from soutu_services.embedding.weights import WeightsSettings
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.runtime.language import Text


def checkpoint_of(tiny: Any, kind: str = "vit") -> Any:
    weights = WeightsSettings(offline=True)
    return find_checkpoint(str(tiny[kind].path), architecture=str(tiny[kind].architecture), weights=weights)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")


def test_the_command_exports_a_checkpoint_and_shows_its_progress(tiny: Any, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "bundle"
    spec = f"clip:{tiny['vit'].path}@{tiny['vit'].architecture}"
    done = CliRunner().invoke(main, ["export", spec, str(folder), "--precision", "int8", "--tower", "text"])
    assert done.exit_code == 0, done.output
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["precision"] == "int8"
    assert list(manifest["towers"]) == ["text"]
    assert 0 < manifest["towers"]["text"]["drift"] < 0.06
    assert "tracing text.onnx" in done.stderr
    assert f"onnx:{folder}" in done.stdout


@pytest.mark.parametrize("spec", ["lite", "onnx:somewhere", "clip:", "nonsense", "clip:none.pt@ViT-B-16"])
def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path: Path, spec: str) -> None:
    done = CliRunner().invoke(main, ["export", spec, str(tmp_path / "bundle")])
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "bundle").exists()


def test_a_folder_in_use_is_left_alone(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FailedPrecondition) as caught:
        export_bundle(checkpoint_of(tiny), tmp_path, precision="fp32")
    assert caught.value.reason == "FOLDER_IN_USE"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tiny: Any, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    export_bundle(checkpoint_of(tiny), folder, precision="fp32")
    assert (folder / "manifest.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_an_export_that_is_interrupted_leaves_nothing(tiny: Any, tmp_path: Path) -> None:
    def interrupt(step: Text) -> None:
        if "measuring" in step.en:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_bundle(checkpoint_of(tiny), tmp_path / "bundle", precision="fp32", report=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPrecondition) as caught:
        export_bundle(checkpoint_of(tiny), tmp_path / "file" / "bundle", precision="fp32")
    assert caught.value.reason == "EXPORT_FAILED"


def test_weights_over_the_limit_of_a_graph_go_into_a_file_of_their_own(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soutu_services.embedding.export import graph_precision
    from soutu_services.embedding.image_input import ImageLimits
    from soutu_services.embedding.onnx_bundle import OnnxBundleEncoder

    monkeypatch.setattr(graph_precision, "_ONE_FILE_BYTES", 100_000)
    for precision in ("fp32", "fp16", "int8"):
        folder = tmp_path / precision
        manifest = export_bundle(checkpoint_of(tiny), folder, precision=precision)
        data = manifest.towers["text"].data
        assert data
        assert all((folder / name).is_file() and name in manifest.sha256 for name in data)
        encoder = OnnxBundleEncoder.load(folder, towers=None, limits=ImageLimits(1 << 20, 1 << 20), threads=1)
        assert encoder.encode_texts([encoder.prepare_text("狗")]).shape == (1, 24)


def test_the_drift_is_that_of_the_graph_that_was_written(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(source: Path, target: Path, precision: Any) -> tuple[str, ...]:
        import onnx
        from onnx import numpy_helper

        names = write_graph(source, target, precision)
        model = onnx.load(target)
        for weight in model.graph.initializer:
            values = numpy_helper.to_array(weight)
            if values.dtype == "float32" and values.ndim == 2 and values.shape[1] == 24:
                weight.CopyFrom(numpy_helper.from_array(values[:, ::-1].copy(), weight.name))
        onnx.save(model, target)
        return names

    monkeypatch.setattr(bundle_writer, "write_graph", spoilt)
    manifest = export_bundle(checkpoint_of(tiny), tmp_path / "bundle", precision="fp32")
    assert max(entry.drift for entry in manifest.towers.values()) > 0.1


def test_drift_is_the_largest_cosine_distance() -> None:
    reference = unit_rows(torch.eye(3).numpy())
    turned = unit_rows(torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 1]]).numpy())
    assert largest_drift(reference, turned) == pytest.approx(1 - 2**-0.5, abs=1e-6)
    assert largest_drift(reference, reference) == 0


def test_probe_pictures_are_the_same_each_time_and_differ_from_each_other() -> None:
    pictures = probe_pictures(32)
    assert (pictures == probe_pictures(32)).all()
    assert all(abs(pictures[i] - pictures[j]).max() > 0.1 for i in range(8) for j in range(i))


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize("is_loadable", [True, False])
def test_an_export_that_gives_no_vectors_is_refused(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Any, is_loadable: bool
) -> None:
    advice = {"fp16": "choose --precision fp32 or int8", "fp32": "weights may be damaged"}[precision]

    def spoilt(source: Path, target: Path, precision: Any) -> tuple[str, ...]:
        names = write_graph(source, target, precision)
        if not is_loadable:
            target.write_bytes(b"no graph")
        return names

    monkeypatch.setattr("soutu_services.embedding.export.bundle_writer.write_graph", spoilt)
    if is_loadable:
        run = OnnxModel.run
        monkeypatch.setattr(OnnxModel, "run", lambda self, inputs: [rows * np.nan for rows in run(self, inputs)])
    with pytest.raises(FailedPrecondition, match=advice) as caught:
        export_bundle(checkpoint_of(tiny), tmp_path / "bundle", precision=precision)
    assert caught.value.reason == "EXPORT_FAILED"
    assert list(tmp_path.iterdir()) == []
