"""One way to run the towers, in a process of its own: ``variant NAME FOLDER``, then a line for each thing to do.

``text 1``, ``text 32``, ``image 4``: run a tower once over so many items, and answer with the seconds on the clock and of the
processor. ``drift FILE``: write the embeddings of all texts and pictures. A process that waits for its line uses no processor, so
that variants can be measured in turn.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bench.clip_model import checkpoint
from bench.encode.inputs import pictures, texts
from soutu_services.embedding.chinese_clip.probe import unit_rows
from soutu_services.embedding.chinese_clip.tokens import CONTEXT_LENGTH, TokenArray, padded
from soutu_services.embedding.onnx_session import OnnxModel

__all__ = ["VARIANTS", "main"]

FloatArray = npt.NDArray[np.float32]
_ALONE = 12
VARIANTS = (
    "torch fp32, padded",
    "torch fp32",
    "torch bf16",
    "onnx fp32",
    "onnx fp16",
    "onnx int8",
    "openvino bf16",
    "openvino int8",
)


class _Towers(Protocol):
    def texts(self, batch: list[TokenArray]) -> FloatArray: ...

    def images(self, batch: FloatArray) -> FloatArray: ...


class _Torch:
    def __init__(self, folder: Path, precision: str, *, is_padded: bool) -> None:
        from soutu_services.embedding.chinese_clip.torch_model import TorchModel

        given = checkpoint(folder)
        model: Any = TorchModel.load(given.path, given.architecture, name=given.architecture_name, device="cpu")
        if precision != "fp32":
            model.reduce(precision)
        self._model = model
        self._is_padded = is_padded

    def texts(self, batch: list[TokenArray]) -> FloatArray:
        tokens = padded(batch)
        if self._is_padded:
            tokens = np.pad(tokens, ((0, 0), (0, CONTEXT_LENGTH - tokens.shape[1])))
        return unit_rows(self._model.encode_texts(tokens))

    def images(self, batch: FloatArray) -> FloatArray:
        return unit_rows(self._model.encode_images(batch))


class _Onnx:
    def __init__(self, folder: Path, precision: str) -> None:
        self._text, self._image = (OnnxModel(folder / precision / f"{tower}.onnx") for tower in ("text", "image"))

    def texts(self, batch: list[TokenArray]) -> FloatArray:
        return unit_rows(self._text.run({"tokens": padded(batch)})[0])

    def images(self, batch: FloatArray) -> FloatArray:
        return unit_rows(self._image.run({"image": batch})[0])


class _OpenVino:
    """``bf16``: the graph in fp32, computed in bf16 where the processor can. ``int8``: the graph that ONNX Runtime quantized."""

    def __init__(self, folder: Path, precision: str) -> None:
        core = importlib.import_module("openvino").Core()  # an option: without it the process ends
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
        bundle = folder / ("fp32" if precision == "bf16" else precision)
        self._text, self._image = (
            core.compile_model(str(bundle / f"{tower}.onnx"), "CPU", settings) for tower in ("text", "image")
        )

    def texts(self, batch: list[TokenArray]) -> FloatArray:
        return unit_rows(self._text([padded(batch)])[0])

    def images(self, batch: FloatArray) -> FloatArray:
        return unit_rows(self._image([batch])[0])


def _load(name: str, folder: Path) -> _Towers:
    runner, _, rest = name.partition(" ")
    precision, _, way = rest.partition(", ")
    if runner == "torch":
        return _Torch(folder, precision, is_padded=way == "padded")
    return _Onnx(folder, precision) if runner == "onnx" else _OpenVino(folder, precision)


def main() -> None:
    """Load, say so, and do what the lines say."""
    towers = _load(sys.argv[1], Path(sys.argv[2]))
    one_text, many_texts, some_pictures = texts(10), texts(), pictures()
    works: dict[str, Callable[[int], Any]] = {
        "text": lambda count: towers.texts([one_text[0]] if count == 1 else many_texts[:count]),
        "image": lambda count: towers.images(np.resize(some_pictures, (count, *some_pictures.shape[1:]))),
    }
    _tell({"ready": True})
    for what, given in _lines():
        if what == "drift":  # also of each by itself, as queries come
            alone = np.concatenate([towers.texts([ids]) for ids in many_texts[:_ALONE]])
            seen = np.concatenate([towers.images(picture[None]) for picture in some_pictures])
            np.savez(given, texts=alone, together=towers.texts(many_texts), images=seen)
            _tell({})
            continue
        began, own = time.perf_counter(), time.process_time()
        works[what](int(given))
        _tell({"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - own})


def _lines() -> Iterator[tuple[str, str]]:
    for line in sys.stdin:
        what, _, given = line.strip().partition(" ")
        yield what, given


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
