"""Tokens: made, known again, revoked, confined, and never kept."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from soutu_services.runtime.access import FULL_ACCESS, FolderAccess, Scope
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, NotAuthenticated, NotFound
from soutu_services.search.access_control import ADMIN_TOKEN_FILE, AccessControl
from soutu_services.search.catalog import Catalog
from soutu_services.search.catalog.tokens import SECRET_PREFIX


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite3") as opened:
        yield opened


def control(catalog: Catalog, *, required: bool = True) -> AccessControl:
    return AccessControl(catalog.tokens, is_required=required, sources=("photos", "nas"))


def test_a_token_is_known_again_also_after_a_restart(catalog: Catalog) -> None:
    token, secret = control(catalog).create(name="奶奶的手机", scope=Scope.WRITE, folders=())
    access = control(catalog).authenticate(secret)
    assert (access.name, access.scope, access.folders, access.token_id) == ("奶奶的手机", Scope.WRITE, (), token.token_id)


def test_two_secrets_differ_are_long_and_can_be_recognised(catalog: Catalog) -> None:
    made = [control(catalog).create(name="x", scope=Scope.READ, folders=())[1] for _ in range(2)]
    assert made[0] != made[1]
    for secret in made:
        assert secret.startswith(SECRET_PREFIX)
        assert len(secret) >= len(SECRET_PREFIX) + 43
        assert secret.isascii() and not set(secret) & set(" \"'\\\n/+=")


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + "a", lambda s: s.upper(), lambda _: "", lambda _: "soutu_"])
def test_what_is_nearly_a_token_is_refused(catalog: Catalog, change: object) -> None:
    own = control(catalog)
    _, secret = own.create(name="x", scope=Scope.ADMIN, folders=())
    with pytest.raises(NotAuthenticated):
        own.authenticate(change(secret))  # type: ignore[operator]


def test_a_revoked_token_is_refused_at_once_and_stays_in_the_list(catalog: Catalog) -> None:
    own = control(catalog)
    token, secret = own.create(name="x", scope=Scope.READ, folders=())
    access = own.authenticate(secret)
    assert own.is_valid(access)
    assert own.revoke(token.token_id).revoked_at is not None
    assert not own.is_valid(access)
    for each in (own, control(catalog)):
        with pytest.raises(NotAuthenticated):
            each.authenticate(secret)
    (listed,), _ = own.list_page(limit=10, page_token_text="")
    assert listed.revoked_at is not None
    assert own.revoke(token.token_id) == listed
    with pytest.raises(NotFound):
        own.revoke("0123456789abcdef")


def test_the_secret_is_nowhere_in_the_catalogs_files_nor_the_log(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    own = control(catalog)
    token, secret = own.create(name="x", scope=Scope.READ, folders=())
    own.authenticate(secret)
    own.note_use(own.authenticate(secret))
    own.revoke(token.token_id)
    for path in tmp_path.iterdir():
        assert secret.removeprefix(SECRET_PREFIX).encode() not in path.read_bytes()
    assert secret not in caplog.text + repr(token)


def test_no_token_is_everyone_where_none_is_needed_but_a_wrong_one_is_still_refused(catalog: Catalog) -> None:
    own = control(catalog, required=False)
    _, guest = own.create(name="guest", scope=Scope.READ, folders=[FolderAccess("", "旅行")])
    assert own.authenticate(None) == FULL_ACCESS
    assert own.authenticate(guest).folders == (FolderAccess("", "旅行"),)
    with pytest.raises(NotAuthenticated):
        own.authenticate("soutu_wrong")
    with pytest.raises(NotAuthenticated, match="TOKEN_MISSING"):
        control(catalog, required=True).authenticate(None)


def test_folders_are_written_as_names_are_compared(catalog: Catalog) -> None:
    folders = [FolderAccess("nas", "/旅行//2019/"), FolderAccess("", "Cafe\u0301"), FolderAccess("photos", "")]
    token, _ = control(catalog).create(name="x", scope=Scope.READ, folders=folders)
    assert token.folders == (FolderAccess("nas", "旅行/2019"), FolderAccess("", "Caf\u00e9"), FolderAccess("photos", ""))


@pytest.mark.parametrize(
    ("name", "scope", "folders", "reason"),
    [
        ("", Scope.READ, [], "BAD_TOKEN_NAME"),
        ("   ", Scope.READ, [], "BAD_TOKEN_NAME"),
        ("x" * 101, Scope.READ, [], "BAD_TOKEN_NAME"),
        ("two\nlines", Scope.READ, [], "BAD_TOKEN_NAME"),
        ("x", Scope.WRITE, [FolderAccess("", "a")], "ONLY_READ_IS_CONFINED"),
        ("x", Scope.ADMIN, [FolderAccess("", "a")], "ONLY_READ_IS_CONFINED"),
        ("x", Scope.READ, [FolderAccess("nowhere", "a")], "NO_SUCH_SOURCE"),
        ("x", Scope.READ, [FolderAccess("", "a" * 1025)], "BAD_FOLDER"),
        ("x", Scope.READ, [FolderAccess("", "")], "BAD_FOLDER"),
        ("x", Scope.READ, [FolderAccess("", "旅行"), FolderAccess("", "//")], "BAD_FOLDER"),
        ("x", Scope.READ, [FolderAccess("", str(n)) for n in range(101)], "TOO_MANY_FOLDERS"),
    ],
)
def test_what_no_token_can_be_is_refused(
    catalog: Catalog, name: str, scope: Scope, folders: list[FolderAccess], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        control(catalog).create(name=name, scope=scope, folders=folders)
    assert catalog.tokens.valid() == []


def test_the_first_administrators_token_is_in_a_private_file_and_made_once(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = control(catalog)
    own.ensure_administrator(tmp_path)
    file = tmp_path / ADMIN_TOKEN_FILE
    secret = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert own.authenticate(secret).scope is Scope.ADMIN
    assert str(file) in caplog.text and secret not in caplog.text
    for again in (own, control(catalog)):
        again.ensure_administrator(tmp_path)
    assert file.read_text().strip() == secret
    assert len(catalog.tokens.valid()) == 1


def test_no_administrator_is_made_where_no_token_is_needed(catalog: Catalog, tmp_path: Path) -> None:
    control(catalog, required=False).ensure_administrator(tmp_path)
    assert not (tmp_path / ADMIN_TOKEN_FILE).exists()
    assert catalog.tokens.valid() == []


def test_a_file_without_its_token_is_replaced(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / ADMIN_TOKEN_FILE).write_text("soutu_of-a-crash-between-file-and-catalog\n")
    own = control(catalog)
    own.ensure_administrator(tmp_path)
    assert own.authenticate((tmp_path / ADMIN_TOKEN_FILE).read_text().strip()).scope is Scope.ADMIN


def test_the_last_administrator_stays_where_tokens_are_needed(catalog: Catalog) -> None:
    own = control(catalog)
    first, _ = own.create(name="a", scope=Scope.ADMIN, folders=())
    with pytest.raises(FailedPrecondition, match="LAST_ADMIN_TOKEN"):
        own.revoke(first.token_id)
    own.create(name="b", scope=Scope.ADMIN, folders=())
    own.revoke(first.token_id)


def test_use_is_noted_to_the_hour_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    own = control(catalog)
    _, secret = own.create(name="x", scope=Scope.READ, folders=())
    written: list[str] = []
    note = catalog.tokens.note_use
    monkeypatch.setattr(catalog.tokens, "note_use", lambda token_id: (written.append(token_id), note(token_id)))
    for _ in range(5):
        own.note_use(own.authenticate(secret))
    assert len(written) in (1, 2)  # two if an hour ended meanwhile
    (listed,), _ = own.list_page(limit=1, page_token_text="")
    assert listed.used_at is not None
    assert (listed.used_at.minute, listed.used_at.second, listed.used_at.microsecond) == (0, 0, 0)
    own.note_use(FULL_ACCESS)


def test_the_list_is_paged_newest_first(catalog: Catalog) -> None:
    own = control(catalog)
    for name in "abc":
        own.create(name=name, scope=Scope.READ, folders=())
    first, token = own.list_page(limit=2, page_token_text="")
    rest, end = own.list_page(limit=2, page_token_text=token)
    assert [each.name for each in [*first, *rest]] == ["c", "b", "a"]
    assert end == ""
