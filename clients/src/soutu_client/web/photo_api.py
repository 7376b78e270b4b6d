"""Photos: looked at, changed, deleted and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from soutu_client._original import OriginalStream
from soutu_client.models import Photo, PhotoPage, PhotoState
from soutu_client.web.byte_range import AskedRange, RangeNotSatisfiable, asked_range
from soutu_client.web.callers import CallerClient
from soutu_client.web.description import PageToken
from soutu_client.web.entity_tags import is_known

__all__ = ["router"]

router = APIRouter(prefix="/photos", tags=["photos"])

PhotoId = Annotated[str, Path(pattern=r"^[0-9a-fA-F]{6,32}$", description="A photo's id, or the first 6 digits of it or more.")]

_DAY = "private, max-age=86400"  # a token that was revoked meanwhile counts from then on
_SHORT = "private, max-age=0, must-revalidate"
# What a browser may make of a stranger's file: a picture or a video, and nothing that runs.
_SANDBOX = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox"}
_SHOWN = ("image/", "video/")
_PLAYED_AS = {"video/quicktime": "video/mp4"}
"""Types that browsers know under another name: what phones write as QuickTime is MP4 but for its first bytes."""


class Chosen(BaseModel):
    """Photos, by their whole ids."""

    model_config = ConfigDict(extra="forbid")

    photo_ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]] = Field(max_length=1000)


class Annotate(Chosen):
    """What people add to photos; what is not given stays."""

    favourite: StrictBool | None = None
    caption: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    add_albums: tuple[str, ...] = ()
    remove_albums: tuple[str, ...] = ()
    taken: str | None = Field(
        default=None, description="A local date, or date and time, that goes before what pictures say; empty takes that back."
    )


class SomePhotos(BaseModel):
    """Photos, as they are now."""

    photos: list[Photo]


class SomeIds(BaseModel):
    """Ids of the photos that it was done to."""

    photo_ids: list[str]


@router.get("")
def list_photos(
    client: CallerClient,
    state: Annotated[list[PhotoState], Query(description="Only photos in one of these states.")] = [],  # noqa: B006 - FastAPI copies it
    deleted: bool = False,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 100,
    page_token: PageToken = "",
) -> PhotoPage:
    """List photos, newest taken first, or those that were deleted."""
    return client.list_photos(states=state, deleted=deleted, page_size=page_size, page_token=page_token)


@router.get("/{photo_id}")
def get_photo(client: CallerClient, photo_id: PhotoId) -> Photo:
    """Tell all that is known of a photo."""
    return client.photo(photo_id)


@router.get("/{photo_id}/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def get_thumbnail(
    request: Request,
    client: CallerClient,
    photo_id: PhotoId,
    large: bool = False,
    frame_ms: Annotated[int | None, Query(ge=0, le=1 << 40, description="Of a video, a time in milliseconds.")] = None,
) -> Response:
    """Return a photo's thumbnail, at most 512 pixels on its longer side; a large one, at most 2,048; or a video's frame."""
    tag = f'"{photo_id.lower()}-{2048 if large else 512}{"" if frame_ms is None else f"-{frame_ms}"}"'
    headers = {"etag": tag, "cache-control": _DAY}
    if is_known(request, tag):
        client.photo(photo_id)  # whoever may not see it any more is not told that it is unchanged
        return Response(status_code=304, headers=headers)
    thumbnail = client.thumbnail(photo_id, large=large, frame_ms=frame_ms)
    return Response(thumbnail.image, media_type=thumbnail.media_type, headers=headers | _SANDBOX)


@router.get(
    "/{photo_id}/original",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"image/*": {}, "video/*": {}}},
        206: {"content": {"image/*": {}, "video/*": {}}},
        304: {},
        416: {},
    },
)
def get_original(
    request: Request,
    client: CallerClient,
    photo_id: PhotoId,
    download: bool = False,
    part: Annotated[str, Query(pattern=r"^([0-9a-f]{32})?$", description="Which of its parts; empty: what it is shown by.")] = "",
) -> Response:
    """Return a photo's original bytes, or those of one of its parts, or the range that is asked for (RFC 9110, section 14)."""
    tag = f'"{part or photo_id.lower()}"'
    asked = asked_range(request.headers.get("range", "")) if request.headers.get("if-range", tag) == tag else None
    known = is_known(request, tag)
    wanted = (AskedRange(length=1) if known else asked) or AskedRange()
    original = client.read_original(photo_id, part_id=part, offset=wanted.offset, length=wanted.length)
    try:
        name = quote(original.file_name, safe="")
        headers = {
            "etag": tag,
            "cache-control": _SHORT,
            "accept-ranges": "bytes",
            "content-disposition": f"{'attachment' if download else 'inline'}; filename*=UTF-8''{name}",
        }
        if known:
            original.close()
            return Response(status_code=304, headers=headers)
        sent = asked.of(original.size_bytes) if asked is not None else range(original.size_bytes)
    except RangeNotSatisfiable:
        original.close()
        return Response(status_code=416, headers={"content-range": f"bytes */{original.size_bytes}"})
    except BaseException:
        original.close()
        raise
    if asked is not None:
        headers["content-range"] = f"bytes {sent.start}-{sent.stop - 1}/{original.size_bytes}"
    headers["content-length"] = str(len(sent))
    return StreamingResponse(
        _cut(original, len(sent)),
        status_code=206 if asked is not None else 200,
        media_type=_shown_as(original.media_type, download=download),
        headers=headers | _SANDBOX,
    )


def _shown_as(media_type: str, *, download: bool) -> str:
    if not media_type.startswith(_SHOWN):
        return "application/octet-stream"
    return media_type if download else _PLAYED_AS.get(media_type, media_type)


def _cut(original: OriginalStream, size: int) -> Iterator[bytes]:
    """Yield so many bytes at most: one more than was announced would be read as the beginning of the next answer."""
    with original:
        for chunk in original:
            if chunk and size:
                yield chunk[:size]
            size -= len(chunk)
            if size <= 0:
                return


@router.post("/annotate")
def annotate(client: CallerClient, asked: Annotate) -> SomePhotos:
    """Change favourites, captions, tags, albums, and the time photos were taken."""
    return SomePhotos(photos=client.annotate(**dict(asked)))


@router.post("/delete")
def delete(client: CallerClient, asked: Chosen) -> SomeIds:
    """Move photos to the recycle bucket."""
    return SomeIds(photo_ids=client.delete(asked.photo_ids))


@router.post("/undelete")
def undelete(client: CallerClient, asked: Chosen) -> SomeIds:
    """Bring deleted photos back."""
    return SomeIds(photo_ids=client.undelete(asked.photo_ids))
