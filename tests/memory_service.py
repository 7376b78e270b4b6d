"""A search service over real gRPC that keeps its library in memory, so that tests can stop it, restart it and make it fail."""

# ruff: noqa: N802 - methods are named as in the protos

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from PIL import Image
from soutu.search.v1 import (
    access_service_pb2 as access,
)
from soutu.search.v1 import (
    access_service_pb2_grpc,
    library_service_pb2_grpc,
    photo_pb2,
    photo_service_pb2_grpc,
    search_service_pb2_grpc,
)
from soutu.search.v1 import (
    library_service_pb2 as library,
)
from soutu.search.v1 import (
    photo_service_pb2 as photos,
)
from soutu.search.v1 import (
    search_service_pb2 as search,
)

from loopback_ports import free_address
from patience import PATIENCE
from soutu_services.runtime.errors import InvalidInput, NotFound, Unavailable
from soutu_services.runtime.server import RunningServer, ServedService, ServerSettings, start_server

Context = grpc.ServicerContext


@dataclass
class Library:
    """What the service keeps. It outlives a restart, as the real one's catalog does.

    ``may_answer`` holds every call while it is clear; jobs that are started while it ``is_endless`` are never over.
    """

    photos: dict[str, photo_pb2.Photo] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    embeddings: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, list[library.Job]] = field(default_factory=dict)
    delay_seconds: float = 0.0
    may_answer: threading.Event = field(default_factory=threading.Event)
    refused_name: str = ""
    refused_tellings: list[Exception] = field(default_factory=list)
    is_pending: bool = False
    status: library.GetStatusResponse = field(default_factory=library.GetStatusResponse)
    is_for_a_guest: bool = False
    is_endless: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def enter(self, request: object) -> None:
        """Note a call; fail it if a failure waits."""
        with self.lock:
            self.requests.append(request)
            failure = self.failures.pop(0) if self.failures else None
        time.sleep(self.delay_seconds)
        self.may_answer.wait(PATIENCE)
        if failure is not None:
            raise failure

    def asked(self, kind: type) -> list[Any]:
        return [request for request in self.requests if isinstance(request, kind)]

    def settle(self, photo: photo_pb2.Photo) -> photo_pb2.Photo:
        """Ingest a photo: decode it for real."""
        if photo.state == photo_pb2.PHOTO_STATE_PENDING and not self.is_pending:
            try:
                with Image.open(io.BytesIO(self.contents[photo.photo_id])) as image:
                    photo.width, photo.height = image.size
                photo.state = photo_pb2.PHOTO_STATE_READY
            except OSError:
                photo.state = photo_pb2.PHOTO_STATE_UNREADABLE
                photo.unreadable.reason = photo_pb2.UNREADABLE_REASON_NOT_AN_IMAGE
                photo.unreadable.message = "the content is not a picture"
        return photo

    def find(self, photo_id: str) -> photo_pb2.Photo:
        found = [photo for key, photo in self.photos.items() if key.startswith(photo_id)]
        if len(found) != 1:
            raise NotFound("PHOTO_NOT_FOUND", zh="没有这张照片", en="there is no such photo")
        return found[0]

    def living(self) -> list[photo_pb2.Photo]:
        return [photo for photo in self.photos.values() if not photo.HasField("deleted_time")]


