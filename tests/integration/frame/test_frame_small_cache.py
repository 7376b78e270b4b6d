"""A cache that holds fewer pictures than are fetched ahead: the frame goes on, and does not fetch them again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from frame_run import FrameRun
from search_house import SearchHouse
from soutu_client import Client, Thumbnail

SECONDS = 1.0


def test_a_small_cache_does_not_fetch_without_end(
    run: Callable[..., FrameRun], house: SearchHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(queries="最新", folder=tmp_path / "first")
    first.until(lambda: len(first.frame.cache.slides()) == 4)
    largest = max(path.stat().st_size for path in (tmp_path / "first" / "cache" / "pictures").iterdir())
    first.close()

    asked: list[str] = []
    thumbnail = Client.thumbnail

    def counted(client: Client, photo_id: str, **more: object) -> Thumbnail:
        asked.append(photo_id)
        return thumbnail(client, photo_id, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "thumbnail", counted)
    frame = run(queries="最新", folder=tmp_path / "small", cache_bytes=str(largest * 5 // 2))
    frame.until_photo()
    end = time.monotonic() + SECONDS
    frame.until(lambda: time.monotonic() > end)
    assert len(asked) < 10, "it fetches pictures that it has no room for"
    shown = {frame.next_photo().photo_id for _ in range(8)}
    assert len(shown) == 4
