"""A command as a hardened container runs it: the root file system read-only, no capability, no way to gain one.

Linux lets anybody do so in a user namespace, unless the machine forbids that.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["can_confine", "confined"]

_ENTER = """
set -e
place=$1; count=$2; shift 2
mount --rbind / "$place"
mount -o remount,bind,ro "$place"
while [ "$count" -gt 0 ]; do
  mount --bind "$2" "$place$2"
  [ "$1" = rw ] || mount -o remount,bind,ro "$place$2"
  shift 2; count=$((count - 1))
done
exec chroot "$place" setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


def confined(command: Sequence[str], place: Path, *, writable: Sequence[Path], read_only: Sequence[Path] = ()) -> list[str]:
    """Return a command that runs another one confined.

    Args:
        command: What to run.
        place: An empty folder of its own.
        writable: Folders that it may write, and nothing else.
        read_only: Folders within these that it may not.
    """
    folders = [*(("rw", str(path)) for path in writable), *(("ro", str(path)) for path in read_only)]
    words = [word for folder in folders for word in folder]
    unshare = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _ENTER, "sh")
    return [*unshare, str(place), str(len(folders)), *words, *command]


@functools.cache
def can_confine() -> bool:
    """Say whether this machine allows it."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    with tempfile.TemporaryDirectory() as place:
        return (
            subprocess.run(confined(["true"], Path(place), writable=()), check=False, capture_output=True, timeout=60).returncode
            == 0
        )
