"""Photos, and what is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from soutu.search.v1 import photo_pb2, photo_service_pb2

from soutu_client._convert.values import duration, member, milliseconds, number, timestamp, when
from soutu_client.models import (
    Annotations,
    Filter,
    FoundContent,
    Location,
    Photo,
    PhotoKind,
    PhotoName,
    PhotoPage,
    PhotoPart,
    PhotoState,
    Taken,
    TakenOrigin,
    Thumbnail,
    Unreadable,
    UnreadableReason,
    Upload,
)

if TYPE_CHECKING:
    from soutu_client._moving.facts import Facts

__all__ = [
    "OriginalPart",
    "UploadMessage",
    "annotate_request",
    "annotated",
    "batch_get_request",
    "batch_of_photos",
    "chunk_request",
    "delete_request",
    "deleted_ids",
    "filter_message",
    "find_contents_request",
    "found_contents",
    "get_photo_request",
    "got_photo",
    "header_request",
    "list_photos_request",
    "photo",
    "photo_page",
    "purge_request",
    "purged",
    "read_original_request",
    "tell_request",
    "thumbnail",
    "thumbnail_request",
    "told_ids",
    "undelete_request",
    "undeleted_ids",
    "upload",
]

OriginalPart = photo_service_pb2.ReadOriginalResponse
UploadMessage = photo_service_pb2.UploadPhotoRequest


def photo(message: photo_pb2.Photo) -> Photo:
    """Return a photo."""
    unreadable = None
    if message.HasField("unreadable"):
        reason = member(UnreadableReason, photo_pb2.UnreadableReason.DESCRIPTOR, message.unreadable.reason, "UNREADABLE_REASON_")
        unreadable = Unreadable(reason=reason or UnreadableReason.UNKNOWN, message=message.unreadable.message)
    location = None
    if message.HasField("location"):
        location = Location(latitude=message.location.latitude, longitude=message.location.longitude)
    return Photo(
        photo_id=message.photo_id,
        state=member(PhotoState, photo_pb2.PhotoState.DESCRIPTOR, message.state, "PHOTO_STATE_") or PhotoState.UNKNOWN,
        unreadable=unreadable,
        names=tuple(PhotoName(source=n.source, name=n.name, present=n.present) for n in message.names),
        width=message.width,
        height=message.height,
        size_bytes=message.size_bytes,
        media_type=message.media_type,
        kind=member(PhotoKind, photo_pb2.PhotoKind.DESCRIPTOR, message.kind, "PHOTO_KIND_"),
        taken=_taken(message.taken) if message.HasField("taken") else None,
        camera=message.camera,
        location=location,
        annotations=Annotations(
            favourite=message.annotations.favourite,
            tags=tuple(message.annotations.tags),
            caption=message.annotations.caption,
            albums=tuple(message.annotations.albums),
        ),
        added_at=when(message, "added_time"),
        deleted_at=when(message, "deleted_time"),
        duration_ms=milliseconds(message, "duration"),
        codec=message.codec,
        parts=tuple(
            PhotoPart(part_id=part.part_id, media_type=part.media_type, size_bytes=part.size_bytes, name=part.name)
            for part in message.parts
        ),
    )


def _taken(message: photo_pb2.Taken) -> Taken | None:
    """Return a taken time; None if it is written in a way that this client does not know."""
    try:
        local_time = datetime.fromisoformat(message.local_time)
    except ValueError:
        return None
    return Taken(
        local_time=local_time.replace(tzinfo=None),
        utc_offset_minutes=message.utc_offset_minutes if message.HasField("utc_offset_minutes") else None,
        origin=member(TakenOrigin, photo_pb2.TakenOrigin.DESCRIPTOR, message.origin, "TAKEN_ORIGIN_") or TakenOrigin.UNKNOWN,
    )


def filter_message(chosen: Filter | None) -> photo_pb2.Filter | None:
    """Return a filter's message."""
    if chosen is None:
        return None
    area = None
    if chosen.area is not None:
        area = photo_pb2.BoundingBox(
            south=chosen.area.south, west=chosen.area.west, north=chosen.area.north, east=chosen.area.east
        )
    kinds = (number(kind, photo_pb2.PhotoKind.DESCRIPTOR, "PHOTO_KIND_") for kind in chosen.kinds)
    return photo_pb2.Filter(
        taken_from=chosen.taken_from,
        taken_until=chosen.taken_until,
        folders=chosen.folders,
        sources=chosen.sources,
        cameras=chosen.cameras,
        area=area,
        formats=chosen.formats,
        kinds=[photo_pb2.PhotoKind.ValueType(kind) for kind in kinds],
        tags=chosen.tags,
        favourite=chosen.favourite,
        albums=chosen.albums,
    )


