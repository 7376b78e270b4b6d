"""The photo frame on the client, where it is installed: what it shows is all that is asked of it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE

__all__ = ["Frame", "why_no_frame"]

_FRAME, _SCREEN = "soutu_client.frame", "pygame"


def why_no_frame() -> str:
    """Say why there is no frame here; empty if there is one."""
    missing = [module for module in (_FRAME, _SCREEN) if importlib.util.find_spec(module) is None]
    return f"there is no frame here: {missing[0]} is not installed" if missing else ""


class Frame:
    """``soutu-frame`` on SDL's dummy screen, which finds the home's service by itself, and shows the newest photos.

    Args:
        folder: Where its log and its cache are.
        authority: What it knows the home by.
        token_file: Its token.
    """

    def __init__(self, folder: Path, authority: Path, token_file: Path) -> None:
        self._log = folder / "frame.log"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("SOUTU_", "SDL_"))}
        given = {
            "SOUTU_LANGUAGE": "en",
            "SOUTU_AUTHORITY": str(authority),
            "SOUTU_TOKEN_FILE": str(token_file),
            "SDL_VIDEODRIVER": "dummy",
            "SOUTU_FRAME_SIZE": "320x240",
            "SOUTU_FRAME_LISTEN": "none",
            "SOUTU_FRAME_LOG_LEVEL": "debug",
            "SOUTU_FRAME_CACHE_FOLDER": str(folder / "frame-cache"),
            "SOUTU_FRAME_QUERIES": "最新",
            "SOUTU_FRAME_INTERVAL_SECONDS": "0.5",
            "SOUTU_FRAME_FADE_SECONDS": "0",
            "SOUTU_FRAME_REFRESH_SECONDS": "1",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([sys.executable, "-m", _FRAME], env={**own, **given}, stdout=log, stderr=log)

    def shown(self) -> list[str]:
        """Return the ids of the photos that were shown, in order."""
        assert self._process.poll() is None, self._log.read_text()
        return re.findall(r"^shown (\w+)$", self._log.read_text(), re.MULTILINE)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)
