"""Puts torch, cn_clip and what export needs into the running environment.

An extra of the distribution cannot say this: cn_clip 1.6.0 asks for packages that it does not need for embedding (lmdb pinned
to a version without wheels for today's Python, timm, torchvision), so it is installed without its dependencies.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from soutu_services.runtime.errors import FailedPrecondition, Overloaded, SoutuError, Unavailable

__all__ = ["CN_CLIP", "COMPANIONS", "TORCH", "InstallPlan", "install", "plan_install"]

TORCH = "torch==2.13.0"
CN_CLIP = "cn_clip==1.6.0"
COMPANIONS = ("six>=1.16", "onnx>=1.17", "huggingface_hub>=0.34", "modelscope-hub>=0.5")
"""six: cn_clip's tokenizer; onnx: export; the two clients: downloads of weights."""

_LEAST_FREE_BYTES = 2 * 1024**3
"""Of a CPU build of torch; a CUDA build takes about 6 GB, which pip finds out by itself."""
_KEPT_LINES = 40


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """What to run.

    Attributes:
        commands: Arguments of each command, in order; empty if everything is there.
    """

    commands: tuple[tuple[str, ...], ...]


def plan_install(
    *, index_url: str | None = None, torch_index_url: str | None = None, keep_torch: bool = False, again: bool = False
) -> InstallPlan:
    """Find out which commands put what is missing into the environment of this Python.

    Args:
        index_url: Package index to use in place of pip's own setting, for instance a mirror.
        torch_index_url: Index for torch alone, for instance one of CPU builds.
        keep_torch: Use whatever torch is installed.
        again: Run everything, also if it is there.
    """
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
    index = ("--index-url", index_url) if index_url else ()
    torch_index = ("--index-url", torch_index_url) if torch_index_url else index
    commands: list[tuple[str, ...]] = []
    if (again or not _installed(TORCH)) and not (keep_torch and _installed("torch")):
        commands.append((*pip, *torch_index, TORCH))
    missing = [companion for companion in COMPANIONS if again or not _installed(companion)]
    if missing:
        commands.append((*pip, *index, *missing))
    if again or not _installed(CN_CLIP):  # last, or pip would complain with each package about what cn_clip lacks
        commands.append((*pip, *index, "--no-deps", CN_CLIP))
    return InstallPlan(tuple(commands))


def install(plan: InstallPlan) -> None:
    """Run a plan's commands with their output where a person sees it, then see that the result imports.

    Raises:
        FailedPrecondition: there is no pip, the environment may not be changed, or what was installed does not import.
        Overloaded: the disk is full.
        Unavailable: the packages cannot be fetched.
    """
    if plan.commands:
        if importlib.util.find_spec("pip") is None:
            raise FailedPrecondition(
                "NO_PIP",
                zh=f"这个 Python 环境里没有 pip：请先运行 {sys.executable} -m ensurepip",
                en=f"This Python environment has no pip; first run: {sys.executable} -m ensurepip",
            )
        free = shutil.disk_usage(sys.prefix).free
        if free < _LEAST_FREE_BYTES:
            raise _disk_full(free)
    for command in plan.commands:
        status, errors = _run(command)
        if status != 0:
            raise _failure(command, errors)
    check = (sys.executable, "-c", "import soutu_services.embedding.chinese_clip.torch_model")
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["?"])[-1][:300]
        raise FailedPrecondition(
            "CLIP_NOT_USABLE",
            zh=f"装好了，但不能使用（{last}）：请运行 soutu-embedding install-clip --again",
            en=f"Installed, but not usable ({last}); run: soutu-embedding install-clip --again",
        )


def _installed(requirement: str) -> bool:
    wanted = Requirement(requirement)
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run a command, its output passed on as it comes; return its status and the end of its standard error."""
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(line)
            kept.append(line)
    return process.returncode, "".join(kept)


def _failure(command: Sequence[str], errors: str) -> SoutuError:
    packages = " ".join(_packages(command))
    if "No space left" in errors or "Errno 28" in errors:
        return _disk_full(shutil.disk_usage(sys.prefix).free)
    if "externally-managed-environment" in errors or "Permission denied" in errors:
        return FailedPrecondition(
            "ENVIRONMENT_NOT_WRITABLE",
            zh=f"不能往 {Path(sys.prefix)} 里安装：请在虚拟环境里运行（make setup 会建一个）",
            en=f"Nothing may be installed into {Path(sys.prefix)}: use a virtual environment (make setup makes one)",
        )
    if any(sign in errors for sign in ("No matching distribution", "NewConnectionError", "Max retries", "timed out", "SSLError")):
        return Unavailable(
            "PACKAGES_UNREACHABLE",
            zh=f"取不到软件包（{packages}）：请检查网络，或用 --index-url 指定一个镜像",
            en=f"The packages cannot be fetched ({packages}): check the network, or name a mirror with --index-url",
        )
    return FailedPrecondition(
        "INSTALL_FAILED",
        zh=f"pip 没有装上 {packages}，原因在上面的输出里",
        en=f"pip did not install {packages}; its output above says why",
    )


def _packages(command: Sequence[str]) -> list[str]:
    """Return what a command installs, without its options: an index's address may hold a password."""
    arguments = iter(command[command.index("install") + 1 :])
    packages = []
    for argument in arguments:
        if argument == "--index-url":
            next(arguments, None)
        elif not argument.startswith("-"):
            packages.append(argument)
    return packages


def _disk_full(free: int) -> Overloaded:
    place, left, needed = Path(sys.prefix), f"{free >> 20} MiB", f"{_LEAST_FREE_BYTES >> 20} MiB"
    return Overloaded(
        "DISK_FULL",
        zh=f"{place} 所在的磁盘只剩 {left}，安装 torch 至少要 {needed}（带 CUDA 的约 6 GB）",
        en=f"The disk of {place} has {left} left; torch takes at least {needed} (about 6 GB with CUDA)",
    )
