"""A program in namespaces of its own: users, networks, mounts and processes. All that it makes there ends with it.

No root is needed where the kernel lets anybody make a user namespace. Nothing has a name outside, so that nothing can be left
over: the kernel takes networks and links away with the last process in them, and the program is the first process of its
namespace, with which all others end. It ends itself when its standard input does, and so with whoever started it, even one that
was killed.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence

__all__ = ["apart", "end_with_standard_input", "why_not_apart"]

_PROGRAMS = ("unshare", "nsenter", "ip", "tc")
_TRY = """
set -e
mount -t tmpfs none /run
ip netns add there
ip link add one type veth peer name other netns there
ip link add many type bridge
"""
_SECONDS = 30


def apart(command: Sequence[str]) -> list[str]:
    """Return a command that runs another one in namespaces of its own, as their root."""
    own = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    user = () if _is_refused("--user", "--map-root-user") and os.geteuid() == 0 else ("--user", "--map-root-user")
    return ["unshare", *user, *own, *command]


def why_not_apart() -> str:
    """Say why this machine does not let a program make networks of its own; empty if it does."""
    if sys.platform != "linux":
        return "only Linux has network namespaces"
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"there is no {missing[0]} (Debian: apt install iproute2 util-linux)"
    ended = subprocess.run(apart(["sh", "-c", _TRY]), check=False, capture_output=True, text=True, timeout=_SECONDS)
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        return f"this machine lets nobody make networks of their own ({said[-1] if said else 'it does not say why'}); root may"
    return ""


def end_with_standard_input() -> None:
    """End this process, and with it all others of its namespace, when the other end of its standard input is gone."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@functools.cache
def _is_refused(*options: str) -> bool:
    return subprocess.run(["unshare", *options, "true"], check=False, capture_output=True, timeout=_SECONDS).returncode != 0
