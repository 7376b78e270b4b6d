"""What is fuzzed: each target takes any bytes, and raises only when it has found a fault.

Nothing here needs atheris: ``run.py`` drives the targets with it, ``tests/unit/test_fuzz_seeds.py`` replays the seeds without.
"""

from __future__ import annotations

import atexit
import io
import shutil
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import DecodeError
from PIL import Image
from soutu.search.v1 import library_service_pb2 as library_pb
from soutu.search.v1 import photo_service_pb2 as photo_pb
from soutu.search.v1 import search_service_pb2 as search_pb

from soutu_services.runtime.access import FULL_ACCESS, Access, FolderAccess, Scope
from soutu_services.runtime.errors import InvalidInput, SoutuError, Unavailable
from soutu_services.search.catalog import Catalog, Ingested, SeenObject
from soutu_services.search.decoding.answers import reading_from
from soutu_services.search.decoding.worker import told
from soutu_services.search.imaging import PictureLimits, Reading, Unreadable, is_candidate, read_picture
from soutu_services.search.imaging.exif import camera_facts
from soutu_services.search.imaging.name_time import time_in_name
from soutu_services.search.model import Location, UnreadableReason
from soutu_services.search.query import QueryEngine
from soutu_services.search.servicer_library import _LibraryServicer
from soutu_services.search.servicer_photos import _PhotoServicer
from soutu_services.search.servicer_requests import moment_from, sha256_from
from soutu_services.search.servicer_search import _SearchServicer
from soutu_services.search.upload_name import MAX_NAME_BYTES, clean_name
from soutu_services.search.words import QueryWords, index_tokens

TARGETS: dict[str, Callable[[bytes], None]] = {}

_LIMITS = PictureLimits(max_bytes=1 << 20, max_pixels=1_000_000, max_reduced_pixels=4_000_000)
_MODIFIED = datetime(2024, 5, 1, tzinfo=UTC)
_GUEST = Access(name="guest", scope=Scope.READ, folders=(FolderAccess("", "旅行"),), token_id="t")


def _target(function: Callable[[bytes], None]) -> Callable[[bytes], None]:
    TARGETS[function.__name__] = function
    return function


@_target
def image(data: bytes) -> None:
    """The image reader raises ``Unreadable`` alone, and what it reads passes from the decoder to the service unchanged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reading = read_picture(data, _LIMITS, name="a.jpg", modified_at=_MODIFIED)
        except Unreadable as unreadable:
            assert isinstance(unreadable.reason, UnreadableReason)
            return
    _check_reading(reading)


@_target
def exif(data: bytes) -> None:
    """An Exif block, in a picture that is whole otherwise, costs that picture nothing."""
    block = b"Exif\0\0" + data[:60_000]
    plain = _plain_jpeg()
    picture = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reading = read_picture(picture, _LIMITS, name="a.jpg")
        with Image.open(io.BytesIO(picture)) as opened:
            facts = camera_facts(opened)
    assert facts.orientation in range(1, 9)
    assert (facts.camera, facts.location) == (reading.camera, reading.location)
    _check_reading(reading)


@_target
def requests(data: bytes) -> None:
    """Servicers take or refuse any request: whatever it holds, they raise ``SoutuError`` alone."""
    if len(data) < 2:
        return
    calls = _calls()
    message, call = calls[data[0] % len(calls)]
    try:
        request = message.FromString(data[2:])
    except DecodeError:
        return
    context = SimpleNamespace(invocation_metadata=tuple, soutu_access=_GUEST if data[1] % 2 else FULL_ACCESS)
    try:
        answer = call(request, context)
    except SoutuError as error:
        assert "\n" not in error.text.zh + error.text.en
        return
    if answer is not None:
        answer.SerializeToString()


@_target
def names(data: bytes) -> None:
    """Names and words are normalised or refused, and a name that was cleaned stays as it is."""
    text = _text(data)
    try:
        name = clean_name(text)
    except InvalidInput:
        name = ""
    if name:
        assert clean_name(name) == name
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert not name.startswith("/")
        assert ".." not in name.split("/")
    moment = time_in_name(text)
    assert moment is None or moment.tzinfo is None
    is_candidate(text)
    tokens = index_tokens(text, is_name=True) + index_tokens(text)
    assert all(tokens)
    words = QueryWords(text[: len(text) // 2])
    words.tokens()
    words.every_token()
    words.match([(text, True), (text[::-1], False)])


def _text(data: bytes) -> str:
    """Turn bytes into text, with lone surrogates where they are asked for: file systems have them, protobuf has not."""
    try:
        return data.decode("utf-8", "surrogatepass" if data[:1] == b"\0" else "replace")
    except UnicodeDecodeError:
        return ""


def _check_reading(reading: Reading) -> None:
    assert max(Image.open(io.BytesIO(reading.thumbnail)).size) <= 512
    assert reading.location is None or _is_on_earth(reading.location)
    assert reading_from(*told(reading)) == reading


def _is_on_earth(location: Location) -> bool:
    return -90 <= location.latitude <= 90 and -180 <= location.longitude <= 180


@cache
def _plain_jpeg() -> bytes:
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


def _upload_header(request: Any, _: Any) -> None:
    clean_name(request.name)
    sha256_from(request.sha256)
    if request.HasField("modified_time"):
        moment_from(request.modified_time)


@cache
def _calls() -> list[tuple[Any, Callable[[Any, Any], Any]]]:
    """Each kind of request and what answers it, over a small library. Its order is a part of the seeds: append only."""
    catalog = _library()
    index = SimpleNamespace(current=None)
    search = _SearchServicer(SimpleNamespace(engine=QueryEngine(catalog, None, _NoEmbedder()), decoders=_Decoders()))  # type: ignore[arg-type]
    photos = _PhotoServicer(SimpleNamespace(catalog=catalog, uploads=_Uploads()))  # type: ignore[arg-type]
    library = object.__new__(_LibraryServicer)
    library._parts = SimpleNamespace(catalog=catalog, index=index)  # type: ignore[assignment]
    return [
        (search_pb.SearchPhotosRequest, search.SearchPhotos),
        (photo_pb.ListPhotosRequest, photos.ListPhotos),
        (photo_pb.AnnotatePhotosRequest, photos.AnnotatePhotos),
        (photo_pb.BatchGetPhotosRequest, photos.BatchGetPhotos),
        (photo_pb.GetPhotoRequest, photos.GetPhoto),
        (photo_pb.FindContentsRequest, photos.FindContents),
        (photo_pb.UploadHeader, _upload_header),
        (library_pb.ListJobsRequest, library.ListJobs),
        (library_pb.ListNearDuplicatesRequest, library.ListNearDuplicates),
        (library_pb.GetJobRequest, library.GetJob),
        (photo_pb.SummarizePhotosRequest, photos.SummarizePhotos),
    ]


def _library() -> Catalog:
    folder = tempfile.mkdtemp(prefix="soutu-fuzz-")
    catalog = Catalog.open(Path(folder) / "catalog.db")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(catalog.close)
    for at, name in enumerate(("旅行/2019/雪地里的狗.jpg", "奶奶生日.jpg", "IMG_20190501_123000.jpg")):
        catalog.objects.record_seen("photos", [SeenObject(name, str(at), 10, _MODIFIED)])
    rows: Iterator[Any] = iter(catalog.objects.next_unread(10))
    reading = read_picture(_plain_jpeg(), _LIMITS, modified_at=_MODIFIED)
    catalog.ingest.record([Ingested(row, f"{at:032x}" * 2, reading=reading) for at, row in enumerate(rows, 1)])
    return catalog