class PhotoServicer(photo_service_pb2_grpc.PhotoServiceServicer):
    def __init__(self, kept: Library) -> None:
        self.kept = kept

    def FindContents(self, request: photos.FindContentsRequest, context: Context) -> photos.FindContentsResponse:
        self.kept.enter(request)
        response = photos.FindContentsResponse()
        for content in request.contents:
            if self.kept.refused_name and self.kept.refused_name in content.name:
                raise InvalidInput("BAD_NAME", zh="名称不对", en="bad name")
            answer = response.contents.add()
            photo = self.kept.photos.get(self.kept.digests.get(content.sha256, ""))
            if photo is not None:
                answer.photo_id, answer.state = photo.photo_id, photo.state
                answer.deleted = photo.HasField("deleted_time")
                if not answer.deleted and content.name and content.name not in [name.name for name in photo.names]:
                    photo.names.add(source="photos", name=content.name)
        return response

    def UploadPhoto(self, request_iterator: Iterator[photos.UploadPhotoRequest], context: Context) -> photos.UploadPhotoResponse:
        header = next(request_iterator).header
        self.kept.enter(header)
        if header.name.endswith(".what"):
            raise InvalidInput("NOT_A_PHOTO", zh="不是照片", en="not a photo")
        chunks = [message.chunk for message in request_iterator]
        content = b"".join(chunks)
        if any(len(chunk) > 1 << 20 for chunk in chunks) or len(content) != header.size_bytes:
            raise InvalidInput("SIZE_DIFFERS", zh="大小不符", en="the size differs")
        if hashlib.sha256(content).hexdigest() != header.sha256:
            raise InvalidInput("DIGEST_DIFFERS", zh="内容不符", en="the digest differs")
        with self.kept.lock:
            photo_id = header.sha256[:32]
            is_new = photo_id not in self.kept.photos
            photo = self.kept.photos.setdefault(
                photo_id, photo_pb2.Photo(photo_id=photo_id, state=photo_pb2.PHOTO_STATE_PENDING, size_bytes=len(content))
            )
            photo.names.add(source="photos", name=header.name, present=True)
            photo.media_type = "image/jpeg"
            photo.taken.local_time = "2019-05-01T12:30:00"
            photo.added_time.GetCurrentTime()
            self.kept.contents[photo_id] = content
            self.kept.digests[header.sha256] = photo_id
        return photos.UploadPhotoResponse(photo_id=photo_id, created=is_new, name=header.name)

    def GetPhoto(self, request: photos.GetPhotoRequest, context: Context) -> photos.GetPhotoResponse:
        self.kept.enter(request)
        return photos.GetPhotoResponse(photo=self.kept.settle(self.kept.find(request.photo_id)))

    def BatchGetPhotos(self, request: photos.BatchGetPhotosRequest, context: Context) -> photos.BatchGetPhotosResponse:
        self.kept.enter(request)
        found = [self.kept.photos[photo_id] for photo_id in request.photo_ids if photo_id in self.kept.photos]
        return photos.BatchGetPhotosResponse(photos=[self.kept.settle(photo) for photo in found])

    def ListPhotos(self, request: photos.ListPhotosRequest, context: Context) -> photos.ListPhotosResponse:
        self.kept.enter(request)
        found = [p for p in self.kept.photos.values() if p.HasField("deleted_time") == request.deleted]
        found = [p for p in found if not request.states or p.state in request.states]
        begin = int(request.page_token or 0)
        end = begin + (request.page_size or 100)
        token = str(end) if end < len(found) else ""
        return photos.ListPhotosResponse(photos=found[begin:end], next_page_token=token, total=len(found))

    def AnnotatePhotos(self, request: photos.AnnotatePhotosRequest, context: Context) -> photos.AnnotatePhotosResponse:
        self.kept.enter(request)
        changed = [self.kept.find(photo_id) for photo_id in request.photo_ids]
        for photo in changed:
            if request.HasField("favourite"):
                photo.annotations.favourite = request.favourite
            if request.HasField("caption"):
                photo.annotations.caption = request.caption
            kept = [tag for tag in photo.annotations.tags if tag not in request.remove_tags]
            photo.annotations.tags[:] = dict.fromkeys([*kept, *request.add_tags])
        return photos.AnnotatePhotosResponse(photos=changed)

    def TellPhotos(self, request: photos.TellPhotosRequest, context: Context) -> photos.TellPhotosResponse:
        self.kept.enter(request)
        if self.kept.refused_tellings:
            raise self.kept.refused_tellings.pop(0)
        for told in request.told:
            annotations = self.kept.find(told.photo_id).annotations
            annotations.albums[:] = dict.fromkeys([*annotations.albums, *told.albums])
        return photos.TellPhotosResponse(photo_ids=[told.photo_id for told in request.told])

    def DeletePhotos(self, request: photos.DeletePhotosRequest, context: Context) -> photos.DeletePhotosResponse:
        self.kept.enter(request)
        for photo_id in request.photo_ids:
            self.kept.find(photo_id).deleted_time.GetCurrentTime()
        return photos.DeletePhotosResponse(photo_ids=request.photo_ids)

    def UndeletePhotos(self, request: photos.UndeletePhotosRequest, context: Context) -> photos.UndeletePhotosResponse:
        self.kept.enter(request)
        for photo_id in request.photo_ids:
            self.kept.find(photo_id).ClearField("deleted_time")
        return photos.UndeletePhotosResponse(photo_ids=request.photo_ids)

    def PurgePhotos(self, request: photos.PurgePhotosRequest, context: Context) -> photos.PurgePhotosResponse:
        self.kept.enter(request)
        gone = [key for key, p in self.kept.photos.items() if p.HasField("deleted_time")]
        gone = [key for key in gone if not request.photo_ids or key in request.photo_ids]
        for key in gone:
            del self.kept.photos[key]
        return photos.PurgePhotosResponse(purged=len(gone))

    def ReadOriginal(self, request: photos.ReadOriginalRequest, context: Context) -> Iterator[photos.ReadOriginalResponse]:
        self.kept.enter(request)
        photo = self.kept.find(request.photo_id)
        content = self.kept.contents[photo.photo_id]
        name = photo.names[0].name
        part = content[request.offset :][: request.length or None]
        yield photos.ReadOriginalResponse(media_type=photo.media_type, size_bytes=len(content), file_name=name, chunk=part[:500])
        for begin in range(500, len(part), 500):
            yield photos.ReadOriginalResponse(chunk=part[begin : begin + 500])

    def GetThumbnail(self, request: photos.GetThumbnailRequest, context: Context) -> photos.GetThumbnailResponse:
        self.kept.enter(request)
        return photos.GetThumbnailResponse(image=self.kept.contents[request.photo_id], media_type="image/jpeg")


