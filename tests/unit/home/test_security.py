"""What ``make run SECURE=1`` makes, and what is refused without it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from soutu_services.certificates.certificate_folder import CertificateFolder
from soutu_services.home import programs
from soutu_services.home.library import Library
from soutu_services.home.problem import HomeProblem
from soutu_services.home.security import secure
from soutu_services.home.settings import HomeSettings
from soutu_services.runtime.settings import load_settings
from soutu_services.runtime.tls import ServerCertificate, TlsSettings


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", least_free_bytes=0) as library:
        yield library


def test_makes_certificates_and_a_token_once(library: Library) -> None:
    settings = HomeSettings(secure=True, host="nas.local,192.168.1.5")
    first = secure(settings, library, {})
    assert first.host == "nas.local"
    assert first.authority == library.root / "certificates" / "nas.local" / "ca.pem"
    for service in ("SEARCH", "EMBEDDING"):
        names = {name: first.environment[f"SOUTU_{service}_TLS__{name.upper()}"] for name in ("certificate", "key", "authority")}
        assert ServerCertificate.of(TlsSettings(**names)) is not None  # type: ignore[arg-type]
    token = Path(first.environment["SOUTU_EMBEDDING_TOKEN_FILE"])
    assert first.environment["SOUTU_SEARCH_EMBEDDING_TOKEN_FILE"] == str(token)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    before = token.read_text(), first.authority.read_text()
    assert secure(settings, library, {}) == first
    assert (token.read_text(), first.authority.read_text()) == before
    assert before[0].strip() not in str(first.environment)


def test_without_it_nothing_is_made(library: Library) -> None:
    security = secure(HomeSettings(), library, {"PATH": "/bin"})
    assert security.environment == {"PATH": "/bin"}
    assert (security.authority, security.client_variables) == (None, {})
    assert not (library.root / "certificates").exists()


def test_what_is_set_already_wins(library: Library) -> None:
    given = {"SOUTU_SEARCH_TLS__CERTIFICATE": "/mine.pem", "SOUTU_EMBEDDING_TOKEN_FILE": "/mine"}
    environment = secure(HomeSettings(secure=True, host="nas"), library, given).environment
    assert given.items() <= environment.items()


def test_other_machines_may_reach_the_search_service_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HomeSettings().search_listen == "127.0.0.1:8401"
    assert HomeSettings(secure=True).search_listen == "0.0.0.0:8401"
    assert HomeSettings(secure=True).embedding_listen == "127.0.0.1:8402"
    monkeypatch.setenv("SOUTU_HOME_SECURE", "1")
    monkeypatch.setenv("SOUTU_SEARCH_LISTEN", "127.0.0.1:9001")
    assert load_settings(HomeSettings).search_listen == "127.0.0.1:9001"


def test_takes_the_folder_that_the_certificates_of_all_machines_are_in(library: Library, tmp_path: Path) -> None:
    gpu = CertificateFolder.open(tmp_path / "certificates").issue(("gpu.local",))
    settings = HomeSettings(secure=True, host="nas", embedding_address="gpu.local:8402", certificates=tmp_path / "certificates")
    environment = secure(settings, library, {}).environment
    assert Path(environment["SOUTU_SEARCH_EMBEDDING_TOKEN_FILE"]).read_text() == (gpu.folder / "embedding-token").read_text()
    assert Path(environment["SOUTU_SEARCH_TLS__AUTHORITY"]).read_text() == (gpu.folder / "ca.pem").read_text()


@pytest.mark.parametrize("variable", ["search_listen", "embedding_listen", "store_listen", "in_place_listen"])
def test_does_not_open_the_house_without_encryption_unless_told(library: Library, variable: str) -> None:
    library.add_in_place(library.root.parent)
    settings = HomeSettings(**{variable: "0.0.0.0:8409"})  # type: ignore[arg-type]
    with pytest.raises(HomeProblem) as caught:
        secure(settings, library, {})
    name = {"search_listen": "SEARCH", "embedding_listen": "EMBEDDING"}.get(variable, "HOME")
    for text in (caught.value.text.zh, caught.value.text.en):
        assert "0.0.0.0:8409" in text and f"SOUTU_{name}_ALLOW_PLAINTEXT" in text and "\n" not in text
    secure(settings, library, {f"SOUTU_{name}_ALLOW_PLAINTEXT": "1"})


def test_the_stores_stay_on_this_machine_also_when_all_else_is_secure(library: Library) -> None:
    with pytest.raises(HomeProblem, match="STORE_LISTEN"):
        secure(HomeSettings(secure=True, host="nas", store_listen="0.0.0.0:8403"), library, {})


@pytest.mark.parametrize("host", ["http://nas", "nas:8401", "a b"])
def test_a_host_that_is_none_is_refused(library: Library, host: str) -> None:
    with pytest.raises(HomeProblem, match="HOST="):
        secure(HomeSettings(secure=True, host=host), library, {})


def test_the_command_line_finds_authority_and_token_unless_told_otherwise(library: Library) -> None:
    settings = HomeSettings(secure=True, host="nas")
    security = secure(settings, library, {})
    assert set(security.client_variables) == {"SOUTU_AUTHORITY"}
    security.token_file.write_text("soutu_first\n")
    assert security.client_variables["SOUTU_TOKEN_FILE"] == str(security.token_file)
    told = secure(settings, library, {"SOUTU_TOKEN": "soutu_mine", "SOUTU_AUTHORITY": "/mine.pem"})
    assert told.client_variables == {}


def test_no_secret_is_on_a_command_line(library: Library) -> None:
    settings = HomeSettings(secure=True, host="nas")
    environment = secure(settings, library, {}).environment
    token = (library.root / "certificates" / "embedding-token").read_text().strip()
    for program in (
        programs.embedding_service(settings, environment),
        programs.search_service(library, settings, environment),
    ):
        assert token not in " ".join(program.command) + str(program.environment)
