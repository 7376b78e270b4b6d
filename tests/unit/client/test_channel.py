"""Addresses that people write, and what goes along with them."""

import os
from pathlib import Path

import pytest

from soutu_client import Client, InvalidInputError, NotTrustedError
from soutu_client._channel import endpoint_of
from soutu_client._login import Login


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("nas.local", "nas.local:8401"),
        ("nas.local:9000", "nas.local:9000"),
        (" 192.168.1.5:8401 ", "192.168.1.5:8401"),
        ("[::1]", "[::1]:8401"),
        ("[fe80::1%eth0]:8401", "[fe80::1%eth0]:8401"),
        ("家里的机器", "家里的机器:8401"),
    ],
)
def test_an_address_is_completed(written: str, whole: str) -> None:
    assert endpoint_of(written, Login(), "en").target == whole


@pytest.mark.parametrize("written", ["http://nas:8401", "", "nas:", "nas:0", "nas:99999", "::1", "a b", "nas:8401/x"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidInputError, match="不对") as caught:
        endpoint_of(written, Login(), "zh")
    assert caught.value.reason == "BAD_ADDRESS"


@pytest.mark.parametrize(
    ("written", "authority", "is_tls"),
    [
        ("nas", None, False),
        ("nas", b"ca", True),
        ("tls://nas", None, True),
        ("plain://nas", b"ca", False),
        ("tls://[::1]:9", b"ca", True),
    ],
)
def test_tls_is_used_with_an_authority_or_where_the_address_says_so(written: str, authority: bytes | None, is_tls: bool) -> None:
    endpoint = endpoint_of(written, Login(authority=authority), "en")
    assert endpoint.is_tls is is_tls
    assert endpoint.authority == (authority if is_tls else None)
    assert "://" not in endpoint.target


@pytest.mark.parametrize("address", ["nas.local", "192.168.1.5:8401", "[fe80::1]", "plain://nas.local", "127.0.0.1.example.com"])
def test_a_token_does_not_leave_this_machine_unencrypted_unless_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotTrustedError) as caught:
        Client(address, token="soutu_secret", language="en")
    assert caught.value.reason == "PLAINTEXT_REFUSED"
    assert "SOUTU_ALLOW_PLAINTEXT" in caught.value.message and "soutu_secret" not in caught.value.message
    Client(address).close()
    Client(address, token="soutu_secret", allow_plaintext=True).close()
    monkeypatch.setenv("SOUTU_ALLOW_PLAINTEXT", "1")
    Client(address, token="soutu_secret").close()


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:1", "[::1]", "127.8.8.8"])
def test_a_token_may_go_to_this_machine_as_it_is(address: str) -> None:
    Client(address, token="soutu_secret").close()


def test_token_and_authority_come_from_the_environment_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(" soutu_of_the_file\n")
    monkeypatch.setenv("SOUTU_TOKEN_FILE", str(file))

    def token(given: str | None = None) -> str:
        login = Login.of(token=given, authority=None, allow_plaintext=None, environment=os.environ, language="en")
        return login.token

    assert token() == "soutu_of_the_file"
    monkeypatch.setenv("SOUTU_TOKEN", "soutu_of_the_variable")
    assert token() == "soutu_of_the_variable"
    assert token("soutu_given") == "soutu_given"
    assert token("") == ""


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "令牌", "x" * 513])
def test_what_is_no_token_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client(token=token, language="en")
    assert token not in caught.value.message


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ü"])
def test_what_is_no_authority_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(InvalidInputError, match=r"ca\.pem"):
        Client(authority=tmp_path / "ca.pem", language="en")
    with pytest.raises(FileNotFoundError):
        Client(authority=tmp_path / "none.pem")


def test_no_repr_shows_a_token(tmp_path: Path) -> None:
    assert "soutu_secret" not in repr(Login(token="soutu_secret"))
