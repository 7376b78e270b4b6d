"""The search service's words as protobuf messages, in the language of the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from soutu.search.v1 import library_service_pb2, photo_pb2, photo_service_pb2

from soutu_services.runtime.language import Language
from soutu_services.search.catalog import PhotoSummary
from soutu_services.search.model import Job, JobKind, JobState, Photo, PhotoKind, PhotoState, TakenOrigin, UnreadableReason
from soutu_services.search.status import EmbedderState

__all__ = [
    "PHOTO_STATES",
    "duration",
    "embedder_message",
    "job_message",
    "milliseconds",
    "photo_message",
    "reason_value",
    "summary_message",
    "timestamp",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PHOTO_STATES = {
    PhotoState.PENDING: photo_pb2.PHOTO_STATE_PENDING,
    PhotoState.READY: photo_pb2.PHOTO_STATE_READY,
    PhotoState.UNREADABLE: photo_pb2.PHOTO_STATE_UNREADABLE,
}
"""Photo states as the protocol writes them."""

_REASONS = {
    UnreadableReason.EMPTY: photo_pb2.UNREADABLE_REASON_EMPTY,
    UnreadableReason.NOT_AN_IMAGE: photo_pb2.UNREADABLE_REASON_NOT_AN_IMAGE,
    UnreadableReason.BROKEN: photo_pb2.UNREADABLE_REASON_BROKEN,
    UnreadableReason.TOO_MANY_PIXELS: photo_pb2.UNREADABLE_REASON_TOO_MANY_PIXELS,
    UnreadableReason.TOO_LARGE: photo_pb2.UNREADABLE_REASON_TOO_LARGE,
    UnreadableReason.UNSUPPORTED: photo_pb2.UNREADABLE_REASON_UNSUPPORTED,
    UnreadableReason.MODEL_FAILED: photo_pb2.UNREADABLE_REASON_MODEL_FAILED,
    UnreadableReason.NAME_REFUSED: photo_pb2.UNREADABLE_REASON_NAME_REFUSED,
    UnreadableReason.DECODER_FAILED: photo_pb2.UNREADABLE_REASON_DECODER_FAILED,
    UnreadableReason.NO_VIDEO: photo_pb2.UNREADABLE_REASON_NO_VIDEO,
    UnreadableReason.TOO_LONG: photo_pb2.UNREADABLE_REASON_TOO_LONG,
}
_KINDS = {
    PhotoKind.STILL: photo_pb2.PHOTO_KIND_STILL,
    PhotoKind.ANIMATION: photo_pb2.PHOTO_KIND_ANIMATION,
    PhotoKind.VIDEO: photo_pb2.PHOTO_KIND_VIDEO,
}
_ORIGINS = {
    TakenOrigin.EXIF: photo_pb2.TAKEN_ORIGIN_EXIF,
    TakenOrigin.NAME: photo_pb2.TAKEN_ORIGIN_NAME,
    TakenOrigin.MODIFIED: photo_pb2.TAKEN_ORIGIN_MODIFIED,
    TakenOrigin.PERSON: photo_pb2.TAKEN_ORIGIN_PERSON,
    TakenOrigin.TOLD: photo_pb2.TAKEN_ORIGIN_TOLD,
}
_JOB_KINDS = {
    JobKind.SYNC: library_service_pb2.JOB_KIND_SYNC,
    JobKind.REINDEX: library_service_pb2.JOB_KIND_REINDEX,
    JobKind.CHECK: library_service_pb2.JOB_KIND_CHECK,
}
_JOB_STATES = {
    JobState.RUNNING: library_service_pb2.JOB_STATE_RUNNING,
    JobState.PAUSED: library_service_pb2.JOB_STATE_PAUSED,
    JobState.SUCCEEDED: library_service_pb2.JOB_STATE_SUCCEEDED,
    JobState.FAILED: library_service_pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: library_service_pb2.JOB_STATE_CANCELLED,
}


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Write an aware moment; None stays unset."""
    if moment is None:
        return None
    since = moment - _EPOCH  # exact; as ``Timestamp.FromDatetime``, in half the time
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def reason_value(reason: UnreadableReason) -> photo_pb2.UnreadableReason.ValueType:
    """Write why a photo cannot be read."""
    return _REASONS[reason]


