"""The servicers that requests are fuzzed with, over small libraries in temporary folders and buckets in memory."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image
from soutu.embedding.v1 import embedding_pb2 as embedding_pb
from soutu.search.v1 import access_service_pb2 as access_pb
from soutu.search.v1 import library_service_pb2 as library_pb
from soutu.search.v1 import photo_service_pb2 as photo_pb
from soutu.search.v1 import search_service_pb2 as search_pb

from colour_encoder import ColourEncoder
from fuzz.memory_store import MemoryStore
from soutu_services.embedding.batcher import BatchSettings
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.limits import RequestLimits
from soutu_services.embedding.service import EmbeddingService
from soutu_services.embedding.servicer import EmbeddingServicer
from soutu_services.runtime.errors import Unavailable
from soutu_services.search.access_control import AccessControl
from soutu_services.search.backups import Backups
from soutu_services.search.buckets import Buckets, Source
from soutu_services.search.catalog import Catalog, Ingested, SeenObject
from soutu_services.search.data_folder import DataFolder
from soutu_services.search.embedding_transfer import EmbeddingTransfer
from soutu_services.search.imaging import PictureLimits, Reading, read_picture
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.library_spaces import LibrarySpaces
from soutu_services.search.model import JobKind, JobState
from soutu_services.search.originals import Originals
from soutu_services.search.query import QueryEngine
from soutu_services.search.recycling import Recycling
from soutu_services.search.servicer_access import _AccessServicer
from soutu_services.search.servicer_library import _LibraryServicer
from soutu_services.search.servicer_photos import _PhotoServicer
from soutu_services.search.servicer_requests import moment_from, sha256_from
from soutu_services.search.servicer_search import _SearchServicer
from soutu_services.search.upload_name import clean_name
from soutu_services.search.write_journal import WriteJournal

__all__ = ["all_calls", "plain_jpeg"]

_LIMITS = PictureLimits(max_bytes=1 << 20, max_pixels=1_000_000, max_reduced_pixels=4_000_000)
_MODIFIED = datetime(2024, 5, 1, tzinfo=UTC)
_FEW = 3
_MOST_ANSWERS = 100
_NAMES = ("旅行/2019/雪地里的狗.jpg", "奶奶生日.jpg", "IMG_20190501_123000.jpg")
SPACE, DIMENSION = "colours", 4


@cache
def plain_jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    return out.getvalue()


class _NoEmbedder:
    """Embeds nothing, as while the embedding service sleeps."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> Any:
            raise Unavailable("EMBEDDING_UNAVAILABLE", zh="没有", en="none")

        return refuse


class _Decoders:
    """Reads a query's picture here."""

    def read(self, data: bytes, *, urgent: bool) -> Reading:
        assert urgent
        return read_picture(data, _LIMITS)


class _Uploads:
    """Looks at no store."""

    def find(self, contents: Any, _: Any) -> list[None]:
        return [None] * len(contents)


