"""ONNX graphs at another precision; the only module that imports onnx and ONNX Runtime's converters (never its sessions)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soutu_services.embedding.bundle_manifest import GraphPrecision
from soutu_services.runtime.errors import FailedPrecondition

try:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.float16 import convert_float_to_float16
except ImportError as missing:
    raise FailedPrecondition(
        "EXPORT_NOT_INSTALLED",
        zh=f"没有安装导出所需的包（{missing}）：请运行 soutu-embedding install-clip",
        en=f"What export needs is not installed ({missing}); run: soutu-embedding install-clip",
    ) from missing

__all__ = ["write_graph"]

_ONE_FILE_BYTES = 1_900_000_000
"""Protobuf's limit is 2 GiB a message; weights of larger graphs go into a file of their own."""
_EIGHT_BIT_NODES = ["MatMul", "Gemm", "Gather"]
"""Matrix products and embedding tables. Convolutions stay as they are: ONNX Runtime's 8-bit ones are slower on most CPUs."""


def write_graph(source: Path, target: Path, precision: GraphPrecision) -> tuple[str, ...]:
    """Write an fp32 graph at the wanted precision; inputs and outputs keep their types.

    Args:
        source: The fp32 graph.
        target: The file to write.
        precision: ``fp16`` halves the weights; ``int8`` has 8-bit matrix products, their inputs quantized as they come.

    Returns:
        Names of the files of weights beside ``target``, if there are any.
    """
    total = sum(path.stat().st_size for path in source.parent.iterdir())  # a larger message cannot even be asked for its size
    if precision == "int8":
        with _quiet():
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=_EIGHT_BIT_NODES,
                weight_type=QuantType.QInt8,
                use_external_data_format=total > _ONE_FILE_BYTES,
            )
        return tuple(sorted(path.name for path in target.parent.glob(f"{target.name}.data*")))
    model = onnx.load(source)
    if precision == "fp16":
        with _quiet():
            model = convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=total > _ONE_FILE_BYTES)
    if total // (2 if precision == "fp16" else 1) < _ONE_FILE_BYTES:
        onnx.save(model, target)
        return ()
    data = f"{target.name}.data"
    onnx.save(model, target, save_as_external_data=True, all_tensors_to_one_file=True, location=data)
    return (data,)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the converters: advice to pre-process models, which a traced one does not need, and weights that round to 0."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(before)