def photo_message(photo: Photo, language: Language) -> photo_pb2.Photo:
    """Write a photo."""
    message = photo_pb2.Photo(
        photo_id=photo.photo_id,
        state=PHOTO_STATES[photo.state],
        names=[photo_pb2.PhotoName(source=name.source, name=name.name, present=name.present) for name in photo.names],
        width=photo.width,
        height=photo.height,
        size_bytes=photo.size_bytes,
        media_type=photo.media_type,
        kind=_KINDS[photo.kind] if photo.kind else photo_pb2.PHOTO_KIND_UNSPECIFIED,
        camera=photo.camera,
        annotations=photo_pb2.Annotations(
            favourite=photo.annotations.favourite,
            tags=photo.annotations.tags,
            caption=photo.annotations.caption,
            albums=photo.annotations.albums,
        ),
        added_time=timestamp(photo.added_at),
        deleted_time=timestamp(photo.deleted_at),
        duration=milliseconds(photo.duration_ms),
        codec=photo.codec,
        parts=[
            photo_pb2.PhotoPart(part_id=part.part_id, media_type=part.media_type, size_bytes=part.size_bytes, name=part.name)
            for part in photo.parts
        ],
    )
    if photo.unreadable:
        message.unreadable.reason = _REASONS[photo.unreadable]
        message.unreadable.message = photo.unreadable.text.to(language)
    if photo.taken:
        message.taken.local_time = photo.taken.local_time.isoformat(timespec="seconds")
        message.taken.origin = _ORIGINS[photo.taken.origin]
        if photo.taken.utc_offset_minutes is not None:
            message.taken.utc_offset_minutes = photo.taken.utc_offset_minutes
    if photo.location:
        message.location.latitude = photo.location.latitude
        message.location.longitude = photo.location.longitude
    return message


def summary_message(summary: PhotoSummary) -> photo_service_pb2.SummarizePhotosResponse:
    """Write what there is to choose from among photos."""
    label = photo_service_pb2.LabelCount
    return photo_service_pb2.SummarizePhotosResponse(
        total=summary.total,
        favourites=summary.favourites,
        months=[photo_service_pb2.MonthCount(month=each.value, photos=each.photos) for each in summary.months],
        undated=summary.undated,
        folders=[
            photo_service_pb2.FolderCount(source=each.source, folder=each.folder, photos=each.photos) for each in summary.folders
        ],
        folders_left_out=summary.folders_left_out,
        cameras=[photo_service_pb2.CameraCount(camera=each.value, photos=each.photos) for each in summary.cameras],
        formats=[photo_service_pb2.FormatCount(media_type=each.value, photos=each.photos) for each in summary.formats],
        tags=[label(name=each.value, photos=each.photos) for each in summary.tags],
        albums=[label(name=each.value, photos=each.photos) for each in summary.albums],
    )


def job_message(job: Job, language: Language) -> library_service_pb2.Job:
    """Write a job."""
    return library_service_pb2.Job(
        job_id=job.job_id,
        kind=_JOB_KINDS[job.kind],
        state=_JOB_STATES[job.state],
        message=job.message.to(language),
        objects_seen=job.objects_seen,
        photos_total=job.photos_total,
        photos_done=job.photos_done,
        photos_unreadable=job.photos_unreadable,
        start_time=timestamp(job.started_at),
        end_time=timestamp(job.ended_at),
        space_id=job.space_id,
        findings=[
            library_service_pb2.CheckFinding(
                kind=found.kind,
                message=found.text.to(language),
                count=found.count,
                repaired=found.repaired,
                examples=found.examples,
            )
            for found in job.findings
        ],
    )


def duration(seconds: float | None) -> Duration | None:
    """Write a length of time; None stays unset."""
    if seconds is None:
        return None
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message


def milliseconds(number: int | None) -> Duration | None:
    """Write a length of time, or a place in a video; None stays unset."""
    if number is None:
        return None
    message = Duration()
    message.FromMilliseconds(number)
    return message


def embedder_message(embedder: EmbedderState, language: Language) -> library_service_pb2.EmbedderStatus:
    """Write how an embedding service is."""
    return library_service_pb2.EmbedderStatus(
        available=embedder.available,
        address=embedder.address,
        model=embedder.model,
        variant=embedder.variant,
        problem=embedder.problem.to(language),
        embeds_texts=embedder.embeds_texts,
        embeds_images=embedder.embeds_images,
        unavailable_since=timestamp(embedder.away_since),
        wake_time=timestamp(embedder.woken_at),
    )
