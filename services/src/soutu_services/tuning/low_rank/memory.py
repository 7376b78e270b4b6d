"""Memory that does not suffice, on a GPU or not, as one line for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from soutu_services.runtime.errors import Overloaded

__all__ = ["telling_of_memory"]

_OF_CPU = ("DefaultCPUAllocator", "not enough memory", "can't allocate memory")


@contextmanager
def telling_of_memory(device: torch.device, chunk: int) -> Iterator[None]:
    """Say what to change where memory does not suffice inside the block.

    Args:
        device: Where it is computed.
        chunk: Items at once, for advice.

    Raises:
        Overloaded: memory does not suffice.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(device, chunk) from error
    except RuntimeError as error:
        if any(sign in str(error) for sign in _OF_CPU):
            raise _out_of_memory(device, chunk) from error
        raise


def _out_of_memory(device: torch.device, chunk: int) -> Overloaded:
    if chunk > 1:
        advice = (f"请加上 --chunk {chunk // 2}", f"with --chunk {chunk // 2}")
    else:
        advice = ("请换小一些的模型，或加上 --freeze-images", "with a smaller model, or with --freeze-images")
    return Overloaded(
        "OUT_OF_MEMORY",
        zh=f"内存不够（{device}，每次 {chunk} 项）：{advice[0]} 再运行一次，会从已完成的地方接着做",
        en=f"memory does not suffice ({device}, {chunk} items at once): run it again {advice[1]}; it goes on from what was done",
    )
