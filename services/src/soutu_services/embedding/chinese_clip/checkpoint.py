"""Names of a checkpoint's tensors, whatever wrapped them when they were saved.

cn_clip's own training saves ``{"state_dict": {"module.visual…": …}, "optimizer": …}``; the published files have the same
prefix; people also save the bare state of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.language import Text

__all__ = ["check_shapes", "model_tensors"]

T = TypeVar("T")

_PREFIX = "module."
_UNUSED = "bert.pooler."
"""BERT's pooler is in some files, and in no model of cn_clip's."""


def model_tensors(saved: object, kind: type[T]) -> dict[str, T]:
    """Return a checkpoint's tensors under the model's own names.

    Args:
        saved: What the file holds.
        kind: The tensor type.

    Raises:
        InvalidInput: it holds no tensors by name.
    """
    state = saved.get("state_dict", saved) if isinstance(saved, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise _no_checkpoint()
    tensors = {name: tensor for name, tensor in state.items() if isinstance(name, str) and isinstance(tensor, kind)}
    if len(tensors) != len(state):
        raise _no_checkpoint()
    if all(name.startswith(_PREFIX) for name in tensors):
        tensors = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(_UNUSED)}


def check_shapes(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], *, architecture: str) -> None:
    """See that a checkpoint is one of this architecture.

    Raises:
        InvalidInput: it is not; the message names the first tensor that differs.
    """
    for name, shape in wanted.items():
        if found.get(name) != shape:
            raise _other_architecture(architecture, _difference(name, found.get(name), shape))
    for name in found:
        if name not in wanted:
            raise _other_architecture(architecture, Text(zh=f"多出 {name}", en=f"{name} is unexpected"))


def _no_checkpoint() -> InvalidInput:
    return InvalidInput(
        "CHECKPOINT_UNREADABLE",
        zh="这个文件里没有按名字存放的张量：请用 torch.save({'state_dict': model.state_dict()}, 文件) 保存",
        en="The file holds no tensors by name: save it with torch.save({'state_dict': model.state_dict()}, FILE)",
    )


def _difference(name: str, found: tuple[int, ...] | None, wanted: tuple[int, ...]) -> Text:
    if found is None:
        return Text(zh=f"缺少 {name}", en=f"{name} is missing")
    return Text(zh=f"{name} 是 {list(found)} 而不是 {list(wanted)}", en=f"{name} is {list(found)}, not {list(wanted)}")


def _other_architecture(architecture: str, difference: Text) -> InvalidInput:
    return InvalidInput(
        "CHECKPOINT_OF_ANOTHER_ARCHITECTURE",
        zh=f"这个检查点不是 {architecture} 结构的（{difference.zh}）：请写对结构的名字",
        en=f"The checkpoint is not of the architecture {architecture} ({difference.en}): name the right one",
    )
