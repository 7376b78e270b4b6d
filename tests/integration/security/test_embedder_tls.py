"""The search service as a client of the embedding service: TLS, token, and what it says of each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from colour_encoder import ColourServer
from home_certificates import HomeCertificates
from patience import PATIENCE
from soutu_services.runtime.authentication import SharedSecrets
from soutu_services.runtime.channels import PeerAccess
from soutu_services.runtime.errors import Unavailable
from soutu_services.runtime.settings import InvalidSettings
from soutu_services.runtime.tls import PlaintextRefused, TlsProblem
from soutu_services.search.embedder import Embedder, EmbedderTimeouts
from soutu_services.search.settings import SearchSettings

TOKEN = "soutu_between-the-services"


@pytest.fixture
def serve() -> Iterator[Callable[..., ColourServer]]:
    with ExitStack() as stack:

        def serve(**options: Any) -> ColourServer:
            server = ColourServer(authenticator=SharedSecrets([SecretStr("soutu_older"), SecretStr(TOKEN)]), **options)
            stack.callback(server.stop)
            return server

        yield serve


def models(address: str, authority: Path | None, token: str | None = TOKEN, **options: bool) -> Any:
    embedder = Embedder(
        address,
        access=PeerAccess(authority, SecretStr(token) if token else None, **options),
        timeouts=EmbedderTimeouts(PATIENCE, PATIENCE, PATIENCE),
    )
    try:
        return embedder.models()
    finally:
        embedder.close()


def test_embeds_over_tls_with_the_token(serve: Callable[..., ColourServer], certificates: HomeCertificates) -> None:
    server = serve(tls=certificates.machine())
    (model,) = models(server.address, certificates.authority)
    assert model.space_id == server.encoder.card.space_id
    assert models(f"tls://{server.address}", certificates.authority) == (model,)


@pytest.mark.parametrize("token", [None, "soutu_wrong"])
def test_a_token_that_is_not_taken_is_said(
    serve: Callable[..., ColourServer], certificates: HomeCertificates, token: str | None
) -> None:
    server = serve(tls=certificates.machine())
    with pytest.raises(Unavailable) as caught:
        models(server.address, certificates.authority, token)
    assert caught.value.reason == "EMBEDDING_TOKEN"
    assert "SOUTU_SEARCH_EMBEDDING_TOKEN_FILE" in caught.value.text.en and "soutu_wrong" not in str(caught.value)


def test_what_is_wrong_with_tls_is_said(serve: Callable[..., ColourServer], certificates: HomeCertificates) -> None:
    home = certificates.authority
    for tls, authority, words in (
        (certificates.machine(), certificates.stranger, "not by the authority"),
        (certificates.machine("gpu.local"), home, "does not name 127.0.0.1"),
        (None, home, "does not speak TLS"),
        (certificates.machine(), None, "wants TLS"),
    ):
        with pytest.raises(Unavailable, match=words) as caught:
            models(serve(tls=tls).address, authority)
        assert caught.value.reason == "EMBEDDING_NOT_TRUSTED"


def test_plain_text_stays_on_this_machine_unless_told(tmp_path: Path) -> None:
    for address in ("gpu.local:8402", "plain://192.168.1.9:8402"):
        with pytest.raises(PlaintextRefused, match="SOUTU_SEARCH_ALLOW_PLAINTEXT"):
            Embedder(address)
        Embedder(address, access=PeerAccess(allow_plaintext=True)).close()
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(TlsProblem, match="AUTHORITY"):
        Embedder("gpu.local:8402", access=PeerAccess(authority=tmp_path / "ca.pem"))


def test_the_token_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    settings = SearchSettings(embedding_token_file=file, tls={"authority": tmp_path / "ca.pem"})
    access = settings.embedding_access
    assert access.token is not None and access.token.get_secret_value() == TOKEN
    assert TOKEN not in repr(access) + repr(SearchSettings(embedding_token=TOKEN))
    for text in ("", " \n", "令牌"):
        file.write_text(text)
        with pytest.raises(InvalidSettings, match="SOUTU_SEARCH_EMBEDDING_TOKEN_FILE"):
            _ = settings.embedding_access
    file.unlink()
    with pytest.raises(InvalidSettings, match="SOUTU_SEARCH_EMBEDDING_TOKEN_FILE") as caught:
        _ = settings.embedding_access
    assert str(tmp_path) not in caught.value.text.en
