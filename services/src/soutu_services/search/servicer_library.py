"""The library service on the wire: translates and delegates."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import grpc
import numpy as np
from soutu.search.v1 import library_service_pb2, library_service_pb2_grpc

from soutu_services.runtime.access import Scope
from soutu_services.runtime.authentication import check_scope
from soutu_services.runtime.calls import access_of, language_of
from soutu_services.runtime.errors import Overloaded
from soutu_services.runtime.language import Language
from soutu_services.runtime.server import ServedService
from soutu_services.search.backups import Backups
from soutu_services.search.catalog import Catalog, job_not_found
from soutu_services.search.check_job import READ_CONTENTS, REPAIR
from soutu_services.search.duplicates import DEFAULT_DISTANCE, DEFAULT_MIN_COSINE, LastDuplicates, list_near_duplicates
from soutu_services.search.embedding_transfer import EmbeddingTransfer, ImportBatch
from soutu_services.search.job_runner import JobRunner
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.library_spaces import LibrarySpaces, SpaceState
from soutu_services.search.model import JobKind
from soutu_services.search.servicer_backup import BackupServicer
from soutu_services.search.servicer_messages import (
    duration,
    embedder_message,
    job_message,
    milliseconds,
    photo_message,
    reason_value,
    timestamp,
)
from soutu_services.search.servicer_requests import page_size_from
from soutu_services.search.status import LibraryState, LibraryStatus
from soutu_services.search.visibility import Visibility

__all__ = ["LibraryParts", "served_library"]

_MAX_WATCHERS = 8
_SCOPES = {
    "StartSync": Scope.WRITE,
    "StartReindex": Scope.ADMIN,
    "SwitchSpace": Scope.ADMIN,
    "DeleteSpace": Scope.ADMIN,
    "StartCheck": Scope.ADMIN,
    "CreateBackup": Scope.ADMIN,
    "RestoreBackup": Scope.ADMIN,
    "GetJob": Scope.READ,
    "ListJobs": Scope.READ,
    "WatchJob": Scope.READ,
    "PauseJob": Scope.WRITE,
    "ResumeJob": Scope.WRITE,
    "CancelJob": Scope.WRITE,
    "GetStatus": Scope.READ,
    "ListNearDuplicates": Scope.READ,
    "ExportEmbeddings": Scope.ADMIN,
    "ImportEmbeddings": Scope.ADMIN,
}


@dataclass(frozen=True, slots=True)
class LibraryParts:
    """What the library service delegates to."""

    catalog: Catalog
    jobs: JobRunner
    status: LibraryStatus
    index: LibraryIndex
    spaces: LibrarySpaces
    transfer: EmbeddingTransfer
    backups: Backups
    confirm_gone: Callable[[Sequence[str]], None]
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)


class _LibraryServicer(BackupServicer):
    def __init__(self, parts: LibraryParts) -> None:
        super().__init__(parts.backups)
        self._parts = parts
        self._last_duplicates = LastDuplicates()
        self._watchers = threading.Semaphore(_MAX_WATCHERS)  # each holds one of the server's workers

    def StartSync(  # noqa: N802
        self, request: library_service_pb2.StartSyncRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.StartSyncResponse:
        if request.confirm_gone:
            self._parts.confirm_gone(tuple(request.sources))
        job = self._parts.jobs.start_sync(tuple(request.sources))
        return library_service_pb2.StartSyncResponse(job=job_message(job, language_of(context)))

    def StartCheck(  # noqa: N802
        self, request: library_service_pb2.StartCheckRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.StartCheckResponse:
        options = [option for option, is_set in ((REPAIR, request.repair), (READ_CONTENTS, request.read_contents)) if is_set]
        job = self._parts.jobs.start_single(JobKind.CHECK, options=options)
        return library_service_pb2.StartCheckResponse(job=job_message(job, language_of(context)))

    def StartReindex(  # noqa: N802
        self, request: library_service_pb2.StartReindexRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.StartReindexResponse:
        job = self._parts.spaces.start_reindex(request.space_id, paused=request.paused)
        return library_service_pb2.StartReindexResponse(job=job_message(job, language_of(context)))

    def SwitchSpace(  # noqa: N802
        self, request: library_service_pb2.SwitchSpaceRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.SwitchSpaceResponse:
        return library_service_pb2.SwitchSpaceResponse(space=_space_message(self._parts.spaces.switch(request.space_id)))

    def DeleteSpace(  # noqa: N802
        self, request: library_service_pb2.DeleteSpaceRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.DeleteSpaceResponse:
        return library_service_pb2.DeleteSpaceResponse(photos=self._parts.spaces.delete(request.space_id))

    def GetJob(  # noqa: N802
        self, request: library_service_pb2.GetJobRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.GetJobResponse:
        if _is_guest(context):
            raise job_not_found()
        job = self._parts.catalog.jobs.get(request.job_id)
        return library_service_pb2.GetJobResponse(job=job_message(job, language_of(context)))

    def ListJobs(  # noqa: N802
        self, request: library_service_pb2.ListJobsRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.ListJobsResponse:
        limit = page_size_from(request.page_size, default=20, most=200)
        if _is_guest(context):
            return library_service_pb2.ListJobsResponse()
        jobs, token = self._parts.catalog.jobs.list_page(limit=limit, page_token_text=request.page_token)
        language = language_of(context)
        return library_service_pb2.ListJobsResponse(jobs=[job_message(job, language) for job in jobs], next_page_token=token)

    def WatchJob(  # noqa: N802
        self, request: library_service_pb2.WatchJobRequest, context: grpc.ServicerContext
    ) -> Iterator[library_service_pb2.WatchJobResponse]:
        if _is_guest(context):
            raise job_not_found()
        language = language_of(context)
        if not self._watchers.acquire(blocking=False):
            raise Overloaded(
                "TOO_MANY_WATCHERS", zh="同时查看任务的人太多，请稍后再试", en="too many watch jobs at once; try again later"
            )
        try:
            for job in self._parts.jobs.watch(request.job_id, is_wanted=context.is_active):
                yield library_service_pb2.WatchJobResponse(job=job_message(job, language))
        finally:
            self._watchers.release()

    def _check_may_steer(self, job_id: str, context: grpc.ServicerContext) -> None:
        """Let who may start a job pause, resume and cancel it: a sync needs WRITE, all others ADMIN."""
        if self._parts.catalog.jobs.get(job_id).kind is not JobKind.SYNC:
            check_scope(access_of(context), Scope.ADMIN)

    def PauseJob(  # noqa: N802
        self, request: library_service_pb2.PauseJobRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.PauseJobResponse:
        self._check_may_steer(request.job_id, context)
        job = self._parts.jobs.pause(request.job_id)
        return library_service_pb2.PauseJobResponse(job=job_message(job, language_of(context)))

    def ResumeJob(  # noqa: N802
        self, request: library_service_pb2.ResumeJobRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.ResumeJobResponse:
        self._check_may_steer(request.job_id, context)
        job = self._parts.jobs.resume(request.job_id)
        return library_service_pb2.ResumeJobResponse(job=job_message(job, language_of(context)))

    def CancelJob(  # noqa: N802
        self, request: library_service_pb2.CancelJobRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.CancelJobResponse:
        self._check_may_steer(request.job_id, context)
        job = self._parts.jobs.cancel(request.job_id)
        return library_service_pb2.CancelJobResponse(job=job_message(job, language_of(context)))

    def GetStatus(  # noqa: N802
        self, request: library_service_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.GetStatusResponse:
        state = self._parts.status.gather(Visibility.of(access_of(context)), ask_stores=request.ask_stores)
        message = _status_message(state, language_of(context))
        message.run_id = self._parts.run_id
        return message

    def ListNearDuplicates(  # noqa: N802
        self, request: library_service_pb2.ListNearDuplicatesRequest, context: grpc.ServicerContext
    ) -> library_service_pb2.ListNearDuplicatesResponse:
        page = list_near_duplicates(
            self._parts.catalog,
            self._parts.index.current,
            Visibility.of(access_of(context)),
            max_distance=request.max_distance if request.HasField("max_distance") else DEFAULT_DISTANCE,
            min_cosine=request.min_cosine if request.HasField("min_cosine") else DEFAULT_MIN_COSINE,
            page_size=page_size_from(request.page_size, default=50, most=200),
            page_token_text=request.page_token,
            last=self._last_duplicates,
        )
        language = language_of(context)
        return library_service_pb2.ListNearDuplicatesResponse(
            groups=[
                library_service_pb2.DuplicateGroup(photos=[photo_message(photo, language) for photo in group])
                for group in page.groups
            ],
            next_page_token=page.next_page_token,
        )

    def ExportEmbeddings(  # noqa: N802
        self, request: library_service_pb2.ExportEmbeddingsRequest, context: grpc.ServicerContext
    ) -> Iterator[library_service_pb2.ExportEmbeddingsResponse]:
        space_id, batches = self._parts.transfer.export(request.space_id)
        for batch in batches:
            vectors = np.ascontiguousarray(batch.vectors, dtype="<f4")
            yield library_service_pb2.ExportEmbeddingsResponse(
                space_id=space_id,
                embeddings=[
                    library_service_pb2.PhotoEmbedding(
                        photo_id=photo_id, embedding=vector.tobytes(), frame_time=milliseconds(frame_ms or None)
                    )
                    for photo_id, vector, frame_ms in zip(batch.photo_ids, vectors, batch.frames_ms, strict=True)
                ],
            )

    def ImportEmbeddings(  # noqa: N802
        self, request_iterator: Iterator[library_service_pb2.ImportEmbeddingsRequest], context: grpc.ServicerContext
    ) -> library_service_pb2.ImportEmbeddingsResponse:
        first = next(request_iterator, library_service_pb2.ImportEmbeddingsRequest())
        imported = self._parts.transfer.take_in(first.space_id, _import_batches(first, request_iterator))
        return library_service_pb2.ImportEmbeddingsResponse(stored=imported.stored, unknown=imported.unknown)


def _is_guest(context: grpc.ServicerContext) -> bool:
    """Tell whether the caller is confined to folders; jobs are about the library as a whole, and so are what they say."""
    return not Visibility.of(access_of(context)).is_everything


def _import_batches(
    first: library_service_pb2.ImportEmbeddingsRequest, rest: Iterator[library_service_pb2.ImportEmbeddingsRequest]
) -> Iterator[ImportBatch]:
    for request in chain((first,), rest):
        yield ImportBatch(
            [item.photo_id for item in request.embeddings],
            [item.embedding for item in request.embeddings],
            [item.frame_time.ToMilliseconds() for item in request.embeddings],
        )


def _space_message(state: SpaceState) -> library_service_pb2.SpaceStatus:
    return library_service_pb2.SpaceStatus(
        space_id=state.space.space_id,
        model=state.space.model,
        dimension=state.space.dimension,
        photos=state.space.photos,
        serving=state.space.serving,
        filling=state.filling,
        available=state.available,
    )


def _status_message(state: LibraryState, language: Language) -> library_service_pb2.GetStatusResponse:
    counts = state.counts
    return library_service_pb2.GetStatusResponse(
        photos=counts.photos + counts.unread_objects,
        photos_pending=counts.pending + counts.unread_objects,
        photos_ready=counts.ready,
        photos_unreadable=counts.unreadable,
        unreadable_reasons=[
            library_service_pb2.ReasonCount(reason=reason_value(reason), message=reason.text.to(language), photos=photos)
            for reason, photos in counts.unreadable_by_reason.items()
        ],
        photos_deleted=counts.deleted,
        objects=counts.objects,
        ignored=[
            library_service_pb2.IgnoredCount(extension=extension, objects=objects)
            for extension, objects in counts.ignored.items()
        ],
        size_bytes=counts.size_bytes,
        sources=[
            library_service_pb2.SourceStatus(
                source=source.name,
                bucket=source.bucket,
                read_only=source.read_only,
                objects=source.objects,
                synced_time=timestamp(source.synced_at),
                problem=source.problem.to(language),
                missing=source.missing,
                missing_examples=source.missing_examples,
            )
            for source in state.sources
        ],
        spaces=[_space_message(space) for space in state.spaces],
        index=library_service_pb2.IndexStatus(kind=state.index_kind, vectors=state.index_vectors),
        embedder=embedder_message(state.embedder, language),
        text_embedder=embedder_message(state.text_embedder, language) if state.text_embedder else None,
        pending_time_left=duration(state.pending_seconds_left),
        jobs=[job_message(job, language) for job in state.jobs],
        pending_since=timestamp(counts.pending_since),
        version=state.version,
    )


def served_library(parts: LibraryParts) -> ServedService:
    """Make the library service to be served."""
    servicer = _LibraryServicer(parts)
    name = library_service_pb2.DESCRIPTOR.services_by_name["LibraryService"].full_name
    return ServedService(
        name, lambda server: library_service_pb2_grpc.add_LibraryServiceServicer_to_server(servicer, server), _SCOPES
    )
