"""Jobs, status, near-duplicates and embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soutu.search.v1 import library_service_pb2, photo_pb2, photo_service_pb2

from soutu_client._convert.photos import filter_message, photo
from soutu_client._convert.values import duration, member, when
from soutu_client.library_models import (
    CameraCount,
    CheckFinding,
    DuplicateGroup,
    DuplicatePage,
    EmbedderStatus,
    EmbeddingBatch,
    FolderCount,
    FormatCount,
    ImportResult,
    IndexStatus,
    Job,
    JobKind,
    JobPage,
    JobState,
    LabelCount,
    LibraryStatus,
    LibrarySummary,
    MonthCount,
    PhotoEmbedding,
    ReasonCount,
    SourceStatus,
    SpaceStatus,
)
from soutu_client.models import Filter, UnreadableReason

__all__ = [
    "BackupPart",
    "RestoreMessage",
    "backup_part",
    "cancel_request",
    "check_request",
    "create_backup_request",
    "delete_space_request",
    "deleted_space",
    "duplicate_page",
    "duplicates_request",
    "embedding_batch",
    "export_request",
    "import_request",
    "import_result",
    "job_of",
    "job_page",
    "job_request",
    "jobs_request",
    "pause_request",
    "reindex_request",
    "restore_backup_request",
    "resume_request",
    "run_id",
    "status",
    "status_request",
    "summary",
    "summary_request",
    "switch_request",
    "switched_space",
    "sync_request",
    "watch_request",
]

_JobAnswer = (
    library_service_pb2.StartSyncResponse
    | library_service_pb2.StartReindexResponse
    | library_service_pb2.StartCheckResponse
    | library_service_pb2.GetJobResponse
    | library_service_pb2.WatchJobResponse
    | library_service_pb2.PauseJobResponse
    | library_service_pb2.ResumeJobResponse
    | library_service_pb2.CancelJobResponse
)


def sync_request(sources: Sequence[str], *, confirm_gone: bool = False) -> library_service_pb2.StartSyncRequest:
    """Return a request to sync; no source named: all."""
    return library_service_pb2.StartSyncRequest(sources=sources, confirm_gone=confirm_gone)


def reindex_request(space_id: str) -> library_service_pb2.StartReindexRequest:
    """Return a request to fill another space; empty: a new one."""
    return library_service_pb2.StartReindexRequest(space_id=space_id)


def switch_request(space_id: str) -> library_service_pb2.SwitchSpaceRequest:
    """Return a request to serve from another space; empty: the one before."""
    return library_service_pb2.SwitchSpaceRequest(space_id=space_id)


def switched_space(message: library_service_pb2.SwitchSpaceResponse) -> SpaceStatus:
    """Return the space that serves now."""
    return _space(message.space)


def delete_space_request(space_id: str) -> library_service_pb2.DeleteSpaceRequest:
    """Return a request to remove a space's embeddings."""
    return library_service_pb2.DeleteSpaceRequest(space_id=space_id)


def deleted_space(message: library_service_pb2.DeleteSpaceResponse) -> int:
    """Return how many photos had an embedding."""
    return message.photos


def _space(message: library_service_pb2.SpaceStatus) -> SpaceStatus:
    return SpaceStatus(
        space_id=message.space_id,
        model=message.model,
        dimension=message.dimension,
        photos=message.photos,
        serving=message.serving,
        filling=message.filling,
        available=message.available,
    )


def check_request(*, repair: bool, read_contents: bool) -> library_service_pb2.StartCheckRequest:
    """Return a request to check the library."""
    return library_service_pb2.StartCheckRequest(repair=repair, read_contents=read_contents)


def job_request(job_id: str) -> library_service_pb2.GetJobRequest:
    """Return a request for a job."""
    return library_service_pb2.GetJobRequest(job_id=job_id)


def watch_request(job_id: str) -> library_service_pb2.WatchJobRequest:
    """Return a request for a job's progress."""
    return library_service_pb2.WatchJobRequest(job_id=job_id)


def pause_request(job_id: str) -> library_service_pb2.PauseJobRequest:
    """Return a request to pause a job."""
    return library_service_pb2.PauseJobRequest(job_id=job_id)


