"""``soutu login``: tried before it is kept, readable to nobody else, and sent to no other address."""

import errno
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from home_certificates import HomeCertificates
from loopback_ports import free_address
from patience import PATIENCE
from soutu_client import Client, InvalidInputError, NotAuthenticatedError
from soutu_client.cli.last_hits import keep_hits, last_hits
from soutu_client.cli.main import run
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server
from soutu_services.search.access_control import AccessControl
from soutu_services.search.catalog import Catalog
from soutu_services.search.servicer_access import served_access
from terminal_session import TerminalSession

Start = Callable[..., RunningServer]
SOUTU = [sys.executable, "-c", "from soutu_client.cli.main import main; main()"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test settings of its own, and return the file that the login is kept in."""
    for name in [name for name in os.environ if name.startswith("SOUTU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "soutu" / "login.json"


@pytest.fixture
def address(start: Start, certificates: HomeCertificates) -> str:
    """Address of a service that wants TLS and a token."""
    return start(listen=free_address(), tls=certificates.machine()).address


@pytest.fixture
def service_without_tokens(tmp_path: Path) -> Iterator[str]:
    with Catalog.open(tmp_path / "open.sqlite3") as catalog:
        control = AccessControl(catalog.tokens, is_required=False)
        settings = ServerSettings(listen=free_address(), metrics_listen="")
        server = start_server([served_access(control)], settings, package="soutu.search.v1", authenticator=control)
        yield server.address
        server.stop(0)


def say(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_login_is_kept_once_and_used_from_then_on(
    *,
    address: str,
    admin: str,
    certificates: HomeCertificates,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(monkeypatch, f"{admin}\n")
    assert run(["login", address, "--ca", str(certificates.authority)]) == 0
    out, err = capsys.readouterr()
    assert f'Logged in to {address}; token "爸爸", allows: admin' in out
    assert admin not in out + err
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700

    assert run(["login"]) == 0
    assert f"{address} (from soutu login); token" in capsys.readouterr().out
    with Client() as client:
        assert (client.address, client.is_encrypted, client.access().name) == (address, True, "爸爸")
    assert run(["tokens", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [token["name"] for token in json.loads(out)] == ["爸爸"]
    assert admin not in out + err

    assert run(["logout"]) == 0
    assert f"Logged out of {address}" in capsys.readouterr().out
    assert not home.exists()
    assert run(["logout"]) == 0


def test_the_token_goes_to_its_address_alone_and_whatever_is_given_wins(
    address: str, admin: str, certificates: HomeCertificates, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = start(listen=free_address(), tls=certificates.machine()).address
    say(monkeypatch, admin)
    assert run(["login", address, "--ca", str(certificates.authority)]) == 0
    with Client(other, authority=certificates.authority) as client, pytest.raises(NotAuthenticatedError):
        client.access()
    with Client(token="") as client, pytest.raises(NotAuthenticatedError):
        client.access()
    with Client(token="soutu_other") as client, pytest.raises(NotAuthenticatedError):
        client.access()
    monkeypatch.setenv("SOUTU_ADDRESS", other)
    with Client(authority=certificates.authority) as client:
        assert client.address == other
        with pytest.raises(NotAuthenticatedError):
            client.access()
    monkeypatch.setenv("SOUTU_ADDRESS", address)
    monkeypatch.setenv("SOUTU_TOKEN", "soutu_from_the_environment")
    with Client() as client, pytest.raises(NotAuthenticatedError):
        client.access()


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("wrong token", 1, "the token is not valid"),
        ("no token", 2, "no token was given"),
        ("no authority", 1, "holds no certificate"),
        ("another home", 4, "certificate"),
        ("no such file", 1, "nothing.pem: the file does not exist"),
        ("another name", 4, "does not name 127.0.0.1"),
        ("nobody there", 4, "cannot reach the search service"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_kept(
    *,
    what: str,
    code: int,
    message: str,
    address: str,
    admin: str,
    certificates: HomeCertificates,
    start: Start,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    authority, token = certificates.authority, admin
    if what == "wrong token":
        token = "soutu_wrong"
    elif what == "no token":
        token = ""
    elif what == "no authority":
        authority = tmp_path / "photo.jpg"
        authority.write_text("no certificate")
    elif what == "another home":
        authority = certificates.stranger
    elif what == "no such file":
        authority = tmp_path / "nothing.pem"
    elif what == "another name":
        address = start(listen=free_address(), tls=certificates.machine("nas.local")).address
    elif what == "nobody there":
        address = free_address()
    say(monkeypatch, token)
    assert run(["login", address, "--ca", str(authority)]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert (err.count("\n"), out) == (1, "")
    assert admin not in err
    assert not home.exists()


def test_a_token_is_not_asked_for_where_none_is_needed(
    service_without_tokens: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # reading it would fail
    assert run(["login", service_without_tokens]) == 0
    assert "no token is needed" in capsys.readouterr().out
    assert json.loads(home.read_text()) == {"address": service_without_tokens, "token": "", "authority": ""}


def test_a_typed_token_is_not_shown(address: str, admin: str, certificates: HomeCertificates, home: Path) -> None:
    environment = {"SOUTU_LANGUAGE": "en", "XDG_CONFIG_HOME": str(home.parent.parent), "TERM": "xterm"}
    with TerminalSession([*SOUTU, "login", address, "--ca", str(certificates.authority)], environment=environment) as terminal:
        terminal.expect(f"Token for {address} (it is not shown)")
        terminal.type(f"{admin}\n")
        terminal.expect("Logged in to")
        assert terminal.wait() == 0
        assert admin.encode() not in terminal.shown
    assert json.loads(home.read_text())["token"] == admin


def test_ctrl_c_at_the_question_keeps_nothing(address: str, certificates: HomeCertificates, home: Path) -> None:
    environment = {"SOUTU_LANGUAGE": "en", "XDG_CONFIG_HOME": str(home.parent.parent), "TERM": "xterm"}
    with TerminalSession([*SOUTU, "login", address, "--ca", str(certificates.authority)], environment=environment) as terminal:
        terminal.expect("Token for")
        terminal.type("\x03")
        assert terminal.wait() == 130
        assert b"Traceback" not in terminal.shown
    assert not home.exists()


def test_a_file_or_standard_input_gives_the_token(
    address: str, admin: str, certificates: HomeCertificates, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{admin}\n")
    own = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for source, typed in ((str(file), ""), ("-", admin)):
        command = [*SOUTU, "login", address, "--ca", str(certificates.authority), "--token-file", source, "--json"]
        done = subprocess.run(command, input=typed, env=own, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["access"]["name"] == "爸爸"
        assert admin not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"address": 7}',
        '{"address": ""}',
        '{"address": "a:1", "more": "x"}',
        '{"address": "a:1:2"}',
        '{"address": "a:99999"}',
        '{"address": "a:1", "token": "two words"}',
        '{"address": "a:1", "authority": "junk"}',
        '{"address": "a:1", "authority": "-----BEGIN CERTIFICATE-----\\njunk\\n-----END CERTIFICATE-----\\n"}',
        '{"address": "a:1", "authority": "\\ud800"}',
        "\x00\xff",
    ],
)
def test_a_damaged_login_file_is_named_and_can_be_replaced(
    content: str, home: Path, service_without_tokens: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home.parent.mkdir(parents=True)
    home.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInputError, match="soutu login"):
        Client()
    assert run(["status"]) == 1
    assert "login.json cannot be understood" in capsys.readouterr().err
    assert run(["--address", service_without_tokens, "status"]) == 1
    assert "login.json cannot be understood" in capsys.readouterr().err
    assert run(["login", service_without_tokens]) == 0
    assert json.loads(home.read_text()) == {"address": service_without_tokens, "token": "", "authority": ""}
    home.write_bytes(content.encode("latin-1"))
    assert run(["logout"]) == 0
    assert not home.exists()


@pytest.mark.parametrize("content", [None, '{"address": "a:1:2"}'])
def test_a_login_file_that_is_of_no_use_stops_nobody_who_says_where_and_who(
    content: str | None, home: Path, service_without_tokens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.parent.mkdir(parents=True)
    home.write_text(content or "{}")
    if content is None:
        read = Path.read_text

        def refuse(path: Path, **more: str) -> str:
            if path == home:
                raise PermissionError(errno.EACCES, "permission denied")
            return read(path, **more)

        monkeypatch.setattr(Path, "read_text", refuse)
    with Client(service_without_tokens, token="") as client:
        assert client.access().name == ""
    for given in ({}, {"address": service_without_tokens}, {"token": ""}):
        with pytest.raises((PermissionError, InvalidInputError)):
            Client(**given)
    assert run(["login", service_without_tokens]) == 0
    monkeypatch.undo()
    assert json.loads(home.read_text())["address"] == service_without_tokens


def test_a_login_that_fails_leaves_the_file_as_it_was(home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("{}")
    assert run(["--timeout", "1", "login", free_address()]) == 1
    assert home.read_text() == "{}"


def test_whoever_has_no_home_is_not_logged_in(service_without_tokens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", none)
    with Client(service_without_tokens) as client:
        assert client.access().name == ""
    keep_hits(service_without_tokens, ["0" * 32])
    assert last_hits(service_without_tokens) == []
    assert run(["login", service_without_tokens]) == 1