class SearchServicer(search_service_pb2_grpc.SearchServiceServicer):
    """Finds photos whose names hold the text, then all others; the embedding service is away for the text "离线"."""

    def __init__(self, kept: Library) -> None:
        self.kept = kept

    def SearchPhotos(self, request: search.SearchPhotosRequest, context: Context) -> search.SearchPhotosResponse:
        self.kept.enter(request)
        text = "".join(term.text for term in request.terms if term.weight >= 0)
        found = [photo for photo in self.kept.living() if "空" not in text]
        found.sort(key=lambda photo: (text not in photo.names[0].name, photo.names[0].name))
        begin = int(request.page_token or 0)
        end = begin + (request.page_size or 50)
        response = search.SearchPhotosResponse(next_page_token=str(end) if end < len(found) else "")
        for rank, photo in enumerate(found[begin:end], begin + 1):
            hit = response.hits.add(photo=photo, score=1 / (60 + rank), cosine=1 - rank / 100)
            if text and text in photo.names[0].name:
                hit.matches.add(field=search.MATCH_FIELD_NAME, text=photo.names[0].name)
        if text == "离线":
            response.notices.add(reason=search.NOTICE_REASON_EMBEDDING_UNAVAILABLE, message="only words were searched")
        return response


class LibraryServicer(library_service_pb2_grpc.LibraryServiceServicer):
    def __init__(self, kept: Library) -> None:
        self.kept = kept

    def GetStatus(self, request: library.GetStatusRequest, context: Context) -> library.GetStatusResponse:
        self.kept.enter(request)
        living = self.kept.living()
        pending = sum(photo.state == photo_pb2.PHOTO_STATE_PENDING for photo in living)
        response = library.GetStatusResponse(
            photos=len(living),
            photos_pending=pending,
            photos_ready=sum(photo.state == photo_pb2.PHOTO_STATE_READY for photo in living),
            photos_deleted=len(self.kept.photos) - len(living),
            ignored=[library.IgnoredCount(extension=".json", objects=2)],
            sources=[library.SourceStatus(source="photos", bucket="soutu-photos", objects=len(living))],
            index=library.IndexStatus(kind="flat", vectors=len(living)),
            embedder=library.EmbedderStatus(
                available=not self.kept.is_pending, address="127.0.0.1:8402", model="lite", problem=""
            ),
            version="9.9.9",
        )
        response.MergeFrom(self.kept.status)
        if self.kept.is_for_a_guest:
            for hidden in ("sources", "index", "embedder"):
                response.ClearField(hidden)
            response.embedder.available = not self.kept.is_pending
        return response

    def StartSync(self, request: library.StartSyncRequest, context: Context) -> library.StartSyncResponse:
        self.kept.enter(request)
        running, done = library.JOB_STATE_RUNNING, library.JOB_STATE_SUCCEEDED
        jobs = [
            library.Job(
                job_id="job-1", kind=library.JOB_KIND_SYNC, state=state, photos_total=4, photos_done=number, objects_seen=9
            )
            for state, number in ((running, 0), (running, 2), (done, 4))
        ]
        self.kept.jobs["job-1"] = jobs[:1] if self.kept.is_endless else jobs
        return library.StartSyncResponse(job=jobs[0])

    def WatchJob(self, request: library.WatchJobRequest, context: Context) -> Iterator[library.WatchJobResponse]:
        self.kept.enter(request)
        for job in self.kept.jobs[request.job_id]:
            yield library.WatchJobResponse(job=job)

    def ListJobs(self, request: library.ListJobsRequest, context: Context) -> library.ListJobsResponse:
        self.kept.enter(request)
        return library.ListJobsResponse(jobs=[jobs[0] for jobs in self.kept.jobs.values()])

    def PauseJob(self, request: library.PauseJobRequest, context: Context) -> library.PauseJobResponse:
        self.kept.enter(request)
        return library.PauseJobResponse(
            job=library.Job(job_id=request.job_id, kind=library.JOB_KIND_SYNC, state=library.JOB_STATE_PAUSED)
        )

    def ListNearDuplicates(
        self, request: library.ListNearDuplicatesRequest, context: Context
    ) -> library.ListNearDuplicatesResponse:
        self.kept.enter(request)
        return library.ListNearDuplicatesResponse(groups=[library.DuplicateGroup(photos=self.kept.living())])

    def ExportEmbeddings(
        self, request: library.ExportEmbeddingsRequest, context: Context
    ) -> Iterator[library.ExportEmbeddingsResponse]:
        self.kept.enter(request)
        for photo_id, vector in sorted(self.kept.embeddings.items()):
            embedding = library.PhotoEmbedding(photo_id=photo_id, embedding=vector)
            yield library.ExportEmbeddingsResponse(space_id="space", embeddings=[embedding])

    def ImportEmbeddings(
        self, request_iterator: Iterator[library.ImportEmbeddingsRequest], context: Context
    ) -> library.ImportEmbeddingsResponse:
        messages = list(request_iterator)
        self.kept.requests += messages
        self.kept.embeddings |= {e.photo_id: e.embedding for message in messages for e in message.embeddings}
        return library.ImportEmbeddingsResponse(stored=len(self.kept.embeddings))


class AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    def __init__(self, kept: Library) -> None:
        self.kept = kept

    def GetAccess(self, request: access.GetAccessRequest, context: Context) -> access.GetAccessResponse:
        self.kept.enter(request)
        return access.GetAccessResponse(scope=access.SCOPE_READ if self.kept.is_for_a_guest else access.SCOPE_ADMIN)


class MemoryService:
    """The service: ``library`` is what it keeps, ``stop`` and ``start`` restart it on the same port."""

    def __init__(self) -> None:
        self.library = Library()
        self.server: RunningServer | None = None
        self.address = free_address()
        self.start()

    def start(self) -> None:
        services = [
            ServedService("soutu.search.v1.PhotoService", self._adder(photo_service_pb2_grpc, "Photo", PhotoServicer)),
            ServedService("soutu.search.v1.SearchService", self._adder(search_service_pb2_grpc, "Search", SearchServicer)),
            ServedService("soutu.search.v1.LibraryService", self._adder(library_service_pb2_grpc, "Library", LibraryServicer)),
            ServedService("soutu.search.v1.AccessService", self._adder(access_service_pb2_grpc, "Access", AccessServicer)),
        ]
        self.server = start_server(services, ServerSettings(listen=self.address, metrics_listen=""), package="soutu.search.v1")

    def _adder(self, module: Any, name: str, servicer: Callable[[Library], Any]) -> Callable[[grpc.Server], None]:
        return lambda server: getattr(module, f"add_{name}ServiceServicer_to_server")(servicer(self.library), server)

    def stop(self) -> None:
        if self.server is not None:
            self.library.may_answer.set()
            self.server.stop(0)
            self.server = None

    def fail(self, times: int) -> None:
        """Answer the next calls with UNAVAILABLE."""
        self.library.failures += [Unavailable("STORE_AWAY", zh="存储不可用", en="the store is away") for _ in range(times)]
