"""The home's authority and its machines' certificates, as ``soutu-certificates`` makes them."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from soutu_services.certificates.__main__ import _command
from soutu_services.certificates.authority import Authority, certificate_names
from soutu_services.certificates.certificate_folder import CertificateFolder, Outcome
from soutu_services.certificates.host_names import machine_names
from soutu_services.certificates.installed_folder import PROGRAMS
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput


def run(*arguments: str, language: str = "en") -> Result:
    return CliRunner().invoke(_command, list(arguments), env={"SOUTU_LANGUAGE": language})


def certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())


def test_makes_an_authority_and_a_folder_for_each_machine(tmp_path: Path) -> None:
    root = tmp_path / "家 里"
    ended = run(str(root), "--host", "nas.local,192.168.1.5", "--host", "gpu.local", "--host", "fe80::7")
    assert ended.exit_code == 0, ended.output
    assert {path.name for path in root.iterdir()} == {
        "ca.pem",
        "ca-key.pem",
        "embedding-token",
        "nas.local",
        "gpu.local",
        "fe80--7",
    }
    assert {path.name for path in (root / "nas.local").iterdir()} == {
        "certificate.pem",
        "key.pem",
        "ca.pem",
        "embedding-token",
    }
    assert set(certificate_names(certificate(root / "nas.local"))) == {
        "nas.local",
        "192.168.1.5",
        "localhost",
        "127.0.0.1",
        "::1",
    }
    assert "ca-key.pem" in ended.output and "SOUTU_AUTHORITY" in ended.output
    assert "PRIVATE KEY" not in ended.output
    assert (root / "embedding-token").read_text().strip() not in ended.output


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    run(str(tmp_path / "c"), "--host", "nas.local")
    tokens = (tmp_path / "c" / "embedding-token", tmp_path / "c" / "nas.local" / "embedding-token")
    assert tokens[0].read_text() == tokens[1].read_text() != ""
    for key in (tmp_path / "c" / "ca-key.pem", tmp_path / "c" / "nas.local" / "key.pem", *tokens):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for folder in (tmp_path / "c", tmp_path / "c" / "nas.local"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_run_replaces_neither_the_authority_nor_a_good_certificate(tmp_path: Path) -> None:
    run(str(tmp_path), "--host", "nas.local")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for arguments in (("--host", "nas.local"), (), ("--host", "gpu.local")):
        assert run(str(tmp_path), *arguments).exit_code == 0
    assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "gpu.local" / "ca.pem").read_bytes() == before[tmp_path / "ca.pem"]


def test_a_further_name_makes_a_new_certificate_that_keeps_the_old_names(tmp_path: Path) -> None:
    folder = CertificateFolder.open(tmp_path)
    folder.issue(("nas.local",))
    assert folder.issue(("nas.local", "10.0.0.9")).outcome is Outcome.RENEWED
    assert folder.issue(("nas.local",)).outcome is Outcome.KEPT
    assert {"nas.local", "10.0.0.9"} <= set(certificate_names(certificate(tmp_path / "nas.local")))


def test_what_is_near_its_end_is_renewed_without_being_named(tmp_path: Path) -> None:
    folder = CertificateFolder.open(tmp_path)
    for name, age in (("old.local", timedelta(days=750)), ("new.local", timedelta(days=10))):
        folder.issue((name, "10.0.0.9"))
        pem, key = folder.authority.issue((name, "10.0.0.9", "localhost", "127.0.0.1", "::1"), now=datetime.now(UTC) - age)
        (tmp_path / name / "certificate.pem").write_bytes(pem)
        (tmp_path / name / "key.pem").write_bytes(key)
    kept = (tmp_path / "new.local" / "certificate.pem").read_bytes()
    assert run(str(tmp_path)).exit_code == 0
    assert (tmp_path / "new.local" / "certificate.pem").read_bytes() == kept
    renewed = certificate(tmp_path / "old.local")
    assert renewed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=700)
    assert "10.0.0.9" in certificate_names(renewed)


@pytest.mark.parametrize("lost", ["key.pem", "certificate.pem", "ca.pem", "embedding-token"])
def test_a_machines_lost_file_is_made_again(tmp_path: Path, lost: str) -> None:
    folder = CertificateFolder.open(tmp_path)
    folder.issue(("nas.local",))
    (tmp_path / "nas.local" / lost).unlink()
    folder.issue(("nas.local",))
    assert (tmp_path / "nas.local" / lost).exists()
    assert folder.issue(("nas.local",)).outcome is Outcome.KEPT


def test_a_key_of_another_certificate_is_noticed(tmp_path: Path) -> None:
    folder = CertificateFolder.open(tmp_path)
    folder.issue(("nas.local",))
    (tmp_path / "nas.local" / "key.pem").write_bytes(folder.authority.issue(("nas.local",))[1])
    assert folder.issue(("nas.local",)).outcome is Outcome.RENEWED


@pytest.mark.parametrize("lost", ["ca.pem", "ca-key.pem"])
def test_half_an_authority_is_not_replaced(tmp_path: Path, lost: str) -> None:
    CertificateFolder.open(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(FailedPrecondition, match="AUTHORITY_INCOMPLETE"):
        CertificateFolder.open(tmp_path)
    assert not (tmp_path / lost).exists()


def test_a_key_of_another_authority_is_refused(tmp_path: Path) -> None:
    CertificateFolder.open(tmp_path)
    (tmp_path / "ca-key.pem").write_bytes(Authority.make().key_pem)
    with pytest.raises(FailedPrecondition, match="AUTHORITY_DAMAGED"):
        CertificateFolder.open(tmp_path)


def test_a_certificate_of_another_authority_is_made_again(tmp_path: Path) -> None:
    CertificateFolder.open(tmp_path / "a").issue(("nas.local",))
    other = CertificateFolder.open(tmp_path / "b")
    (tmp_path / "a" / "nas.local").rename(tmp_path / "b" / "nas.local")
    assert other.issue(("nas.local",)).outcome is Outcome.RENEWED
    assert other.authority.has_signed(certificate(tmp_path / "b" / "nas.local"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nas.local", ("nas.local",)),
        (" NAS.Local. , 192.168.1.5,nas.local", ("nas.local", "192.168.1.5")),
        ("家里.local", ("xn--fctq27j.local",)),
        ("[2001:DB8::1]", ("2001:db8::1",)),
        ("my_nas", ("my_nas",)),
    ],
)
def test_reads_names_and_addresses(text: str, names: tuple[str, ...]) -> None:
    assert machine_names(text) == names


@pytest.mark.parametrize(
    "text",
    ["", ",", "http://nas", "nas:8401", "a b", "*.local", "192.168.1.500", "-nas", "a..b", "a/../b", "..", "x" * 64, "\u202enas"],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_no_machine_is_refused_in_one_line_and_leaves_nothing(tmp_path: Path, text: str, language: str) -> None:
    with pytest.raises(InvalidInput):
        machine_names(text)
    ended = run(str(tmp_path / "c"), "--host", text, language=language)
    assert ended.exit_code == 1
    assert len(ended.output.strip().splitlines()) == 1
    assert not (tmp_path / "c").exists()


def test_without_any_machine_says_what_to_do(tmp_path: Path) -> None:
    ended = run(str(tmp_path), language="zh")
    assert ended.exit_code == 1
    assert "--host" in ended.output


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = run(str(tmp_path / "file" / "c"), "--host", "nas.local")
    assert ended.exit_code != 0
    assert "Traceback" not in ended.output


def test_installs_what_this_machines_services_and_its_store_need_and_no_key_of_the_authority(tmp_path: Path) -> None:
    root, installed = tmp_path / "authority", tmp_path / "run"
    ended = run(str(root), "--host", "nas.local,search,store", "--install", str(installed))
    assert ended.exit_code == 0, ended.output
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert names == {
        *("ca.pem", "certificate.pem", "key.pem", "embedding-token", "store-key", "store/public.crt", "store/private.key"),
    }
    assert {"search", "store"} <= set(certificate_names(certificate(installed)))
    private = {path for path in installed.rglob("*") if path.is_file() and path.suffix != ".crt" and "c" not in path.name[:1]}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in private) and len(private) == 4
    assert len((installed / "store-key").read_text()) >= 32
    assert (installed / "store-key").read_text() not in ended.output


def test_installing_again_renews_what_changed_and_keeps_the_stores_key(tmp_path: Path) -> None:
    root, installed = tmp_path / "authority", tmp_path / "run"
    run(str(root), "--host", "nas.local", "--install", str(installed))
    key, before = (installed / "store-key").read_text(), (installed / "certificate.pem").read_bytes()
    run(str(root), "--host", "nas.local", "--install", str(installed))
    assert (installed / "certificate.pem").read_bytes() == before
    run(str(root), "--host", "nas.local,192.168.1.9", "--install", str(installed))
    assert "192.168.1.9" in certificate_names(certificate(installed))
    assert (installed / "store" / "public.crt").read_bytes() == (installed / "certificate.pem").read_bytes() != before
    assert (installed / "store-key").read_text() == key


def test_installs_for_each_program_what_it_needs_and_one_key_of_the_store_for_all(tmp_path: Path) -> None:
    root, installed = tmp_path / "authority", tmp_path / "run"
    asked = [word for program in PROGRAMS for word in ("--install", f"{program}={installed / program}")]
    for _ in range(2):
        ended = run(str(root), "--host", "nas.local", *asked)
        assert ended.exit_code == 0, ended.output
        keys = {(installed / program / "store-key").read_text() for program in ("search", "store", "folder")}
        assert keys == {(root / "store-key").read_text()}
    for program, files in PROGRAMS.items():
        place = installed / program
        assert {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()} == set(files), program
    assert not {"store-key", "embedding-token"} & set(PROGRAMS["web"])


@pytest.mark.parametrize("hosts", [(), ("--host", "nas.local", "--host", "gpu.local")])
def test_installs_for_one_machine_alone(tmp_path: Path, hosts: tuple[str, ...]) -> None:
    ended = run(str(tmp_path / "c"), *hosts, "--install", str(tmp_path / "run"))
    assert ended.exit_code == 2 and "one --host" in ended.output
    assert not (tmp_path / "run").exists()


def test_says_when_it_cannot_install(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "store").write_text("a file")
    ended = run(str(tmp_path / "c"), "--host", "nas.local", "--install", str(tmp_path / "run"))
    assert ended.exit_code == 1 and "cannot be used" in ended.output and "Traceback" not in ended.output
