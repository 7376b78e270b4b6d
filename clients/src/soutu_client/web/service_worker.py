"""The service worker, told which files are the page's shell, and which version of them this is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from fastapi.responses import Response

__all__ = ["service_worker"]

_OF_THE_SHELL = frozenset({".css", ".js", ".svg"})
_TOP = ("index.html", "sw.js")


def service_worker(folder: Path) -> Callable[[], Response]:
    """Return what answers a request for the worker.

    Args:
        folder: Files of the page, the worker among them.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix in _OF_THE_SHELL and path.name not in _TOP)
    digest = hashlib.sha256()
    for path in (*files, *(folder / name for name in _TOP)):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    shell = ["/", *(f"/static/{path.relative_to(folder).as_posix()}" for path in files)]
    told = f"const SHELL = {json.dumps(shell)};\nconst VERSION = {json.dumps(digest.hexdigest()[:16])};\n"
    text = told + (folder / "sw.js").read_text(encoding="utf-8")

    def answer() -> Response:
        return Response(text, media_type="text/javascript", headers={"cache-control": "no-cache"})

    return answer