class _Jobs:
    """Starts a job, and lets it rest."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def start_single(self, kind: JobKind, *, space_id: str = "", options: Any = (), paused: bool = False) -> Any:
        job = self._catalog.jobs.create(kind, (), space_id=space_id, options=options)
        return self._catalog.jobs.set_state(job.job_id, JobState.SUCCEEDED)


def _upload_header(request: Any, _: Any) -> None:
    clean_name(request.name)
    sha256_from(request.sha256)
    if request.HasField("modified_time"):
        moment_from(request.modified_time)


_Call = tuple[Any, Callable[[Any, Any], Iterable[Any]]]


@cache
def all_calls() -> list[_Call]:
    """Each kind of request and what answers it. Its order is a part of the seeds: append only."""
    return [*_reading_calls(), *_changing_calls(), *_embedding_calls(), *_telling_calls()]


def _one(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], list[Any]]:
    """A call that is answered once; what is no message is no answer."""
    return lambda request, context: [answer] if (answer := call(request, context)) is not None else []


def _many(call: Callable[[Any, Any], Iterable[Any]]) -> Callable[[Any, Any], list[Any]]:
    """A call that is answered by a stream."""
    return lambda request, context: list(islice(call(request, context), _MOST_ANSWERS))


def _sent(call: Callable[[Iterator[Any], Any], Any]) -> Callable[[Any, Any], list[Any]]:
    """A call that takes a stream: of one message."""
    return lambda request, context: [call(iter([request]), context)]


def _reading_calls() -> list[_Call]:
    """Calls that change little, over a library that stays as it is."""
    catalog, _ = _library("reading")
    index = SimpleNamespace(current=None)
    search = _SearchServicer(SimpleNamespace(engine=QueryEngine(catalog, None, _NoEmbedder()), decoders=_Decoders()))  # type: ignore[arg-type]
    photos = _PhotoServicer(SimpleNamespace(catalog=catalog, uploads=_Uploads()))  # type: ignore[arg-type]
    library = _LibraryServicer(SimpleNamespace(catalog=catalog, index=index, backups=None))  # type: ignore[arg-type]
    return [
        (search_pb.SearchPhotosRequest, _one(search.SearchPhotos)),
        (photo_pb.ListPhotosRequest, _one(photos.ListPhotos)),
        (photo_pb.AnnotatePhotosRequest, _one(photos.AnnotatePhotos)),
        (photo_pb.BatchGetPhotosRequest, _one(photos.BatchGetPhotos)),
        (photo_pb.GetPhotoRequest, _one(photos.GetPhoto)),
        (photo_pb.FindContentsRequest, _one(photos.FindContents)),
        (photo_pb.UploadHeader, _one(_upload_header)),
        (library_pb.ListJobsRequest, _one(library.ListJobs)),
        (library_pb.ListNearDuplicatesRequest, _one(library.ListNearDuplicates)),
        (library_pb.GetJobRequest, _one(library.GetJob)),
        (photo_pb.SummarizePhotosRequest, _one(photos.SummarizePhotos)),
    ]


def _changing_calls() -> list[_Call]:
    """Calls that change a library of their own, which has its photos again when they are gone."""
    catalog, folder = _library("changing")
    catalog.embeddings.register_space(SPACE, model="m", variant="v", dimension=DIMENSION)
    buckets = Buckets({"photos": Source("photos", MemoryStore("p"), read_only=False)}, MemoryStore("t"), MemoryStore("r"))
    index = LibraryIndex(catalog, snapshot=folder / "snapshot", on_made=lambda _: None)
    journal = WriteJournal(folder / "journal", keep_seconds=0, max_bytes=1, boot="")
    data = DataFolder.open(folder / "data")
    atexit.register(data.close)
    recycling = Recycling(catalog, buckets, journal, on_purged=index.remove)
    originals = Originals(catalog, buckets, SimpleNamespace())  # type: ignore[arg-type]
    photos = _PhotoServicer(SimpleNamespace(catalog=catalog, recycling=recycling, originals=originals))  # type: ignore[arg-type]
    link = SimpleNamespace(offered=(), model=lambda _: None)
    backups = Backups(catalog, data, on_staged=lambda: None)
    spaces = LibrarySpaces(catalog, link, index, _Jobs(catalog), on_switched=lambda: None)  # type: ignore[arg-type]
    parts = SimpleNamespace(
        catalog=catalog, index=index, spaces=spaces, transfer=EmbeddingTransfer(catalog, index), backups=backups
    )
    library = _LibraryServicer(parts)  # type: ignore[arg-type]
    access = _AccessServicer(AccessControl(catalog.tokens, is_required=False, sources=("photos",)))

    def filled(call: Callable[[Any, Any], list[Any]]) -> Callable[[Any, Any], list[Any]]:
        def answer(request: Any, context: Any) -> list[Any]:
            if catalog.counts().photos < _FEW:
                _fill(catalog, buckets)
            return call(request, context)

        return answer

    _fill(catalog, buckets)
    calls = [
        (access_pb.CreateTokenRequest, _one(access.CreateToken)),
        (access_pb.ListTokensRequest, _one(access.ListTokens)),
        (access_pb.RevokeTokenRequest, _one(access.RevokeToken)),
        (photo_pb.DeletePhotosRequest, _one(photos.DeletePhotos)),
        (photo_pb.UndeletePhotosRequest, _one(photos.UndeletePhotos)),
        (photo_pb.PurgePhotosRequest, _one(photos.PurgePhotos)),
        (photo_pb.ReadOriginalRequest, _many(photos.ReadOriginal)),
        (photo_pb.GetThumbnailRequest, _one(photos.GetThumbnail)),
        (library_pb.ImportEmbeddingsRequest, _sent(library.ImportEmbeddings)),
        (library_pb.ExportEmbeddingsRequest, _many(library.ExportEmbeddings)),
        (library_pb.StartReindexRequest, _one(library.StartReindex)),
        (library_pb.SwitchSpaceRequest, _one(library.SwitchSpace)),
        (library_pb.DeleteSpaceRequest, _one(library.DeleteSpace)),
        (library_pb.RestoreBackupRequest, _sent(library.RestoreBackup)),
    ]
    return [(message, filled(call)) for message, call in calls]


def _embedding_calls() -> list[_Call]:
    """Calls of the embedding service, with the tests' small model."""
    image = ImageLimits(max_bytes=1 << 20, max_pixels=1_000_000)
    limits = RequestLimits(items=16, image=image, text_characters=100, message_bytes=16 << 20, bulk_calls=4)
    batching = BatchSettings(max_batch=8, batch_wait_milliseconds=0, bulk_pass_milliseconds=1000, queue_items=64)
    service = EmbeddingService([ColourEncoder()], limits, batching)
    atexit.register(service.close)
    servicer = EmbeddingServicer(service)
    return [
        (embedding_pb.EmbedTextsRequest, _one(servicer.EmbedTexts)),
        (embedding_pb.EmbedImagesRequest, _one(servicer.EmbedImages)),
        (embedding_pb.ListModelsRequest, _one(servicer.ListModels)),
    ]


