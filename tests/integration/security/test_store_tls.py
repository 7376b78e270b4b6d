"""The photo store over HTTPS, by a real S3 server with a certificate of the home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from home_certificates import HomeCertificates
from object_store import ObjectServer, serve_folder
from soutu_services.runtime.settings import InvalidSettings
from soutu_services.runtime.tls import PlaintextRefused, TlsProblem
from soutu_services.search.objects import StoreRefused, StoreUnavailable, StoreUntrusted
from soutu_services.search.settings import StoreSettings
from soutu_services.search.store import S3Connection


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: HomeCertificates) -> Iterator[ObjectServer]:
    with serve_folder(tmp_path_factory.mktemp("https-s3"), tls=certificates.machine()) as running:
        yield running


def test_photos_go_over_https_by_the_homes_authority(server: ObjectServer, certificates: HomeCertificates) -> None:
    assert server.url.startswith("https://")
    for settings, authority in (
        (server.settings, certificates.authority),
        (server.settings.model_copy(update={"authority": certificates.authority}), None),
    ):
        connection = S3Connection(settings, authority=authority)
        bucket = connection.bucket("private")
        bucket.ensure_bucket()
        bucket.put("a/b.jpg", b"photo")
        assert bucket.read("a/b.jpg", max_bytes=100) == b"photo"
        connection.close()


@pytest.mark.parametrize("kind", ["another home's", "none"])
def test_a_store_of_unknown_authority_is_not_believed(server: ObjectServer, certificates: HomeCertificates, kind: str) -> None:
    connection = S3Connection(server.settings, retries=0, authority=certificates.stranger if kind == "another home's" else None)
    with pytest.raises(StoreUntrusted):
        connection.bucket("private").check()
    connection.close()


def test_a_store_without_tls_is_not_believed_either(tmp_path: Path, certificates: HomeCertificates) -> None:
    with serve_folder(tmp_path) as plain:
        url = plain.url.replace("http://", "https://")
        connection = S3Connection(plain.settings.model_copy(update={"url": url}), retries=0, authority=certificates.authority)
        with pytest.raises(StoreUntrusted):
            connection.bucket("private").check()
        connection.close()
        gone = plain.settings.model_copy(update={"url": url})
    connection = S3Connection(gone, retries=0, authority=certificates.authority)
    with pytest.raises(StoreUnavailable):
        connection.bucket("private").check()
    connection.close()


def test_another_machine_is_not_spoken_to_in_plain_text_unless_told() -> None:
    settings = StoreSettings(url="http://nas.local:9000")
    with pytest.raises(PlaintextRefused) as caught:
        S3Connection(settings)
    assert "nas.local" in caught.value.text.en and "SOUTU_SEARCH_ALLOW_PLAINTEXT" in caught.value.text.zh
    S3Connection(settings, allow_plaintext=True).close()
    for url in ("http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000", "https://nas.local:9000"):
        S3Connection(StoreSettings(url=url)).close()


def test_an_authority_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(TlsProblem, match="STORE__AUTHORITY"):
        S3Connection(StoreSettings(url="https://nas:9000", authority=tmp_path / "ca.pem"))


def test_a_url_with_a_password_in_it_is_no_setting() -> None:
    with pytest.raises(ValueError, match="pattern"):
        StoreSettings(url="http://user:password@nas:9000")


def test_the_key_may_be_in_a_file(server: ObjectServer, certificates: HomeCertificates, tmp_path: Path) -> None:
    key = tmp_path / "store-key"
    key.write_text(f"{server.settings.secret_key.get_secret_value()}\n")
    settings = server.settings.model_copy(update={"secret_key": SecretStr(""), "secret_key_file": key})
    connection = S3Connection(settings, authority=certificates.authority)
    connection.bucket("private").ensure_bucket()
    connection.close()
    key.write_text("another")
    connection = S3Connection(settings, authority=certificates.authority)
    with pytest.raises(StoreRefused):
        connection.bucket("private").ensure_bucket()
    connection.close()
    for broken in (tmp_path / "nothing", tmp_path):
        with pytest.raises(InvalidSettings, match="SOUTU_SEARCH_STORE__SECRET_KEY_FILE"):
            S3Connection(settings.model_copy(update={"secret_key_file": broken}), authority=certificates.authority)