def resume_request(job_id: str) -> library_service_pb2.ResumeJobRequest:
    """Return a request to go on with a job."""
    return library_service_pb2.ResumeJobRequest(job_id=job_id)


def cancel_request(job_id: str) -> library_service_pb2.CancelJobRequest:
    """Return a request to end a job early."""
    return library_service_pb2.CancelJobRequest(job_id=job_id)


def job_of(answer: _JobAnswer) -> Job:
    """Return the job of an answer."""
    return _job(answer.job)


def jobs_request(*, page_size: int, page_token: str) -> library_service_pb2.ListJobsRequest:
    """Return a request for a page of jobs."""
    return library_service_pb2.ListJobsRequest(page_size=page_size, page_token=page_token)


def job_page(message: library_service_pb2.ListJobsResponse) -> JobPage:
    """Return a page of jobs."""
    return JobPage(jobs=tuple(_job(job) for job in message.jobs), next_page_token=message.next_page_token)


def _job(message: library_service_pb2.Job) -> Job:
    return Job(
        job_id=message.job_id,
        kind=member(JobKind, library_service_pb2.JobKind.DESCRIPTOR, message.kind, "JOB_KIND_") or JobKind.UNKNOWN,
        state=member(JobState, library_service_pb2.JobState.DESCRIPTOR, message.state, "JOB_STATE_") or JobState.UNKNOWN,
        message=message.message,
        objects_seen=message.objects_seen,
        photos_total=message.photos_total,
        photos_done=message.photos_done,
        photos_unreadable=message.photos_unreadable,
        started_at=when(message, "start_time"),
        ended_at=when(message, "end_time"),
        space_id=message.space_id,
        findings=tuple(
            CheckFinding(
                kind=found.kind,
                message=found.message,
                count=found.count,
                repaired=found.repaired,
                examples=tuple(found.examples),
            )
            for found in message.findings
        ),
    )


def status_request(*, ask_stores: bool = False) -> library_service_pb2.GetStatusRequest:
    """Return a request for the status."""
    return library_service_pb2.GetStatusRequest(ask_stores=ask_stores)


def status(message: library_service_pb2.GetStatusResponse) -> LibraryStatus:
    """Return how the library is."""
    return LibraryStatus(
        photos=message.photos,
        photos_pending=message.photos_pending,
        photos_ready=message.photos_ready,
        photos_unreadable=message.photos_unreadable,
        unreadable_reasons=tuple(_reason_count(count) for count in message.unreadable_reasons),
        photos_deleted=message.photos_deleted,
        objects=message.objects,
        ignored={count.extension: count.objects for count in message.ignored},
        size_bytes=message.size_bytes,
        sources=tuple(_source(source) for source in message.sources),
        spaces=tuple(_space(space) for space in message.spaces),
        index=IndexStatus(kind=message.index.kind, vectors=message.index.vectors),
        embedder=_embedder(message.embedder),
        text_embedder=_embedder(message.text_embedder) if message.HasField("text_embedder") else None,
        pending_seconds_left=(
            message.pending_time_left.ToTimedelta().total_seconds() if message.HasField("pending_time_left") else None
        ),
        jobs=tuple(_job(job) for job in message.jobs),
        pending_since=when(message, "pending_since"),
        version=message.version,
        run_id=message.run_id,
    )


def _embedder(message: library_service_pb2.EmbedderStatus) -> EmbedderStatus:
    return EmbedderStatus(
        available=message.available,
        address=message.address,
        model=message.model,
        variant=message.variant,
        problem=message.problem,
        embeds_texts=message.embeds_texts,
        embeds_images=message.embeds_images,
        unavailable_since=when(message, "unavailable_since"),
        woken_at=when(message, "wake_time"),
    )


def _reason_count(message: library_service_pb2.ReasonCount) -> ReasonCount:
    reason = member(UnreadableReason, photo_pb2.UnreadableReason.DESCRIPTOR, message.reason, "UNREADABLE_REASON_")
    return ReasonCount(reason=reason or UnreadableReason.UNKNOWN, message=message.message, photos=message.photos)


def _source(message: library_service_pb2.SourceStatus) -> SourceStatus:
    return SourceStatus(
        source=message.source,
        bucket=message.bucket,
        read_only=message.read_only,
        objects=message.objects,
        synced_at=when(message, "synced_time"),
        problem=message.problem,
        missing=message.missing,
        missing_examples=tuple(message.missing_examples),
    )


