"""What keeps a service from starting, before it loads or binds anything, and when it asks for tokens."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from home_certificates import HomeCertificates
from soutu_services.embedding import __main__ as embedding
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.runtime.settings import InvalidSettings, load_settings
from soutu_services.runtime.tls import PlaintextRefused, TlsProblem
from soutu_services.search import __main__ as search
from soutu_services.search.settings import SearchSettings

EVERYWHERE = "0.0.0.0:0"


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> Any:
        raise AssertionError("the models were loaded first")

    monkeypatch.setattr(embedding, "load_encoders", load)


@pytest.mark.usefixtures("no_model")
def test_the_embedding_service_does_not_open_itself_to_strangers(certificates: HomeCertificates, tmp_path: Path) -> None:
    with pytest.raises(PlaintextRefused):
        embedding.serve(EmbeddingSettings(listen=EVERYWHERE, metrics_listen=""))
    with pytest.raises(PlaintextRefused):
        embedding.serve(EmbeddingSettings(listen="127.0.0.1:0", metrics_listen=EVERYWHERE))
    with pytest.raises(FailedPrecondition, match="SOUTU_EMBEDDING_TOKEN_FILE"):
        embedding.serve(EmbeddingSettings(listen=EVERYWHERE, metrics_listen="", tls=certificates.machine()))
    with pytest.raises(InvalidSettings, match="SOUTU_EMBEDDING_TOKEN_FILE"):
        settings = EmbeddingSettings(listen="127.0.0.1:0", metrics_listen="", token_file=tmp_path / "none")
        embedding.serve(settings)
    with pytest.raises(TlsProblem, match="CERTIFICATE"):
        tls = {"certificate": tmp_path / "none", "key": tmp_path / "none"}
        embedding.serve(EmbeddingSettings(listen="127.0.0.1:0", metrics_listen="", tls=tls))


@pytest.mark.usefixtures("no_model")
def test_a_trusted_network_may_do_without_and_is_told_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(AssertionError, match="models"):
        embedding.serve(EmbeddingSettings(listen=EVERYWHERE, metrics_listen="", allow_plaintext=True))
    assert "anyone in the network" in caplog.text


def test_the_search_service_does_not_open_itself_to_strangers(tmp_path: Path) -> None:
    for listening in ({"listen": EVERYWHERE}, {"listen": "127.0.0.1:0", "metrics_listen": EVERYWHERE}):
        with pytest.raises(PlaintextRefused):
            search.serve(SearchSettings(**{"metrics_listen": "", **listening}, data_folder=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_search_service_that_asks_others_for_no_token_says_so_loudly(
    certificates: HomeCertificates, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_library(_: object) -> Any:
        raise AssertionError("the library is opened")

    monkeypatch.setattr(search, "SearchService", open_library)
    for listen, is_told in ((EVERYWHERE, True), ("127.0.0.1:0", False)):
        settings = SearchSettings(
            listen=listen, metrics_listen="", tls=certificates.machine(), tokens="off", data_folder=tmp_path / "data"
        )
        caplog.clear()
        with caplog.at_level(logging.WARNING), pytest.raises(AssertionError, match="library"):
            search.serve(settings)
        assert ("anyone in the network" in caplog.text) is is_told


@pytest.mark.parametrize(
    ("tokens", "listen", "has_tls", "needed"),
    [
        ("auto", "127.0.0.1:8401", False, False),
        ("auto", "localhost:8401", False, False),
        ("auto", "127.0.0.1:8401", True, True),
        ("auto", "0.0.0.0:8401", False, True),
        ("auto", "0.0.0.0:8401", True, True),
        ("required", "127.0.0.1:8401", False, True),
        ("off", "0.0.0.0:8401", True, False),
    ],
)
def test_tokens_are_asked_for_where_others_can_come_in(
    certificates: HomeCertificates, tokens: str, listen: str, has_tls: bool, needed: bool
) -> None:
    tls = certificates.machine() if has_tls else {}
    assert SearchSettings(tokens=tokens, listen=listen, tls=tls).needs_tokens is needed


def test_no_setting_shows_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUTU_SEARCH_STORE__SECRET_KEY", "very-secret-one")
    monkeypatch.setenv("SOUTU_SEARCH_EMBEDDING_TOKEN", "very-secret-two")
    monkeypatch.setenv("SOUTU_EMBEDDING_TOKEN", "very-secret-three")
    assert "very-secret" not in repr(load_settings(SearchSettings)) + str(load_settings(EmbeddingSettings))
    monkeypatch.setenv("SOUTU_SEARCH_INGEST", "{very-secret-six")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(SearchSettings)
    assert "very-secret" not in caught.value.text.en + str(caught.value)
    monkeypatch.delenv("SOUTU_SEARCH_INGEST")
    monkeypatch.setenv("SOUTU_SEARCH_STORE", '{"secret_key": ["very-secret-four"]}')
    monkeypatch.setenv("SOUTU_SEARCH_SOURCES", '[{"name": "x", "store": {"secret_key": "very-secret-five"}}]')
    with pytest.raises(InvalidSettings) as caught:
        load_settings(SearchSettings)
    assert "very-secret" not in caught.value.text.en + caught.value.text.zh + str(caught.value)


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="needs its key"):
        SearchSettings(tls={"certificate": "a.pem"})