def _telling_calls() -> list[_Call]:
    """Calls that tell a library, of their own, what another program knew."""
    photos = _PhotoServicer(SimpleNamespace(catalog=_library("telling")[0]))  # type: ignore[arg-type]
    return [(photo_pb.TellPhotosRequest, _one(photos.TellPhotos))]


def _library(name: str) -> tuple[Catalog, Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"soutu-fuzz-{name}-"))
    catalog = Catalog.open(folder / "catalog.db")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(catalog.close)
    for at, key in enumerate(_NAMES):
        catalog.objects.record_seen("photos", [SeenObject(key, str(at), 10, _MODIFIED)])
    rows: Iterator[Any] = iter(catalog.objects.next_unread(10))
    reading = read_picture(plain_jpeg(), _LIMITS, modified_at=_MODIFIED)
    catalog.ingest.record([Ingested(row, f"{at:032x}" * 2, reading=reading) for at, row in enumerate(rows, 1)])
    return catalog, folder


def _fill(catalog: Catalog, buckets: Buckets) -> None:
    """Let a library have three photos that are in the bucket as well: the seeds name the first by its id."""
    for at, name in enumerate(_NAMES, 1):
        data = plain_jpeg()
        buckets.uploads.store.put(name, data)
        found = buckets.uploads.store.stat(name)
        put = catalog.objects.put(
            "photos", name, etag=found.etag, size_bytes=len(data), modified_at=_MODIFIED, sha256=f"{at:032x}" * 2
        )
        catalog.photos.undelete([put.photo_id])
        buckets.thumbnails.put(put.photo_id, data)
