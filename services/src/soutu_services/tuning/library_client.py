"""The search service as tuning uses it, over gRPC: the only module here that knows the wire's types."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import grpc
import numpy as np
from google.protobuf.duration_pb2 import Duration
from soutu.search.v1 import (
    library_service_pb2,
    library_service_pb2_grpc,
    photo_pb2,
    photo_service_pb2,
    photo_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
)

from soutu_services.runtime.authentication import authorization
from soutu_services.runtime.channels import open_channel
from soutu_services.runtime.errors import (
    REASON_METADATA_KEY,
    DataLoss,
    FailedPrecondition,
    InvalidInput,
    NotAllowed,
    NotFound,
    Overloaded,
    SoutuError,
    Unavailable,
)
from soutu_services.runtime.language import METADATA_KEY, Language
from soutu_services.runtime.request_ids import REQUEST_ID_KEY, new_request_id
from soutu_services.runtime.tls_probe import explain_unavailable
from soutu_services.tuning.library import AddedPhoto, LibraryPhoto, Readiness, Selection, SpaceState, VectorBatch
from soutu_services.tuning.library_settings import LibrarySettings

__all__ = ["LibraryClient"]

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_CALL_SECONDS = 60.0
_LONG_SECONDS = 3600.0
_CHUNK_BYTES = 512 * 1024
_LISTED, _HITS, _GROUPS, _VECTORS = 1000, 200, 200, 1000
_UPLOADS = 4
_TRIES, _FIRST_PAUSE_SECONDS = 5, 0.5


def _duration(milliseconds: int) -> Duration | None:
    if not milliseconds:
        return None
    message = Duration()
    message.FromMilliseconds(milliseconds)
    return message


_KINDS: dict[grpc.StatusCode, type[SoutuError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInput,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
    grpc.StatusCode.DATA_LOSS: DataLoss,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
}
_NAME_TAKEN = "KEY_CONFLICT"


class LibraryClient:
    """A ``Library`` behind a search service. Safe to use from several threads; close it at the end."""

    def __init__(self, settings: LibrarySettings, language: Language) -> None:
        """Prepare the connection.

        Raises:
            SoutuError: the address, the token or the authority cannot be used.
        """
        self._address = settings.address
        self._access = settings.access()
        options = [("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES)]
        self._channel = open_channel(self._address, replace(self._access, token=None), options=options)  # it goes with each call
        token = self._access.token
        login = () if token is None else (authorization(token.get_secret_value()),)
        self._metadata: tuple[tuple[str, str], ...] = ((METADATA_KEY, language), *login)
        self._photos = photo_service_pb2_grpc.PhotoServiceStub(self._channel)
        self._search = search_service_pb2_grpc.SearchServiceStub(self._channel)
        self._library = library_service_pb2_grpc.LibraryServiceStub(self._channel)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def pages(self, selection: Selection) -> Iterator[Sequence[LibraryPhoto]]:
        """Yield the searchable photos that are meant: newest first, or the best of a query first."""
        chosen = photo_pb2.Filter(
            folders=selection.folders, taken_from=selection.taken_from, taken_until=selection.taken_until, tags=selection.tags
        )
        token, left = "", selection.limit
        hits_a_page = min(_HITS, selection.limit)  # a token is for pages of one size
        while True:
            if selection.query:
                terms = [search_service_pb2.Term(text=selection.query)]
                found = search_service_pb2.SearchPhotosRequest(
                    terms=terms, filter=chosen, page_size=hits_a_page, page_token=token
                )
                hits = self._read(self._search.SearchPhotos, found)
                photos, token = [hit.photo for hit in hits.hits][:left], hits.next_page_token
                left -= len(photos)
            else:
                listed = photo_service_pb2.ListPhotosRequest(
                    filter=chosen, states=[photo_pb2.PHOTO_STATE_READY], page_size=_LISTED, page_token=token
                )
                page = self._read(self._photos.ListPhotos, listed)
                photos, token = list(page.photos), page.next_page_token
            yield [_photo(photo) for photo in photos]
            if not token or left <= 0:
                return

    def near_duplicates(self, *, max_distance: int, min_cosine: float) -> Iterator[Sequence[str]]:
        """Yield groups of photos that are nearly the same, by their ids."""
        token = ""
        while True:
            request = library_service_pb2.ListNearDuplicatesRequest(
                max_distance=max_distance, min_cosine=min_cosine, page_size=_GROUPS, page_token=token
            )
            page = self._read(self._library.ListNearDuplicates, request, seconds=_LONG_SECONDS)
            for group in page.groups:
                yield [photo.photo_id for photo in group.photos]
            token = page.next_page_token
            if not token:
                return

    def thumbnail(self, photo_id: str) -> bytes:
        """Return a photo as a small encoded picture."""
        answer = self._read(self._photos.GetThumbnail, photo_service_pb2.GetThumbnailRequest(photo_id=photo_id))
        return bytes(answer.image)

    def add(self, pictures: Sequence[tuple[str, bytes]]) -> list[AddedPhoto]:
        """Add pictures, name and bytes; what the library has is not sent again, and one that it refuses stays out alone."""
        digests = [hashlib.sha256(data).hexdigest() for _, data in pictures]
        kind = photo_service_pb2.FindContentsRequest.Content
        contents = [kind(sha256=digest, name=name) for (name, _), digest in zip(pictures, digests, strict=True)]
        found = self._read(self._photos.FindContents, photo_service_pb2.FindContentsRequest(contents=contents)).contents
        with ThreadPoolExecutor(_UPLOADS) as pool:
            outcomes = [
                AddedPhoto(known.photo_id, is_new=False)
                if known.photo_id and not known.deleted
                else pool.submit(self._uploaded, name, data, digest)
                for (name, data), digest, known in zip(pictures, digests, found, strict=True)
            ]
        return [outcome if isinstance(outcome, AddedPhoto) else outcome.result() for outcome in outcomes]

    def describe(self, photo_id: str, caption: str) -> None:
        """Write a photo's caption."""
        request = photo_service_pb2.AnnotatePhotosRequest(photo_ids=[photo_id], caption=caption)
        self._read(self._photos.AnnotatePhotos, request)

    def captions(self, photo_ids: Sequence[str]) -> dict[str, str]:
        """Return the captions of photos; those that do not exist are left out."""
        answer = self._read(self._photos.BatchGetPhotos, photo_service_pb2.BatchGetPhotosRequest(photo_ids=photo_ids))
        return {photo.photo_id: photo.annotations.caption for photo in answer.photos}

    def spaces(self) -> list[SpaceState]:
        """List the library's spaces and those that its embedding services offer."""
        status = self._read(self._library.GetStatus, library_service_pb2.GetStatusRequest())
        return [
            SpaceState(one.space_id, one.model, one.dimension, one.photos, one.serving, one.filling, one.available)
            for one in status.spaces
        ]

    def readiness(self) -> Readiness:
        """Say how many photos an export does not see, or cannot compare with others."""
        status = self._read(self._library.GetStatus, library_service_pb2.GetStatusRequest())
        with_vector = sum(space.photos for space in status.spaces if space.serving)
        return Readiness(status.photos_pending, max(0, status.photos_ready - with_vector))

    def vectors(self, space_id: str) -> Iterator[VectorBatch]:
        """Yield the vectors of a space, ordered by photo id."""
        request = library_service_pb2.ExportEmbeddingsRequest(space_id=space_id)
        with self._own_errors():
            for message in self._library.ExportEmbeddings(request, timeout=_LONG_SECONDS, metadata=self._of_call()):
                rows = [np.frombuffer(one.embedding, "<f4") for one in message.embeddings]
                if rows:
                    yield VectorBatch(
                        [one.photo_id for one in message.embeddings],
                        np.stack(rows).astype(np.float32),
                        [one.frame_time.ToMilliseconds() for one in message.embeddings],
                    )

    def put_vectors(self, space_id: str, batches: Iterable[VectorBatch]) -> int:
        """Take vectors into a space that the library has; returns how many were stored."""
        kind = library_service_pb2.PhotoEmbedding
        stored = 0
        for batch in batches:
            for begin in range(0, len(batch.photo_ids), _VECTORS):
                rows = slice(begin, begin + _VECTORS)
                some = [
                    kind(photo_id=one, embedding=vector.astype("<f4").tobytes(), frame_time=_duration(frame_ms))
                    for one, vector, frame_ms in zip(
                        batch.photo_ids[rows], batch.vectors[rows], batch.frames_ms[rows], strict=True
                    )
                ]
                message = library_service_pb2.ImportEmbeddingsRequest(space_id=space_id, embeddings=some)
                with self._own_errors():
                    answer = self._library.ImportEmbeddings(iter([message]), timeout=_LONG_SECONDS, metadata=self._of_call())
                stored += answer.stored
        return stored

    def prepare_space(self, space_id: str) -> str:
        """Make a space that is to be filled by ``put_vectors`` and serve after ``resume``; returns the job, which rests."""
        request = library_service_pb2.StartReindexRequest(space_id=space_id, paused=True)
        return str(self._read(self._library.StartReindex, request).job.job_id)

    def resume(self, job_id: str) -> None:
        """Go on with a job."""
        self._read(self._library.ResumeJob, library_service_pb2.ResumeJobRequest(job_id=job_id))

    def _uploaded(self, name: str, data: bytes, digest: str) -> AddedPhoto:
        header = photo_service_pb2.UploadHeader(name=name, size_bytes=len(data), sha256=digest)
        kind = photo_service_pb2.UploadPhotoRequest

        def upload(**options: Any) -> Any:
            chunks = (data[at : at + _CHUNK_BYTES] for at in range(0, len(data), _CHUNK_BYTES))
            return self._photos.UploadPhoto(iter([kind(header=header), *(kind(chunk=chunk) for chunk in chunks)]), **options)

        try:
            answer = self._repeated(upload, seconds=_LONG_SECONDS)  # the same content twice is one photo
        except SoutuError as error:
            if isinstance(error, InvalidInput) or error.reason == _NAME_TAKEN:  # what is wrong is this picture
                return AddedPhoto("", is_new=False, refusal=error.text)
            raise
        return AddedPhoto(str(answer.photo_id), is_new=bool(answer.created))

    def _read(self, method: Callable[..., Any], request: Any, *, seconds: float = _CALL_SECONDS) -> Any:
        return self._repeated(lambda **options: method(request, **options), seconds=seconds)

    def _repeated(self, call: Callable[..., Any], *, seconds: float) -> Any:
        """Make a call that may be repeated, and repeat it while the service is away or busy for a moment."""
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(_TRIES):
            try:
                with self._own_errors():
                    return call(timeout=seconds, metadata=self._of_call())
            except (Unavailable, Overloaded):
                if attempt == _TRIES - 1:
                    raise
            time.sleep(pause)
            pause *= 2
        raise AssertionError

    def _of_call(self) -> tuple[tuple[str, str], ...]:
        return (*self._metadata, (REQUEST_ID_KEY, new_request_id()))

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            raise self._translated(error) from error

    def _translated(self, error: Any) -> SoutuError:
        """Turn a failed call into an error; what the service says is in the asked language already."""
        status, details = error.code(), error.details() or ""
        reason = dict(error.trailing_metadata() or ()).get(REASON_METADATA_KEY, "")
        if status is grpc.StatusCode.UNAVAILABLE and not reason:  # nobody answered
            cause = explain_unavailable(details, self._address, self._access)
            if cause is not None:
                return FailedPrecondition("NOT_TRUSTED", zh=cause.zh, en=cause.en)
            return Unavailable(
                "SEARCH_AWAY",
                zh=f"搜索服务没有回答（{self._address}）：请检查它是否在运行（make run），地址用 SOUTU_ADDRESS 设置",
                en=f"the search service does not answer ({self._address}): see that it runs (make run); "
                "SOUTU_ADDRESS sets its address",
            )
        text = " ".join(details.split()) or status.name
        return _KINDS.get(status, SoutuError)(str(reason) or "CALL_FAILED", zh=text, en=text)


def _photo(photo: photo_pb2.Photo) -> LibraryPhoto:
    present = tuple(name.name for name in photo.names if name.present)
    return LibraryPhoto(
        photo.photo_id,
        present or tuple(name.name for name in photo.names),
        _moment(photo.taken),
        tuple(photo.annotations.tags),
        photo.annotations.caption,
    )


def _moment(taken: photo_pb2.Taken) -> datetime | None:
    """Return when a photo was taken, if something better than a file's date tells the second."""
    if taken.origin not in (photo_pb2.TAKEN_ORIGIN_EXIF, photo_pb2.TAKEN_ORIGIN_NAME):
        return None
    try:
        moment = datetime.fromisoformat(taken.local_time).replace(tzinfo=None)
    except ValueError:
        return None
    is_day_alone = taken.origin == photo_pb2.TAKEN_ORIGIN_NAME and moment.time() == moment.time().min
    return None if is_day_alone else moment