def duplicates_request(
    *, max_distance: int | None, min_cosine: float | None, page_size: int, page_token: str
) -> library_service_pb2.ListNearDuplicatesRequest:
    """Return a request for a page of groups."""
    return library_service_pb2.ListNearDuplicatesRequest(
        max_distance=max_distance, min_cosine=min_cosine, page_size=page_size, page_token=page_token
    )


def duplicate_page(message: library_service_pb2.ListNearDuplicatesResponse) -> DuplicatePage:
    """Return a page of groups."""
    groups = tuple(DuplicateGroup(photos=tuple(photo(each) for each in group.photos)) for group in message.groups)
    return DuplicatePage(groups=groups, next_page_token=message.next_page_token)


def export_request(space_id: str) -> library_service_pb2.ExportEmbeddingsRequest:
    """Return a request for embeddings; no space named: the one that serves."""
    return library_service_pb2.ExportEmbeddingsRequest(space_id=space_id)


def embedding_batch(message: library_service_pb2.ExportEmbeddingsResponse) -> EmbeddingBatch:
    """Return some of the embeddings."""
    embeddings = tuple(
        PhotoEmbedding(photo_id=each.photo_id, vector=each.embedding, frame_ms=each.frame_time.ToMilliseconds())
        for each in message.embeddings
    )
    return EmbeddingBatch(space_id=message.space_id, embeddings=embeddings)


def import_request(*, space_id: str, embeddings: Sequence[PhotoEmbedding]) -> library_service_pb2.ImportEmbeddingsRequest:
    """Return a message of embeddings to take in; the space is empty after the first."""
    kind = library_service_pb2.PhotoEmbedding
    return library_service_pb2.ImportEmbeddingsRequest(
        space_id=space_id,
        embeddings=[
            kind(photo_id=each.photo_id, embedding=each.vector, frame_time=duration(each.frame_ms or None)) for each in embeddings
        ],
    )


def import_result(message: library_service_pb2.ImportEmbeddingsResponse) -> ImportResult:
    """Return what was taken in."""
    return ImportResult(stored=message.stored, unknown=message.unknown)


RestoreMessage = library_service_pb2.RestoreBackupRequest
"""A message of a restore."""


@dataclass(frozen=True)
class BackupPart:
    """Bytes of a backup's file; the first part says how many all are."""

    data: bytes
    total_bytes: int


def create_backup_request() -> library_service_pb2.CreateBackupRequest:
    """Return a request for a backup."""
    return library_service_pb2.CreateBackupRequest()


def backup_part(message: library_service_pb2.CreateBackupResponse) -> BackupPart:
    """Return a part of a backup."""
    return BackupPart(data=message.data, total_bytes=message.total_bytes)


def restore_backup_request(data: bytes) -> RestoreMessage:
    """Return a message with the next bytes of a backup."""
    return RestoreMessage(data=data)


def run_id(message: library_service_pb2.GetStatusResponse) -> str:
    """Return what changes with every start of the service."""
    return message.run_id


def summary_request(chosen: Filter | None) -> photo_service_pb2.SummarizePhotosRequest:
    """Return a request for what there is to choose from."""
    return photo_service_pb2.SummarizePhotosRequest(filter=filter_message(chosen))


def summary(message: photo_service_pb2.SummarizePhotosResponse) -> LibrarySummary:
    """Return what there is to choose from."""
    return LibrarySummary(
        total=message.total,
        favourites=message.favourites,
        months=tuple(MonthCount(month=each.month, photos=each.photos) for each in message.months),
        undated=message.undated,
        folders=tuple(FolderCount(source=each.source, folder=each.folder, photos=each.photos) for each in message.folders),
        folders_left_out=message.folders_left_out,
        cameras=tuple(CameraCount(camera=each.camera, photos=each.photos) for each in message.cameras),
        formats=tuple(FormatCount(media_type=each.media_type, photos=each.photos) for each in message.formats),
        tags=tuple(LabelCount(name=each.name, photos=each.photos) for each in message.tags),
        albums=tuple(LabelCount(name=each.name, photos=each.photos) for each in message.albums),
    )
