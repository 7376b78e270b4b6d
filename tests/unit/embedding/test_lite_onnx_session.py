"""ONNX Runtime behind its class, with the lite model's graph."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import numpy as np
import pytest

from soutu_services.embedding.onnx_session import OnnxModel, OnnxModelBroken


@pytest.fixture(scope="module")
def graph() -> bytes:
    return (importlib.resources.files("soutu_services.embedding.lite") / "image.onnx").read_bytes()


def test_describes_the_graph(graph: bytes) -> None:
    model = OnnxModel(graph, threads=1)
    assert model.input_names == ("pixels",)
    assert model.output_names == ("logits", "visual")
    assert model.input_shapes == {"pixels": (None, 224, 224, 3)}
    assert len(model.metadata["source_digest"]) == 32


def test_gives_the_outputs_asked_for_in_the_order_asked(graph: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph)
    model = OnnxModel(path, threads=1)
    pixels = {"pixels": np.full((2, 224, 224, 3), 90, dtype=np.uint8)}
    logits, visual = model.run(pixels)
    assert logits.shape == (2, 1000)
    again, first = model.run(pixels, ("visual", "logits"))
    np.testing.assert_array_equal(again, visual)
    np.testing.assert_array_equal(first, logits)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08" * 100])
def test_refuses_what_is_no_model(content: bytes) -> None:
    with pytest.raises(OnnxModelBroken):
        OnnxModel(content, threads=1)


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(OnnxModelBroken):
        OnnxModel(tmp_path / "absent.onnx", threads=1)


def test_refuses_inputs_of_the_wrong_shape(graph: bytes) -> None:
    with pytest.raises(OnnxModelBroken):
        OnnxModel(graph, threads=1).run({"pixels": np.zeros((1, 10, 10, 3), dtype=np.uint8)})
