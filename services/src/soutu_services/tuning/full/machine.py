"""What this machine lacks to run cn_clip's training program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import torch

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.runtime.language import Text

__all__ = ["check_arguments", "gpus", "obstacles"]

_IMPORTS = "import soutu_services.tuning.full.program"
_PARSES = "from cn_clip.training.params import parse_args; parse_args()"


def gpus() -> int:
    """Return how many GPUs CUDA has; 0: none, or a torch without CUDA."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def obstacles() -> list[Text]:
    """List what is missing here, each with what to do."""
    found = []
    if not gpus():
        found.append(Text(zh="没有 CUDA 显卡", en="there is no CUDA GPU"))
    elif not torch.distributed.is_nccl_available():
        found.append(Text(zh="这个 torch 没有 NCCL", en="this build of torch has no NCCL"))
    done = _run(_IMPORTS)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["?"])[-1][:200]
        found.append(
            Text(
                zh=f"cn_clip 的训练程序不能导入（{last}）：请运行 soutu-embedding install-clip --again",
                en=f"cn_clip's training program does not import ({last}): run soutu-embedding install-clip --again",
            )
        )
    return found


def check_arguments(arguments: Sequence[str]) -> None:
    """Have cn_clip itself read the arguments.

    Raises:
        FailedPrecondition: it does not take them, for instance because it is of another version.
    """
    done = _run(_PARSES, *arguments)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["?"])[-1][:200]
        raise FailedPrecondition(
            "ARGUMENTS_REFUSED",
            zh=f"cn_clip 的训练程序不认这些参数（{last}）：请运行 soutu-embedding install-clip --again",
            en=f"cn_clip's training program refuses its arguments ({last}); run: soutu-embedding install-clip --again",
        )


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((sys.executable, "-c", program, *arguments), check=False, capture_output=True, text=True)
