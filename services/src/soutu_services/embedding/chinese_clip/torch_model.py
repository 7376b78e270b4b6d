"""A Chinese-CLIP model in torch; the only module that imports torch and cn_clip."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from soutu_services.embedding.chinese_clip.architecture import Architecture, merged_architecture
from soutu_services.embedding.chinese_clip.checkpoint import check_shapes, model_tensors
from soutu_services.embedding.chinese_clip.tokens import TokenArray
from soutu_services.embedding.chinese_clip.torchvision_stand_in import torchvision_or_stand_in
from soutu_services.embedding.encoder import FloatArray, Tower
from soutu_services.embedding.space import space_digest
from soutu_services.embedding.weights import PublishedFile
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, Overloaded

try:
    import torch

    with torchvision_or_stand_in():
        from cn_clip.clip import utils as cn_clip_utils
        from cn_clip.clip.model import CLIP, convert_weights
except (ImportError, OSError) as missing:  # OSError: a shared library of torch's is not there
    raise FailedPrecondition(
        "CLIP_NOT_INSTALLED",
        zh=f"没有可用的 torch 和 cn_clip（{missing}）：请运行 soutu-embedding install-clip",
        en=f"torch and cn_clip are not usable here ({missing}); run: soutu-embedding install-clip",
    ) from missing

__all__ = [
    "Picture",
    "Precision",
    "TorchModel",
    "allow_numpy_numbers",
    "official_architecture",
    "official_models",
    "official_towers",
    "read_saved",
    "vocabulary_path",
    "write_saved",
]

Precision = Literal["fp32", "fp16", "bf16"]

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMPY_NUMBERS: list[Any] = [
    (_SCALAR, "numpy.core.multiarray.scalar"),  # as numpy 1 names it
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    type(np.dtype(np.float64)),
    type(np.dtype(np.float32)),
    type(np.dtype(np.int64)),
]
_OPSET = 17
"""Of exported graphs: the first in which LayerNormalization is one node."""


def official_models() -> dict[str, PublishedFile]:
    """Return the official models by name, with where cn_clip says that their weights are."""
    return {
        name: PublishedFile(
            model=name,
            filename=filename,
            repositories={
                "huggingface": f"{cn_clip_utils._HUGGINGFACE_ORG}/{repository}",
                "modelscope": f"{cn_clip_utils._MODELSCOPE_ORG}/{repository}",
            },
        )
        for name, (repository, filename) in cn_clip_utils._MODELS.items()
    }


def official_architecture(name: str) -> Architecture | None:
    """Return an official model's architecture from cn_clip's own files, or None if there is no such model."""
    known = cn_clip_utils._MODEL_INFO.get(name)
    if known is None:
        return None
    folder = Path(cn_clip_utils.__file__).parent / "model_configs"
    return merged_architecture([folder / f"{part}.json" for part in known["struct"].split("@")], name=name)


def official_towers(name: str) -> tuple[str, str]:
    """Return what cn_clip calls the image and the text tower of an official model."""
    image, text = cn_clip_utils._MODEL_INFO[name]["struct"].split("@")
    return image, text


def vocabulary_path() -> Path:
    """Return the path of cn_clip's vocabulary."""
    return Path(cn_clip_utils.__file__).parent / "vocab.txt"


@dataclass(frozen=True, slots=True)
class _OnGpu:
    """A picture on its way to the GPU, and the moment from which on it is there."""

    tensor: torch.Tensor
    arrived: torch.cuda.Event


Picture: TypeAlias = FloatArray | _OnGpu
"""A preprocessed picture, where the model runs or on its way there."""


