"""Names with traversal, control characters and tricks: refused in one line, or stored and found; never lost or elsewhere."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from soutu.search.v1 import photo_service_pb2, photo_service_pb2_grpc

from hostile_names import CONTROL, DIRECTION, UPLOADS, does_something, on_disk
from patience import PATIENCE
from search_house import SearchHouse, photo_id_of, picture
from soutu_client import Filter, PhotoState, UnreadableReason
from soutu_services.search.settings import StoreSettings

MADE_KEY = "\x1b[31m../\u202e"


def upload(house: SearchHouse, name: str, data: bytes) -> photo_service_pb2.UploadPhotoResponse:
    """Upload as a client does that cleans nothing."""
    header = photo_service_pb2.UploadHeader(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    messages = (
        photo_service_pb2.UploadPhotoRequest(header=header),
        photo_service_pb2.UploadPhotoRequest(chunk=data),
    )
    with grpc.insecure_channel(house.address) as channel:
        return photo_service_pb2_grpc.PhotoServiceStub(channel).UploadPhoto(
            iter(messages), timeout=PATIENCE, metadata=(("accept-language", "en"),)
        )


def files_below(folder: Path) -> set[bytes]:
    return {
        os.path.join(where, name)  # noqa: PTH118 - bytes, as the disk has them
        for where, _, names in os.walk(os.fsencode(folder))
        for name in names
    }


def test_each_upload_is_refused_in_one_line_or_stored_and_found(house: SearchHouse) -> None:
    before = files_below(house.store.folder.parent)
    bucket = os.fsencode(house.store.folder / house.bucket("photos").bucket) + b"/"
    stored = {}
    for number, case in enumerate(UPLOADS):
        data = picture("红", number)
        if case.key is None:
            with pytest.raises(grpc.RpcError) as refused:
                upload(house, case.given, data)
            error: Any = refused.value
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, case
            assert dict(error.trailing_metadata())["soutu-reason"] == "BAD_NAME", case
            assert error.details().isprintable(), case
        else:
            answer = upload(house, case.given, data)
            assert answer.name == case.key, case
            assert not does_something(answer.name.replace("\u200d", "")), case
            stored[case] = answer.photo_id
    assert house.keys("photos") == {case.key for case in stored}
    new = files_below(house.store.folder.parent) - before
    thumbnails = os.fsencode(house.store.folder / house.bucket("thumbnails").bucket) + b"/"
    own = os.fsencode(house.folder)
    assert {path for path in new if not path.startswith((bucket, thumbnails, own))} == set(), "nothing lies elsewhere"
    assert len([path for path in new if path.startswith(bucket)]) == len(stored)
    house.settled()
    for case, photo_id in stored.items():
        photo = house.photo(photo_id)
        assert (photo.name, photo.state) == (case.key, PhotoState.READY)
        assert photo_id in house.found(case.word, page_size=200), case
        with house.client.read_original(photo_id) as original:
            assert photo_id_of(original.read()) == photo_id
            assert "/" not in original.file_name


def test_names_that_differ_in_normalisation_alone_are_two_photos_under_two_keys(house: SearchHouse) -> None:
    names = [
        upload(house, name, picture("绿", at)).name for at, name in enumerate(("e\u0301t\u00e9/雪.jpg", "\u00e9te\u0301/雪.jpg"))
    ]
    assert names == ["\u00e9t\u00e9/雪.jpg", "\u00e9t\u00e9/雪 (2).jpg"]
    house.settled()
    for spelling in ("\u00e9t\u00e9", "e\u0301te\u0301", "ÉTÉ"):
        assert len([hit for hit in house.client.search(spelling).hits if hit.matches]) == 2, spelling
    for folder in ("\u00e9t\u00e9", "e\u0301te\u0301"):
        assert len(house.listed(filter=Filter(folders=(folder,)))) == 2


def test_files_of_any_name_in_a_bucket_are_found_or_told_of(house: SearchHouse) -> None:
    """What rclone lists under a name by which it does not find it is told of: as unreadable, or as a source's problem."""
    house.bucket("photos")
    base = os.fsencode(house.store.folder / house.bucket("photos").bucket)
    placed = {}
    for number, name in enumerate(on_disk()):
        path = base + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - bytes
        data = picture("蓝", number)
        with open(path, "wb") as file:  # noqa: PTH123 - bytes
            file.write(data)
        placed[photo_id_of(data)] = name
    job = house.sync()
    photos = {photo.photo_id: photo for photo in house.client.list_photos(page_size=1000).photos}
    ready = {photo_id for photo_id in placed if photo_id in photos and photos[photo_id].state is PhotoState.READY}
    refused = [photo for photo in photos.values() if photo.unreadable is not None]
    missing = {name for photo_id, name in placed.items() if photo_id not in ready}
    assert missing == {"旅行/雪.jpg".encode("gbk"), b"broken\xff\xfe.jpg", "quote\u201b.jpg".encode()}
    assert {photo.unreadable.reason for photo in refused if photo.unreadable} == {UnreadableReason.NAME_REFUSED}
    assert len(refused) == 2, "a file, and a folder, whose names are no UTF-8"
    status = house.client.status()
    assert status.objects == len(placed)
    assert status.sources[0].problem.startswith("1 file"), "rclone's own quote"
    assert "1 file" in job.message
    for photo_id in ready:
        with house.client.read_original(photo_id) as original:
            assert photo_id_of(original.read()) == photo_id, placed[photo_id]
        assert house.client.thumbnail(photo_id)
    assert {photo_id_of(picture("蓝", at)) for at, name in enumerate(on_disk()) if name.startswith(b"caf")} <= set(
        house.found("caf\u00e9", page_size=200)
    )
    assert house.sync().photos_total == 0, "nothing is read again and again"


