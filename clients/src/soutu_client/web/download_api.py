"""Downloading many photos at once: what is wanted is said first, then fetched as a browser fetches any file."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool

from soutu_client._errors import NotFoundError
from soutu_client._language import Text
from soutu_client.web.callers import CallerClient, language_of
from soutu_client.web.zip_stream import zip_of

__all__ = ["Downloads", "router"]

router = APIRouter(prefix="/downloads", tags=["photos"])

_MOST_PHOTOS = 5000
_MOST_KEPT = 100
_MOST_AT_ONCE = 4
_KEPT_SECONDS = 3600.0
"""A browser that lost its connection may ask again."""

_NO_SUCH = Text(zh="这个下载已过期，请重新选择照片再下载", en="this download has expired; choose the photos again")
_NAME = Text(zh="照片 {date}.zip", en="photos {date}.zip")


class Wanted(BaseModel):
    """Photos to download, by their whole ids."""

    model_config = ConfigDict(extra="forbid")

    photo_ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]] = Field(min_length=1, max_length=_MOST_PHOTOS)


class Download(BaseModel):
    """Where the ZIP is, for an hour."""

    url: str


class Downloads:
    """Which photos are wanted, by an id that cannot be guessed; the oldest are forgotten. Thread safe.

    Attributes:
        turns: A few are packed at a time, each with one original in the temporary folder; others wait before their first byte.
    """

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._kept: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, photo_ids: Sequence[str]) -> str:
        """Remember photos, each once; return the id."""
        download_id = secrets.token_urlsafe(24)
        with self._lock:
            self._kept[download_id] = time.monotonic(), tuple(dict.fromkeys(photo_ids))
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return download_id

    def find(self, download_id: str) -> tuple[str, ...]:
        """Return the photos; none: it is not known, or too old."""
        with self._lock:
            since, photo_ids = self._kept.get(download_id, (0.0, ()))
        return photo_ids if photo_ids and time.monotonic() - since < _KEPT_SECONDS else ()


@router.post("")
def prepare_download(request: Request, asked: Wanted) -> Download:
    """Say which photos a ZIP shall hold, and learn its address."""
    downloads: Downloads = request.app.state.downloads
    return Download(url=f"{request.url.path}/{downloads.keep(asked.photo_ids)}")


@router.get("/{download_id}", response_class=StreamingResponse, responses={200: {"content": {"application/zip": {}}}})
def get_download(
    request: Request, client: CallerClient, download_id: Annotated[str, Path(pattern=r"^[\w-]{32}$")]
) -> StreamingResponse:
    """Return the ZIP. What whoever asks may not see is not in it."""
    downloads: Downloads = request.app.state.downloads
    language = language_of(request)
    photo_ids = downloads.find(download_id)
    if not photo_ids:
        raise NotFoundError(_NO_SUCH.to(language), reason="DOWNLOAD_EXPIRED")
    client.access()  # whoever has no token gets words, not a broken file
    name = quote(_NAME.to(language).format(date=f"{datetime.now():%Y-%m-%d}"), safe="")
    return StreamingResponse(
        _in_turn(zip_of(client, photo_ids), downloads.turns),
        media_type="application/zip",
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}", "cache-control": "no-store"},
    )


async def _in_turn(parts: Iterator[bytes], turns: asyncio.Semaphore) -> AsyncIterator[bytes]:
    async with turns:
        async for part in iterate_in_threadpool(parts):
            yield part
