"""The photo service on the wire: translates and delegates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import grpc
from soutu.search.v1 import photo_service_pb2, photo_service_pb2_grpc

from soutu_services.runtime.access import Scope
from soutu_services.runtime.calls import access_of, language_of
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.server import ServedService
from soutu_services.search.buckets import Thumbnails
from soutu_services.search.catalog import AnnotationChange, Catalog
from soutu_services.search.originals import Originals
from soutu_services.search.recycling import Recycling
from soutu_services.search.servicer_messages import PHOTO_STATES, photo_message, summary_message
from soutu_services.search.servicer_requests import (
    check_label_counts,
    filter_from,
    moment_from,
    page_size_from,
    photo_ids_from,
    sha256_from,
    states_from,
    told_from,
)
from soutu_services.search.uploads import KnownContent, NewUpload, Uploads
from soutu_services.search.visibility import Visibility

__all__ = ["PhotoParts", "served_photos"]

_MOST_CONTENTS = 1000
_SCOPES = {
    "FindContents": Scope.WRITE,  # it tells the library new names
    "UploadPhoto": Scope.WRITE,
    "GetPhoto": Scope.READ,
    "BatchGetPhotos": Scope.READ,
    "ListPhotos": Scope.READ,
    "SummarizePhotos": Scope.READ,
    "AnnotatePhotos": Scope.WRITE,
    "TellPhotos": Scope.WRITE,
    "DeletePhotos": Scope.WRITE,
    "UndeletePhotos": Scope.WRITE,
    "PurgePhotos": Scope.ADMIN,
    "ReadOriginal": Scope.READ,
    "GetThumbnail": Scope.READ,
}


@dataclass(frozen=True, slots=True)
class PhotoParts:
    """What the photo service delegates to."""

    catalog: Catalog
    uploads: Uploads
    originals: Originals
    recycling: Recycling


class _PhotoServicer(photo_service_pb2_grpc.PhotoServiceServicer):
    def __init__(self, parts: PhotoParts) -> None:
        self._parts = parts

    def FindContents(  # noqa: N802
        self, request: photo_service_pb2.FindContentsRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.FindContentsResponse:
        if len(request.contents) > _MOST_CONTENTS:
            raise InvalidInput("TOO_MANY_CONTENTS", zh=f"一次最多 {_MOST_CONTENTS} 项", en=f"at most {_MOST_CONTENTS} at a time")
        contents = [KnownContent(sha256_from(content.sha256), content.name) for content in request.contents]
        answer = photo_service_pb2.FindContentsResponse.Content
        return photo_service_pb2.FindContentsResponse(
            contents=[
                answer(photo_id=state.photo_id, state=PHOTO_STATES[state.state], deleted=state.deleted) if state else answer()
                for state in self._parts.uploads.find(contents, Visibility.of(access_of(context)))
            ]
        )

    def UploadPhoto(  # noqa: N802
        self, request_iterator: Iterator[photo_service_pb2.UploadPhotoRequest], context: grpc.ServicerContext
    ) -> photo_service_pb2.UploadPhotoResponse:
        first = next(request_iterator, None)
        if first is None or first.WhichOneof("part") != "header":
            raise InvalidInput("HEADER_MISSING", zh="上传必须以文件信息开头", en="an upload begins with its header")
        header = first.header
        upload = NewUpload(
            name=header.name,
            size_bytes=header.size_bytes,
            sha256=sha256_from(header.sha256),
            modified_at=moment_from(header.modified_time) if header.HasField("modified_time") else None,
        )
        uploaded = self._parts.uploads.receive(upload, (part.chunk for part in request_iterator))
        return photo_service_pb2.UploadPhotoResponse(photo_id=uploaded.photo_id, created=uploaded.created, name=uploaded.name)

    def GetPhoto(  # noqa: N802
        self, request: photo_service_pb2.GetPhotoRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.GetPhotoResponse:
        photo = self._parts.catalog.photos.get(request.photo_id, Visibility.of(access_of(context)))
        return photo_service_pb2.GetPhotoResponse(photo=photo_message(photo, language_of(context)))

    def BatchGetPhotos(  # noqa: N802
        self, request: photo_service_pb2.BatchGetPhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.BatchGetPhotosResponse:
        language = language_of(context)
        photos = self._parts.catalog.photos.get_many(photo_ids_from(request.photo_ids), Visibility.of(access_of(context)))
        return photo_service_pb2.BatchGetPhotosResponse(photos=[photo_message(photo, language) for photo in photos])

    def ListPhotos(  # noqa: N802
        self, request: photo_service_pb2.ListPhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.ListPhotosResponse:
        page = self._parts.catalog.photos.list_page(
            filter_from(request.filter),
            Visibility.of(access_of(context)),
            states=states_from(request.states),
            deleted=request.deleted,
            limit=page_size_from(request.page_size, default=100, most=1000),
            page_token_text=request.page_token,
        )
        language = language_of(context)
        return photo_service_pb2.ListPhotosResponse(
            photos=[photo_message(photo, language) for photo in page.photos],
            next_page_token=page.next_page_token,
            total=page.total,
        )

    def SummarizePhotos(  # noqa: N802
        self, request: photo_service_pb2.SummarizePhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.SummarizePhotosResponse:
        summary = self._parts.catalog.summary(filter_from(request.filter), Visibility.of(access_of(context)))
        return summary_message(summary)

    def AnnotatePhotos(  # noqa: N802
        self, request: photo_service_pb2.AnnotatePhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.AnnotatePhotosResponse:
        check_label_counts(request.add_tags, request.remove_tags, request.add_albums, request.remove_albums)
        change = AnnotationChange(
            favourite=request.favourite if request.HasField("favourite") else None,
            caption=request.caption if request.HasField("caption") else None,
            add_tags=tuple(request.add_tags),
            remove_tags=tuple(request.remove_tags),
            add_albums=tuple(request.add_albums),
            remove_albums=tuple(request.remove_albums),
            taken_local_time=request.taken_local_time if request.HasField("taken_local_time") else None,
        )
        language = language_of(context)
        photos = self._parts.catalog.annotations.annotate(photo_ids_from(request.photo_ids), change)
        return photo_service_pb2.AnnotatePhotosResponse(photos=[photo_message(photo, language) for photo in photos])

    def TellPhotos(  # noqa: N802
        self, request: photo_service_pb2.TellPhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.TellPhotosResponse:
        return photo_service_pb2.TellPhotosResponse(photo_ids=self._parts.catalog.telling.tell(told_from(request.told)))

    def DeletePhotos(  # noqa: N802
        self, request: photo_service_pb2.DeletePhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.DeletePhotosResponse:
        deleted = self._parts.recycling.delete(photo_ids_from(request.photo_ids))
        return photo_service_pb2.DeletePhotosResponse(photo_ids=deleted)

    def UndeletePhotos(  # noqa: N802
        self, request: photo_service_pb2.UndeletePhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.UndeletePhotosResponse:
        back = self._parts.recycling.undelete(photo_ids_from(request.photo_ids))
        return photo_service_pb2.UndeletePhotosResponse(photo_ids=back)

    def PurgePhotos(  # noqa: N802
        self, request: photo_service_pb2.PurgePhotosRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.PurgePhotosResponse:
        photo_ids = photo_ids_from(request.photo_ids) or None
        return photo_service_pb2.PurgePhotosResponse(purged=self._parts.recycling.purge(photo_ids))

    def ReadOriginal(  # noqa: N802
        self, request: photo_service_pb2.ReadOriginalRequest, context: grpc.ServicerContext
    ) -> Iterator[photo_service_pb2.ReadOriginalResponse]:
        original = self._parts.originals.open(
            request.photo_id,
            Visibility.of(access_of(context)),
            part_id=request.part_id,
            offset=request.offset,
            length=request.length,
        )
        yield photo_service_pb2.ReadOriginalResponse(
            media_type=original.media_type, size_bytes=original.size_bytes, file_name=original.file_name
        )
        for chunk in original.chunks:
            yield photo_service_pb2.ReadOriginalResponse(chunk=chunk)

    def GetThumbnail(  # noqa: N802
        self, request: photo_service_pb2.GetThumbnailRequest, context: grpc.ServicerContext
    ) -> photo_service_pb2.GetThumbnailResponse:
        image = self._parts.originals.thumbnail(
            request.photo_id,
            Visibility.of(access_of(context)),
            large=request.large,
            frame_ms=request.frame_time.ToMilliseconds() if request.HasField("frame_time") else None,
        )
        return photo_service_pb2.GetThumbnailResponse(image=image, media_type=Thumbnails.media_type)


def served_photos(parts: PhotoParts) -> ServedService:
    """Make the photo service to be served."""
    servicer = _PhotoServicer(parts)
    name = photo_service_pb2.DESCRIPTOR.services_by_name["PhotoService"].full_name
    return ServedService(
        name, lambda server: photo_service_pb2_grpc.add_PhotoServiceServicer_to_server(servicer, server), _SCOPES
    )