class TorchModel:
    """Both towers of one checkpoint. Not for several threads at once.

    Attributes:
        architecture: The shape of the towers.
        space_id: Digest of the checkpoint's tensors as they were saved, and of ``Architecture.identity``.
        precision: Of the weights that cn_clip itself would have in half precision.
    """

    def __init__(
        self, model: CLIP, architecture: Architecture, space_id: str, device: torch.device, halved: frozenset[str]
    ) -> None:
        self.architecture = architecture
        self.space_id = space_id
        self.precision: Precision = "fp32"
        self._model = model
        self._device = device
        self._halved = halved
        self._copying = torch.cuda.Stream(device) if device.type == "cuda" else None

    @classmethod
    def load(cls, path: Path, architecture: Architecture, *, name: str, device: str = "auto") -> TorchModel:
        """Load a checkpoint in fp32.

        Nothing but tensors is unpickled (``weights_only``), so that a checkpoint from a stranger runs no code.

        Args:
            path: The file.
            architecture: What it is a checkpoint of.
            name: The architecture's name, for people.
            device: ``cpu``, ``cuda``, ``cuda:1``…, or ``auto``: the first GPU if there is one.

        Raises:
            InvalidInput: the file is no checkpoint, or one of another architecture.
            FailedPrecondition: there is no such device.
            Overloaded: its memory does not suffice.
        """
        chosen = _device(device)
        with torch.device("meta"):  # no memory, no random numbers: the checkpoint brings every tensor
            model = CLIP(**architecture.model_dump())
        wanted = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
        convert_weights(model)
        halved = frozenset(key for key, parameter in model.named_parameters() if parameter.dtype == torch.float16)
        tensors = model_tensors(read_saved(path), torch.Tensor)
        check_shapes({key: tuple(tensor.shape) for key, tensor in tensors.items()}, wanted, architecture=name)
        try:
            space_id = space_digest(
                {key: _array(tensor) for key, tensor in tensors.items()}, preprocessing=architecture.identity()
            )
            model.load_state_dict(tensors, assign=True)
            model.float().eval().requires_grad_(False).to(chosen)
        except torch.OutOfMemoryError as error:
            raise Overloaded(
                "OUT_OF_MEMORY",
                zh=f"{chosen} 的显存放不下 {name}：请关掉别的程序，或用小一些的模型，或改用 CPU（device=cpu）",
                en=f"{name} does not fit into the memory of {chosen}: end other programs, or take a smaller model, or the CPU "
                "(device=cpu)",
            ) from error
        except (RuntimeError, TypeError, ValueError) as error:  # sparse, quantized or integer tensors
            raise _unreadable(str(error)) from error
        return cls(model, architecture, space_id, device=chosen, halved=halved)

    @property
    def default_precision(self) -> Precision:
        """The precision that suits the device: fp16 on a GPU, as the published weights are, and fp32 elsewhere."""
        return "fp16" if self._device.type == "cuda" else "fp32"

    @property
    def module(self) -> CLIP:
        """The model itself, frozen and in evaluation mode, for who trains it on."""
        return self._model

    def reduce(self, precision: Precision) -> None:
        """Bring the weights that cn_clip halves to another precision, for good; normalisation layers stay in fp32."""
        for key, parameter in self._model.named_parameters():
            if key in self._halved:
                parameter.data = parameter.data.to(_DTYPES[precision])
        self.precision = precision

    @property
    def is_on_gpu(self) -> bool:
        """Whether it runs on a GPU."""
        return bool(self._device.type == "cuda")

    def bring(self, pixels: FloatArray) -> Picture:
        """Begin to bring a preprocessed picture to where the model runs. May be called from several threads, also while it runs.

        To a GPU it goes from page-locked memory on a stream of its own, which the passes do not wait for; elsewhere it is there.

        Args:
            pixels: Shape (3, side, side).
        """
        if self._copying is None:
            return pixels
        with torch.cuda.stream(self._copying):
            tensor = torch.from_numpy(pixels).pin_memory().to(self._device, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record(self._copying)
        return _OnGpu(tensor, arrived)

    def encode_images(self, pictures: Sequence[Picture] | FloatArray) -> FloatArray:
        """Embed preprocessed pictures.

        Args:
            pictures: As ``bring`` returns them, or arrays of shape (3, side, side); one at least.

        Returns:
            Shape (n, dimension), not normalised.
        """
        with torch.inference_mode():
            return _floats(self._model.encode_image(self._batch(pictures)))

    def _batch(self, pictures: Sequence[Picture] | FloatArray) -> torch.Tensor:
        if self._copying is None:
            return torch.from_numpy(np.stack([one for one in pictures if isinstance(one, np.ndarray)])).to(self._device)
        running = torch.cuda.current_stream(self._device)
        tensors = []
        for one in pictures:
            picture = self.bring(one) if isinstance(one, np.ndarray) else one
            assert isinstance(picture, _OnGpu)
            running.wait_event(picture.arrived)
            picture.tensor.record_stream(running)  # or its memory could be given to the next copy while it is read
            tensors.append(picture.tensor)
        return torch.stack(tensors)

    def encode_texts(self, tokens: TokenArray) -> FloatArray:
        """Embed token ids.

        Args:
            tokens: Shape (n, length), 0 where a text is shorter than the longest.

        Returns:
            Shape (n, dimension), not normalised.
        """
        with torch.inference_mode():
            return _floats(self._model.encode_text(torch.from_numpy(tokens).to(self._device)))

    def write_onnx(self, tower: Tower, path: Path) -> None:
        """Write one tower as an ONNX graph for any batch, and any length of text; what is over 2 GB goes into files beside it.

        The graph has one input, ``image`` (float32, n x 3 x side x side) or ``tokens`` (int64, n x length), and one output,
        ``embedding`` (float32, n x dimension, not normalised).
        """
        side = self.architecture.image_resolution
        if tower is Tower.IMAGE:
            name, free, example = "image", {0: "batch"}, torch.zeros(2, 3, side, side)
        else:
            name, free, example = "tokens", {0: "batch", 1: "length"}, torch.ones(2, 7, dtype=torch.long)
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the exporter's own deprecations, and shapes that are constants in these models
            torch.onnx.export(
                _OneTower(self._model, tower),
                (example.to(self._device),),
                str(path),
                input_names=[name],
                output_names=["embedding"],
                dynamic_axes={name: free, "embedding": {0: "batch"}},
                opset_version=_OPSET,
                dynamo=False,
            )

    def close(self) -> None:
        """Free the model's memory."""
        del self._model
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


class _OneTower(torch.nn.Module):  # type: ignore[misc] # to mypy torch is Any, installed or not
    """One tower as a module of its own, which is what the exporter takes."""

    def __init__(self, model: CLIP, tower: Tower) -> None:
        super().__init__()
        self._model = model
        self._encode = model.encode_image if tower is Tower.IMAGE else model.encode_text
        self.eval()

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self._encode(batch))


