"""ONNX Runtime behind one small class; the only module that imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

__all__ = ["OnnxModel", "OnnxModelBroken"]

_ERRORS_ONLY = 3
"""ONNX Runtime's log severity: its warnings about graphs tell a person nothing they could act on."""


class OnnxModelBroken(Exception):  # noqa: N818 - says what it is about
    """The file is not a model that ONNX Runtime can load or run."""


class OnnxModel:
    """One loaded ONNX graph, run on the CPU.

    ``run`` may be called from several threads at once; each call then uses the same pool of ``threads``.
    """

    def __init__(self, source: Path | bytes, *, threads: int = 0, spin: bool = False) -> None:
        """Load a model.

        Args:
            source: Path of an ``.onnx`` file (its external data, if any, lies beside it), or the bytes of one.
            threads: Threads for one run; 0 leaves it to ONNX Runtime, which takes every physical core.
            spin: Let idle threads spin for a while instead of sleeping: lower latency, for CPU time that others on the machine
                then lack.

        Raises:
            OnnxModelBroken: ONNX Runtime cannot load it.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
        model = str(source) if isinstance(source, Path) else source
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no base class narrower than Exception
            raise OnnxModelBroken(str(error)) from error

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the graph's inputs, in its order."""
        return tuple(node.name for node in self._session.get_inputs())

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the graph's outputs, in its order."""
        return tuple(node.name for node in self._session.get_outputs())

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Shapes of the graph's inputs by name; None stands for a free dimension."""
        return {
            node.name: tuple(size if isinstance(size, int) else None for size in node.shape)
            for node in self._session.get_inputs()
        }

    @property
    def metadata(self) -> dict[str, str]:
        """The ``metadata_props`` that whoever made the file wrote into it."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(
        self, inputs: Mapping[str, npt.NDArray[np.generic]], outputs: Sequence[str] | None = None
    ) -> list[npt.NDArray[np.generic]]:
        """Run the graph once.

        Args:
            inputs: Every input by name, in the types and shapes that the graph declares.
            outputs: Names of the outputs wanted; all of them if None.

        Returns:
            The outputs in the order of ``outputs``, or of the graph.

        Raises:
            OnnxModelBroken: ONNX Runtime refuses the inputs or fails.
        """
        try:
            results = self._session.run(None if outputs is None else list(outputs), dict(inputs))
        except Exception as error:  # as above
            raise OnnxModelBroken(str(error)) from error
        return [np.asarray(result) for result in results]
