"""The object store against a real S3 server."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from object_store import ObjectServer, serve_folder
from patience import eventually
from soutu_services.search.objects import (
    BucketMissing,
    KeyConflict,
    KeyRefused,
    ObjectMissing,
    ObjectTooLarge,
    StoreFailed,
    StoreRefused,
    StoreUnavailable,
)
from soutu_services.search.settings import StoreSettings
from soutu_services.search.store import S3Connection, S3Store

HARD_NAME = '旅行 2019/奶奶\'s "生日" +&%#?=.jpg'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with serve_folder(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def connection(server: ObjectServer) -> Iterator[S3Connection]:
    made = S3Connection(server.settings)
    yield made
    made.close()


@pytest.fixture
def bucket(connection: S3Connection, request: pytest.FixtureRequest) -> S3Store:
    store = connection.bucket(request.node.name.removeprefix("test_").replace("_", "-").partition("[")[0][:60])
    store.ensure_bucket()
    return store


def test_gives_back_what_was_put(bucket: S3Store) -> None:
    bucket.put(HARD_NAME, b"picture", media_type="image/jpeg")
    assert bucket.read(HARD_NAME, max_bytes=100) == b"picture"
    assert bucket.exists(HARD_NAME)
    bucket.put(HARD_NAME, b"another")
    assert bucket.read(HARD_NAME, max_bytes=100) == b"another"


def test_walks_every_folder_once(bucket: S3Store) -> None:
    keys = {"b.jpg", "a/1.jpg", "a/2.jpg", "a/deep/er/3.jpg", "中文/4.jpg", HARD_NAME}
    for key in keys:
        bucket.put(key, b"x")
    found = [stored.key for stored in bucket.walk()]
    assert sorted(found) == sorted(keys)
    assert {stored.key for stored in bucket.walk("a/")} == {"a/1.jpg", "a/2.jpg", "a/deep/er/3.jpg"}
    assert list(bucket.walk("nothing/")) == []


def test_walks_more_than_one_page(bucket: S3Store, server: ObjectServer) -> None:
    folder = server.folder / bucket.bucket
    for number in range(1203):
        (folder / f"{number}.jpg").write_bytes(b"x")
    eventually(lambda: len({stored.key for stored in bucket.walk()}) == 1203)


def test_listing_and_stat_agree(bucket: S3Store) -> None:
    before = datetime.now(UTC)
    bucket.put("a/b.jpg", b"12345")
    (listed,) = bucket.walk()
    assert listed == bucket.stat("a/b.jpg")
    assert listed.size_bytes == 5
    assert listed.etag
    whole_second = timedelta(seconds=1)
    assert before - whole_second <= listed.modified_at <= datetime.now(UTC) + whole_second


def test_etag_changes_with_the_content(bucket: S3Store, server: ObjectServer) -> None:
    file = server.folder / bucket.bucket / "dropped.jpg"
    file.write_bytes(b"one")
    os.utime(file, (1_500_000_000, 1_500_000_000))
    eventually(lambda: bucket.exists("dropped.jpg"))
    before = bucket.stat("dropped.jpg")
    file.write_bytes(b"two")
    eventually(lambda: bucket.stat("dropped.jpg").etag != before.etag)
    assert before.modified_at == datetime.fromtimestamp(1_500_000_000, UTC)


def test_refuses_an_object_over_the_limit(bucket: S3Store) -> None:
    bucket.put("large.jpg", b"x" * 1001)
    with pytest.raises(ObjectTooLarge):
        bucket.read("large.jpg", max_bytes=1000)
    assert len(bucket.read("large.jpg", max_bytes=1001)) == 1001


def test_reads_ranges_and_streams(bucket: S3Store) -> None:
    content = os.urandom(700_000)
    bucket.put("film.jpg", io.BytesIO(content), size_bytes=len(content))
    assert bucket.read_range("film.jpg", offset=10, length=5) == content[10:15]
    assert bucket.read_range("film.jpg", offset=len(content) - 2, length=50) == content[-2:]
    assert bucket.read_range("film.jpg", offset=len(content) + 5, length=50) == b""
    assert b"".join(bucket.stream("film.jpg")) == content


def test_an_abandoned_stream_spoils_no_later_read(bucket: S3Store) -> None:
    content = os.urandom(3_000_000)
    bucket.put("film.jpg", content)
    bucket.put("small.jpg", b"small")
    for _ in range(3):
        stream = bucket.stream("film.jpg")
        assert next(stream) == content[: 256 * 1024]
        stream.close()  # type: ignore[attr-defined]
        assert bucket.read("small.jpg", max_bytes=10) == b"small"


def test_puts_large_streams_in_parts(bucket: S3Store) -> None:
    content = os.urandom(1_000_000) * 18
    bucket.put("large.tif", io.BytesIO(content), size_bytes=len(content))
    assert bucket.read("large.tif", max_bytes=len(content)) == content


def test_copies_inside_a_server_and_between_servers(bucket: S3Store, connection: S3Connection, tmp_path: Path) -> None:
    bucket.put(HARD_NAME, b"picture")
    recycle = connection.bucket("recycle-bin")
    recycle.ensure_bucket()
    bucket.copy_to(HARD_NAME, recycle, f"photos/{HARD_NAME}")
    assert recycle.read(f"photos/{HARD_NAME}", max_bytes=10) == b"picture"
    with serve_folder(tmp_path) as other_server:
        other = S3Connection(other_server.settings)
        elsewhere = other.bucket("elsewhere")
        elsewhere.ensure_bucket()
        bucket.copy_to(HARD_NAME, elsewhere, "copy.jpg")
        assert elsewhere.read("copy.jpg", max_bytes=10) == b"picture"
        other.close()


def test_removes_once_or_twice(bucket: S3Store) -> None:
    bucket.put("a.jpg", b"x")
    bucket.remove("a.jpg")
    bucket.remove("a.jpg")
    assert not bucket.exists("a.jpg")


def test_says_that_an_object_is_missing(bucket: S3Store) -> None:
    with pytest.raises(ObjectMissing):
        bucket.read("nothing.jpg", max_bytes=10)
    with pytest.raises(ObjectMissing):
        bucket.stat("nothing.jpg")
    with pytest.raises(ObjectMissing):
        list(bucket.stream("nothing.jpg"))


def test_says_that_a_bucket_is_missing(connection: S3Connection) -> None:
    missing = connection.bucket("no-such-bucket")
    with pytest.raises(BucketMissing):
        missing.check()
    with pytest.raises(BucketMissing):
        list(missing.walk())


def test_a_file_cannot_be_a_folder_too(bucket: S3Store) -> None:
    bucket.put("folder/file.jpg", b"x")
    with pytest.raises(KeyConflict):
        bucket.put("folder", b"x")
    with pytest.raises(KeyConflict):
        bucket.put("folder/file.jpg/below.jpg", b"x")
    with pytest.raises(KeyConflict):
        bucket.copy_to("folder/file.jpg", bucket, "folder")


@pytest.mark.parametrize("key", ["", "a//b.jpg", "/a.jpg", "a/", "a/../b.jpg", "line\nbreak.jpg", "长" * 100 + ".jpg"])
def test_refuses_a_name_that_cannot_be_kept(bucket: S3Store, key: str) -> None:
    with pytest.raises(KeyRefused):
        bucket.put(key, b"x")


def test_wrong_keys_are_refused_and_not_retried(server: ObjectServer) -> None:
    connection = S3Connection(server.settings.model_copy(update={"secret_key": SecretStr("wrong-secret")}))
    with pytest.raises(StoreRefused):
        connection.bucket("photos").check()
    with pytest.raises(StoreRefused):
        S3Connection(server.settings.model_copy(update={"access_key": "ab"}))
    connection.close()


def test_a_read_only_server_takes_no_writes(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with serve_folder(tmp_path, read_only=True) as server:
        connection = S3Connection(server.settings)
        photos = connection.bucket("photos")
        assert photos.read("a.jpg", max_bytes=10) == b"x"
        with pytest.raises((StoreFailed, StoreRefused)):
            photos.put("b.jpg", b"x")
        assert [stored.key for stored in photos.walk()] == ["a.jpg"]
        connection.close()


def test_a_server_that_is_away_is_told_after_short_waits_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_folder(tmp_path) as server:
        connection = S3Connection(server.settings)
        photos = connection.bucket("photos")
        photos.ensure_bucket()
        photos.put("a.jpg", b"x")
        server.stop()
        waits: list[float] = []
        with monkeypatch.context() as patched, pytest.raises(StoreUnavailable) as caught:
            patched.setattr("urllib3.util.retry.time.sleep", waits.append)
            photos.read("a.jpg", max_bytes=10)
        assert waits, "it is tried again"
        assert sum(waits) < 2
        assert server.url.removeprefix("http://") not in caught.value.text.zh + caught.value.text.en
        server.start_again()
        assert photos.read("a.jpg", max_bytes=10) == b"x"
        connection.close()


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><Error><Code>Internal',
        b"",
        b"<Error><Code>\xff\xfe</Code></Error>",
        b"<html>Bad gateway</html>",
        b"<Error></Error>",
    ],
)
def test_an_answer_that_is_cut_off_is_the_servers_failure_and_not_the_names(body: bytes) -> None:
    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    connection = S3Connection(StoreSettings(url=f"http://127.0.0.1:{server.server_port}"), retries=0)
    try:
        with pytest.raises(StoreUnavailable):
            connection.bucket("photos").read("a.jpg", max_bytes=10)
        with pytest.raises(StoreUnavailable):
            list(connection.bucket("photos").walk())
        with pytest.raises(KeyRefused):
            connection.bucket("photos").read("a/../b.jpg", max_bytes=10)
    finally:
        connection.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_many_threads_share_a_connection(bucket: S3Store) -> None:
    contents = {f"{number}.jpg": os.urandom(1000 + number) for number in range(40)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda item: bucket.put(*item), contents.items()))
        read = dict(zip(contents, threads.map(lambda key: bucket.read(key, max_bytes=5000), contents), strict=True))
    assert read == contents