def read_saved(path: Path, *, mapped: bool = False) -> Any:
    """Read what torch saved, on the CPU. Nothing but tensors and plain values is unpickled, so that no file runs any code.

    numpy's own numbers are among these: cn_clip's training leaves its learning rate as one, in the state of the optimizer.

    Args:
        path: The file.
        mapped: Read tensors as they are needed, where the file's format allows that.

    Raises:
        InvalidInput: the file is not there, or not of tensors alone.
    """
    try:
        with torch.serialization.safe_globals(_NUMPY_NUMBERS):
            try:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
            except RuntimeError:
                if not mapped:
                    raise
                return torch.load(path, map_location="cpu", weights_only=True)  # written before torch 1.6
    except FileNotFoundError as error:
        raise InvalidInput("CHECKPOINT_MISSING", zh=f"没有检查点文件 {path}", en=f"There is no checkpoint file {path}") from error
    except Exception as error:  # a file that is no checkpoint makes the unpickler fail in any way
        raise _unreadable(f"{type(error).__name__}: {error}") from error


def write_saved(what: Any, path: Path) -> None:
    """Write as torch saves: aside, flushed, then renamed, so that what is there is whole.

    Raises:
        OSError: it cannot be written, for instance because the disk is full.
    """
    aside = path.with_name(f".{path.name}")
    try:
        with aside.open("wb") as file:
            torch.save(what, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except (OSError, RuntimeError) as error:  # torch hides the file's error in one of its own, now and then
        cause = error if isinstance(error, OSError) else error.__context__
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, str(path)) from error
        raise


def allow_numpy_numbers() -> None:
    """Let ``torch.load`` take numpy's numbers wherever this process calls it, as ``read_saved`` does."""
    torch.serialization.add_safe_globals(_NUMPY_NUMBERS)


def _unreadable(reason: str) -> InvalidInput:
    first = reason.strip().splitlines()[0][:200]
    return InvalidInput(
        "CHECKPOINT_UNREADABLE",
        zh=f"这个文件不是只含张量的 torch 检查点（{first}）",
        en=f"The file is not a torch checkpoint of tensors alone ({first})",
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise FailedPrecondition(
            "NO_SUCH_DEVICE",
            zh=f"torch 不能使用设备 {name}：请改成 auto 或 cpu",
            en=f"torch cannot use the device {name}: choose auto or cpu",
        ) from error


def _array(tensor: torch.Tensor) -> npt.NDArray[np.generic]:
    """Return a tensor's bytes as numpy; bfloat16, which numpy lacks, as the integers that hold its bits."""
    plain = tensor.detach().contiguous()
    if plain.dtype == torch.bfloat16:
        plain = plain.view(torch.uint16)
    return cast("npt.NDArray[np.generic]", plain.numpy())


def _floats(embeddings: torch.Tensor) -> FloatArray:
    return cast(FloatArray, embeddings.float().cpu().numpy())