def find_contents_request(contents: Sequence[tuple[str, str]]) -> photo_service_pb2.FindContentsRequest:
    """Return a request for pairs of SHA-256 and name."""
    kind = photo_service_pb2.FindContentsRequest.Content
    return photo_service_pb2.FindContentsRequest(contents=[kind(sha256=sha256, name=name) for sha256, name in contents])


def found_contents(message: photo_service_pb2.FindContentsResponse) -> tuple[FoundContent, ...]:
    """Return the answers, in the request's order."""
    return tuple(
        FoundContent(
            photo_id=answer.photo_id or None,
            state=member(PhotoState, photo_pb2.PhotoState.DESCRIPTOR, answer.state, "PHOTO_STATE_"),
            deleted=answer.deleted,
        )
        for answer in message.contents
    )


def header_request(
    *, name: str, size_bytes: int, sha256: str, modified_at: datetime | None
) -> photo_service_pb2.UploadPhotoRequest:
    """Return the first message of an upload."""
    header = photo_service_pb2.UploadHeader(
        name=name,
        size_bytes=size_bytes,
        sha256=sha256,
        modified_time=None if modified_at is None else timestamp(modified_at),
    )
    return photo_service_pb2.UploadPhotoRequest(header=header)


def chunk_request(chunk: bytes) -> photo_service_pb2.UploadPhotoRequest:
    """Return the next message of an upload: at most 1 MiB."""
    return photo_service_pb2.UploadPhotoRequest(chunk=chunk)


def upload(message: photo_service_pb2.UploadPhotoResponse) -> Upload:
    """Return what became of an upload."""
    return Upload(photo_id=message.photo_id, created=message.created, name=message.name)


def get_photo_request(photo_id: str) -> photo_service_pb2.GetPhotoRequest:
    """Return a request for one photo."""
    return photo_service_pb2.GetPhotoRequest(photo_id=photo_id)


def got_photo(message: photo_service_pb2.GetPhotoResponse) -> Photo:
    """Return the one photo."""
    return photo(message.photo)


def batch_get_request(photo_ids: Sequence[str]) -> photo_service_pb2.BatchGetPhotosRequest:
    """Return a request for several photos."""
    return photo_service_pb2.BatchGetPhotosRequest(photo_ids=photo_ids)


def batch_of_photos(message: photo_service_pb2.BatchGetPhotosResponse) -> list[Photo]:
    """Return the photos that exist."""
    return [photo(each) for each in message.photos]


def list_photos_request(
    *, chosen: Filter | None, states: Iterable[PhotoState], deleted: bool, page_size: int, page_token: str
) -> photo_service_pb2.ListPhotosRequest:
    """Return a request for a page of photos."""
    numbers = (number(state, photo_pb2.PhotoState.DESCRIPTOR, "PHOTO_STATE_") for state in states)
    return photo_service_pb2.ListPhotosRequest(
        filter=filter_message(chosen),
        states=[photo_pb2.PhotoState.ValueType(state) for state in numbers],
        deleted=deleted,
        page_size=page_size,
        page_token=page_token,
    )


def photo_page(message: photo_service_pb2.ListPhotosResponse) -> PhotoPage:
    """Return a page of photos."""
    photos = tuple(photo(each) for each in message.photos)
    return PhotoPage(photos=photos, next_page_token=message.next_page_token, total=message.total)


