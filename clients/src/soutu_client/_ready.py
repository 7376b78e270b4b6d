"""Waiting until photos are ingested."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from soutu_client._calls import Calls
from soutu_client._convert import library as convert_library
from soutu_client._convert import photos as convert
from soutu_client._patience import Patience
from soutu_client.add_models import ReadyProgress, ReadyResult
from soutu_client.models import Photo, PhotoState

__all__ = ["wait_until_ready"]

_WINDOW = 500
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_STATUS_SECONDS = 3.0


def wait_until_ready(
    calls: Calls,
    photo_ids: Iterable[str],
    *,
    on_progress: Callable[[ReadyProgress], None] | None,
    timeout_seconds: float | None,
    patience_seconds: float,
) -> ReadyResult:
    """Wait until photos are READY or UNREADABLE.

    The oldest few hundred that still wait are asked for at a time, so that the load does not grow with the number of photos.
    Photos that do not exist, or were deleted meanwhile, are not waited for.
    """
    waiting = deque(dict.fromkeys(photo_ids))
    total = len(waiting)
    ready: list[str] = []
    unreadable: list[Photo] = []
    why = ""

    def tell(news: str | None = None) -> None:
        nonlocal why
        why = why if news is None else news
        if on_progress is not None:
            on_progress(ReadyProgress(photos_total=total, photos_done=total - len(waiting), waiting=why))

    patience = Patience(seconds=patience_seconds, on_waiting=lambda text: tell(text) if text else None)
    give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    next_status = time.monotonic() + _STATUS_SECONDS
    pause = _SHORTEST_PAUSE_SECONDS
    tell()
    while waiting and (give_up is None or time.monotonic() < give_up):
        window = [waiting.popleft() for _ in range(min(_WINDOW, len(waiting)))]
        request = convert.batch_get_request(window)
        answer = patience.call(lambda request=request: calls.unary(calls.photos.BatchGetPhotos, request))  # type: ignore[misc]
        pending = []
        for photo in convert.batch_of_photos(answer):
            if photo.deleted_at is not None:
                continue
            if photo.state is PhotoState.READY:
                ready.append(photo.photo_id)
            elif photo.state is PhotoState.UNREADABLE:
                unreadable.append(photo)
            else:
                pending.append(photo.photo_id)
        waiting.extendleft(reversed(pending))
        moved = len(window) - len(pending)
        if time.monotonic() >= next_status and pending:
            status = patience.call(lambda: calls.unary(calls.library.GetStatus, convert_library.status_request()))
            tell(convert_library.status(status).embedder.problem)
            next_status = time.monotonic() + _STATUS_SECONDS
        else:
            tell("" if moved else None)
        if pending:
            pause = _SHORTEST_PAUSE_SECONDS if moved else min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            time.sleep(pause if moved < _WINDOW // 2 else 0)
    return ReadyResult(ready=tuple(ready), unreadable=tuple(unreadable), pending=tuple(waiting))
