"""``soutu-frame`` as a process, on SDL's dummy screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["start"]


def start(tmp_path: Path, *python: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SOUTU_", "SDL_"))}
    given = {
        "SOUTU_LANGUAGE": "en",
        "SDL_VIDEODRIVER": "dummy",
        "SOUTU_FRAME_SIZE": "320x240",
        "SOUTU_FRAME_LISTEN": "none",
        "SOUTU_FRAME_LOG_LEVEL": "debug",
        "SOUTU_FRAME_CACHE_FOLDER": str(tmp_path / "cache"),
        **environment,
    }
    command = [sys.executable, *(python or ("-m", "soutu_client.frame"))]
    return subprocess.Popen(command, env={**clean, **given}, stderr=subprocess.PIPE, text=True)
