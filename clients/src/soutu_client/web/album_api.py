"""Albums as wholes. An album is what its photos say: it begins with the first that is put into it, and ends with the last."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

from soutu_client.client import Client
from soutu_client.models import Filter
from soutu_client.web.callers import CallerClient

__all__ = ["router"]

router = APIRouter(prefix="/albums", tags=["photos"])

_PAGE = 1000

AlbumName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Album(BaseModel):
    """An album, by its name."""

    model_config = ConfigDict(extra="forbid")

    album: AlbumName


class Renamed(Album):
    """The album, and its new name. Where another album has that name, the two become one."""

    name: AlbumName


class Changed(BaseModel):
    """How many photos it was done to."""

    photos: int


@router.post("/rename")
def rename_album(client: CallerClient, asked: Renamed) -> Changed:
    """Give an album another name. What failed half way is finished by asking again."""
    ids = _photos_in(client, asked.album) if asked.name != asked.album else []
    client.annotate(ids, add_albums=[asked.name], remove_albums=[asked.album])
    return Changed(photos=len(ids))


@router.post("/dissolve")
def dissolve_album(client: CallerClient, asked: Album) -> Changed:
    """Take every photo out of an album. The photos stay."""
    ids = _photos_in(client, asked.album)
    client.annotate(ids, remove_albums=[asked.album])
    return Changed(photos=len(ids))


def _photos_in(client: Client, album: str) -> list[str]:
    ids: list[str] = []
    token = ""
    while True:
        page = client.list_photos(filter=Filter(albums=(album,)), page_size=_PAGE, page_token=token)
        ids += [photo.photo_id for photo in page.photos]
        token = page.next_page_token
        if not token:
            return ids