class _Listing(BaseHTTPRequestHandler):
    """An S3 server that lists keys no server should list, and holds one photo, which such a key must not bring."""

    keys: tuple[str, ...] = ()
    asked: list[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if "list-type=2" in query:
            found = "".join(
                f"<Contents><Key>{escape(key)}</Key><LastModified>2024-05-01T12:00:00Z</LastModified>"
                f"<ETag>&quot;{at}&quot;</ETag><Size>9</Size></Contents>"
                for at, key in enumerate(self.keys)
            )
            head = "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Name>lying</Name>"
            self._answer(f"{head}<IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode())
        elif "location" in query:
            self._answer(b"<LocationConstraint></LocationConstraint>")
        else:
            self.asked.append(path)
            self._answer(b"not yours")

    do_HEAD = do_GET  # noqa: N815 - named by the base class

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Wed, 01 May 2024 12:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def lying_server(*keys: str) -> Iterator[tuple[type[_Listing], StoreSettings]]:
    handler = type("Listing", (_Listing,), {"keys": keys, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield handler, StoreSettings(url=f"http://127.0.0.1:{server.server_port}", access_key="key", secret_key="secret")
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def test_a_listed_key_that_leads_elsewhere_is_not_followed(start_house: Callable[..., SearchHouse]) -> None:
    keys = ("客人/../私/a.jpg", "../b.jpg", "客人/./c.jpg", "客人//d.jpg")
    with lying_server(*keys) as (handler, store):
        house = start_house(sources=[{"name": "nas", "bucket": "lying", "store": store}])
        house.sync("nas")
        shown = {photo.name: photo for photo in house.client.list_photos().photos}
        reasons = {name: photo.unreadable.reason for name, photo in shown.items() if photo.unreadable}
        assert reasons == {"客人/./c.jpg": UnreadableReason.NAME_REFUSED, "客人//d.jpg": UnreadableReason.NOT_AN_IMAGE}
        assert house.client.status().ignored == {".jpg": 2}, "names with parts that begin with a dot are hidden, and counted"
        assert all("%2F%2F" in path.upper() or "//" in path for path in handler.asked), handler.asked
        handler.keys = ()
        assert house.sync("nas").state.value == "SUCCEEDED", "they can go, too"


STRINGS = (
    *("\x00", "a\x00b", CONTROL, DIRECTION, "../../etc/passwd", "..\\..\\boot.ini", "C:\\x", "/", "//", "\ufffd\uffff"),
    *(
        "'; DROP TABLE photos; --",
        '" OR *',
        "NEAR(a b)",
        "%",
        "{}",
        "${jndi:ldap://x}",
        "e\u0301" * 200,
        "字" * 340,
        "0" * 32,
        MADE_KEY,
    ),
)


def fill(message: Any, text: str, depth: int = 0) -> None:
    """Put a text into every field that takes one, and into those of the messages inside."""
    for field in message.DESCRIPTOR.fields:
        is_repeated = isinstance(getattr(message, field.name), object) and hasattr(getattr(message, field.name), "extend")
        if field.type == FieldDescriptor.TYPE_STRING:
            if is_repeated:
                getattr(message, field.name).append(text)
            else:
                setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.file.package == "soutu.search.v1" and depth < 3:
            fill(getattr(message, field.name).add() if is_repeated else getattr(message, field.name), text, depth + 1)


def test_no_text_in_a_request_breaks_a_call_or_comes_back_unchecked(house: SearchHouse) -> None:
    upload(house, "旅行/雪.jpg", picture("红"))
    with grpc.insecure_channel(house.address) as channel:
        for service in house.service.served:
            for method in descriptor_pool.Default().FindServiceByName(service.name).methods:
                if method.client_streaming or method.name in {"StartReindex", "StartCheck", "CreateBackup", "PurgePhotos"}:
                    continue  # uploads have a test of their own; the others take no text, or much time
                call = getattr(channel, "unary_stream" if method.server_streaming else "unary_unary")(
                    f"/{service.name}/{method.name}",
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=GetMessageClass(method.output_type).FromString,
                )
                for text in STRINGS:
                    request = GetMessageClass(method.input_type)()
                    fill(request, text)
                    try:
                        answer = call(request, timeout=PATIENCE, metadata=(("accept-language", "en"),))
                        if method.server_streaming:
                            list(answer)
                    except grpc.RpcError as raised:
                        error: Any = raised
                        assert error.code().name in {
                            "INVALID_ARGUMENT",
                            "NOT_FOUND",
                            "FAILED_PRECONDITION",
                            "UNIMPLEMENTED",
                        }, (method.name, text, error)
                        assert not does_something(error.details()), (method.name, text)
                        assert "\n" not in error.details()
