"""The program that the system shows pictures and pages with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["open_in_viewer"]


def open_in_viewer(target: Path | str) -> bool:
    """Open a picture of ours, or an address, and say whether there is a program and a screen for it."""
    if sys.platform == "win32":
        os.startfile(target)  # noqa: S606 - our own picture
        return True
    viewer = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    has_screen = sys.platform == "darwin" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if viewer is None or not has_screen:
        return False
    nothing = subprocess.DEVNULL
    process = subprocess.Popen([viewer, str(target)], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    threading.Thread(target=process.wait, name="soutu-viewer", daemon=True).start()  # nobody waits for a viewer but the system
    return True
