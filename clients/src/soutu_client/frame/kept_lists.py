"""What the frame remembers on the disk beside pictures: the photos of recent queries, and hearts the service has not heard of."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from soutu_client._user_folders import write_private
from soutu_client.frame.slide import Slide, is_photo_id

__all__ = ["KeptLists"]

_MOST_LISTS = 40
_MOST_LIKES = 1000


class KeptLists:
    """Files in one folder. A disk that fails costs what it would have kept; a torn file is like none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, query: str, slides: list[Slide]) -> None:
        """Keep a query's photos; the oldest of many queries is forgotten."""
        content = {"query": query, "slides": [each.to_json() for each in slides]}
        with contextlib.suppress(OSError):
            write_private(self._path(query), json.dumps(content, ensure_ascii=False), is_lasting=False)
            lists = sorted(self._folder.glob("list-*.json"), key=lambda path: path.stat().st_mtime_ns)
            for old in lists[:-_MOST_LISTS]:
                old.unlink(missing_ok=True)

    def read(self, query: str) -> list[Slide]:
        """Return what is kept of a query."""
        content = self._content(self._path(query))
        try:
            if content["query"] != query:
                return []
            return [Slide.from_json(each) for each in content["slides"]]
        except (KeyError, TypeError, ValueError):
            return []

    def keep_likes(self, likes: dict[str, bool]) -> None:
        """Keep which photos were made favourites, or no longer, and not told yet."""
        some = dict(list(likes.items())[-_MOST_LIKES:])
        with contextlib.suppress(OSError):
            write_private(self._folder / "likes.json", json.dumps(some), is_lasting=False)

    def likes(self) -> dict[str, bool]:
        """Return them."""
        content = self._content(self._folder / "likes.json")
        if not isinstance(content, dict):
            return {}
        return {name: is_one for name, is_one in content.items() if is_photo_id(name) and isinstance(is_one, bool)}

    def _path(self, query: str) -> Path:
        return self._folder / f"list-{hashlib.sha256(query.encode()).hexdigest()[:16]}.json"

    def _content(self, path: Path) -> Any:
        with contextlib.suppress(OSError, ValueError):
            return json.loads(path.read_text(encoding="utf-8"))
        return None