def annotate_request(
    photo_ids: Sequence[str],
    *,
    favourite: bool | None,
    caption: str | None,
    add_tags: Sequence[str],
    remove_tags: Sequence[str],
    add_albums: Sequence[str],
    remove_albums: Sequence[str],
    taken: str | None,
) -> photo_service_pb2.AnnotatePhotosRequest:
    """Return a change of annotations."""
    return photo_service_pb2.AnnotatePhotosRequest(
        photo_ids=photo_ids,
        favourite=favourite,
        caption=caption,
        add_tags=add_tags,
        remove_tags=remove_tags,
        add_albums=add_albums,
        remove_albums=remove_albums,
        taken_local_time=taken,
    )


def annotated(message: photo_service_pb2.AnnotatePhotosResponse) -> list[Photo]:
    """Return the photos as they are now."""
    return [photo(each) for each in message.photos]


def tell_request(told: Iterable[tuple[str, Facts]]) -> photo_service_pb2.TellPhotosRequest:
    """Return a request that tells what another program knew of photos."""
    kind = photo_service_pb2.TellPhotosRequest.Told
    return photo_service_pb2.TellPhotosRequest(
        told=[
            kind(
                photo_id=photo_id,
                taken_local_time=facts.taken.isoformat(timespec="seconds") if facts.taken else "",
                taken_corrected=facts.is_corrected,
                location=photo_pb2.Location(latitude=facts.location.latitude, longitude=facts.location.longitude)
                if facts.location
                else None,
                favourite=facts.is_favourite,
                caption=facts.caption,
                tags=facts.tags,
                albums=facts.albums,
            )
            for photo_id, facts in told
        ]
    )


def told_ids(message: photo_service_pb2.TellPhotosResponse) -> list[str]:
    """Return the photos of which something was told for the first time."""
    return list(message.photo_ids)


def delete_request(photo_ids: Sequence[str]) -> photo_service_pb2.DeletePhotosRequest:
    """Return a request to delete."""
    return photo_service_pb2.DeletePhotosRequest(photo_ids=photo_ids)


def deleted_ids(message: photo_service_pb2.DeletePhotosResponse) -> list[str]:
    """Return the photos that are deleted now."""
    return list(message.photo_ids)


def undelete_request(photo_ids: Sequence[str]) -> photo_service_pb2.UndeletePhotosRequest:
    """Return a request to bring back."""
    return photo_service_pb2.UndeletePhotosRequest(photo_ids=photo_ids)


def undeleted_ids(message: photo_service_pb2.UndeletePhotosResponse) -> list[str]:
    """Return the photos that are there again."""
    return list(message.photo_ids)


def purge_request(photo_ids: Sequence[str]) -> photo_service_pb2.PurgePhotosRequest:
    """Return a request to remove for good; none named: all that are deleted."""
    return photo_service_pb2.PurgePhotosRequest(photo_ids=photo_ids)


def purged(message: photo_service_pb2.PurgePhotosResponse) -> int:
    """Return how many photos were removed."""
    return message.purged


def read_original_request(
    photo_id: str, offset: int, length: int | None, *, part_id: str = ""
) -> photo_service_pb2.ReadOriginalRequest:
    """Return a request for original bytes."""
    if length is not None and length < 1:
        raise ValueError("the length is below 1")
    return photo_service_pb2.ReadOriginalRequest(photo_id=photo_id, offset=offset, length=length or 0, part_id=part_id)


def thumbnail_request(
    photo_id: str, *, large: bool = False, frame_ms: int | None = None
) -> photo_service_pb2.GetThumbnailRequest:
    """Return a request for a thumbnail, or a large one, or a video's frame."""
    return photo_service_pb2.GetThumbnailRequest(photo_id=photo_id, large=large, frame_time=duration(frame_ms))


def thumbnail(message: photo_service_pb2.GetThumbnailResponse) -> Thumbnail:
    """Return a thumbnail."""
    return Thumbnail(image=message.image, media_type=message.media_type)
