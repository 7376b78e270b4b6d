"""Backups: made while the service goes on, refused whole or restored whole; nothing is destroyed by a restore."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from search_house import SearchHouse, eventually, photo_id_of, picture
from soutu_client import InvalidInputError, PhotoState
from soutu_client.cli.main import run
from soutu_services.runtime.errors import Overloaded
from soutu_services.search.backup_archive import file_digest
from soutu_services.search.backups import Backups


@pytest.fixture
def backup(house: SearchHouse, tmp_path: Path) -> Path:
    """A backup of a library with a red and a blue photo; the red one is a favourite."""
    red = house.upload("旅行/red.png", picture("红"))
    house.upload("blue.png", picture("蓝"))
    house.settled()
    house.client.annotate([red], favourite=True, caption="在海边")
    house.client.create_backup(tmp_path / "soutu.backup")
    return tmp_path / "soutu.backup"


def restore(house: SearchHouse, path: Path) -> None:
    """Restore and start the service again, as its supervisor does."""
    house.client.restore_backup(path, wait_seconds=0)
    assert house.service.restart.is_set()
    house.restart()
    eventually(lambda: not (house.folder / "data" / "restored").exists())
    eventually(lambda: not house.client.status().jobs)


def test_the_file_is_a_tar_of_a_manifest_and_a_whole_catalog(house: SearchHouse, backup: Path, tmp_path: Path) -> None:
    with tarfile.open(backup) as archive:
        assert archive.getnames() == ["manifest.json", "catalog.sqlite3"]
        archive.extractall(tmp_path / "out", filter="data")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["kind"], manifest["format"], manifest["photos"]) == ("soutu-backup", 1, 2)
    assert manifest["catalog_sha256"] == file_digest(tmp_path / "out" / "catalog.sqlite3")
    with closing(sqlite3.connect(tmp_path / "out" / "catalog.sqlite3")) as catalog:
        assert catalog.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert catalog.execute("SELECT caption FROM annotations").fetchall() == [("在海边",)]


def test_a_backup_is_of_one_moment_while_photos_are_written(house: SearchHouse) -> None:
    house.upload("a.png", picture("红"))
    house.settled()
    later: list[str] = []

    def write_meanwhile() -> bool:
        if not later:
            later.append(house.upload("later.png", picture("蓝")))
            eventually(lambda: house.photo(later[0]).state is PhotoState.READY)
        return True

    backups = Backups(house.service.catalog, house.service._folder, on_staged=house.service.restart.set)
    with backups.make(is_wanted=write_meanwhile) as made:
        manifest = json.loads(b"".join(made.parts)[512:].split(b"\n}")[0] + b"}")
        with pytest.raises(Overloaded, match="wait for its end"), backups.make(is_wanted=lambda: True):
            pass
    assert (manifest["photos"], house.client.status().photos) == (1, 2)
    assert not (house.folder / "data" / "transfers").exists()


def test_nobody_who_left_keeps_the_service_copying(house: SearchHouse, backup: Path) -> None:
    class Left(Exception):  # noqa: N818
        pass

    def leave(done: int, total: int) -> None:
        raise Left

    with pytest.raises(Left):
        house.client.create_backup(backup.with_name("second"), on_progress=leave)
    assert {path.name for path in backup.parent.glob("*second*")} == set()
    eventually(lambda: not (house.folder / "data" / "transfers").exists())
    house.client.create_backup(backup.with_name("third"))


def test_a_file_is_not_overwritten_unless_told_so(house: SearchHouse, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(FileExistsError):
        house.client.create_backup(backup)
    assert backup.read_bytes() == before
    house.client.create_backup(backup, overwrite=True)
    assert house.client.restore_backup(backup, wait_seconds=0).photos == 2


def test_a_restore_brings_back_what_was_and_finds_what_came_since(house: SearchHouse, backup: Path) -> None:
    red, blue = photo_id_of(picture("红")), photo_id_of(picture("蓝"))
    house.client.annotate([red], favourite=False, caption="改了")
    since = house.upload("since.png", picture("绿"))
    house.settled()
    (house.folder / "data" / "index.snapshot").write_bytes(b"of the catalog that was")
    restore(house, backup)
    house.settled()
    assert house.listed() == {red, blue, since}
    annotations = house.photo(red).annotations
    assert (annotations.favourite, annotations.caption) == (True, "在海边")
    assert set(house.found("红")[:1]) == {red}
    assert house.photo(since).state is PhotoState.READY
    kept = house.folder / "data" / "catalog-before-restore.sqlite3"
    with closing(sqlite3.connect(kept)) as catalog:
        assert catalog.execute("SELECT caption FROM annotations").fetchall() == [("改了",)]


def test_a_library_without_anything_else_is_made_from_a_backup_and_its_buckets(
    house: SearchHouse, backup: Path, tmp_path: Path
) -> None:
    house.restart(data_folder=tmp_path / "new machine")
    assert house.client.status().photos == 0
    house.client.restore_backup(backup, wait_seconds=0)
    house.restart()
    eventually(lambda: house.client.status().photos_ready == 2)
    assert house.found("红")[0] == photo_id_of(picture("红"))
    assert house.photo(photo_id_of(picture("红"))).annotations.caption == "在海边"


def test_what_was_deleted_since_comes_back_only_if_its_bytes_are_there(house: SearchHouse, backup: Path) -> None:
    red, blue = photo_id_of(picture("红")), photo_id_of(picture("蓝"))
    house.client.delete([red, blue])
    assert house.keys("recycle") == {f"photos/{red}/旅行/red.png", f"photos/{blue}/blue.png"}
    house.client.purge([blue])
    restore(house, backup)
    assert house.listed() == {red}
    assert house.keys("photos") == {"旅行/red.png"}
    with house.client.read_original(red) as original:
        assert original.read() == picture("红")
    assert house.client.status().photos_deleted == 0
    written = [write.place.key for write in house.service._journal.writes() if write.place.source]
    assert written[-1] == "旅行/red.png"  # until it must be on the store's disk: the copy that it was made from is gone


def test_what_was_deleted_before_stays_so_and_can_be_brought_back(house: SearchHouse, tmp_path: Path) -> None:
    red = house.upload("red.png", picture("红"))
    house.settled()
    house.client.delete([red])
    house.client.create_backup(tmp_path / "soutu.backup")
    house.client.undelete([red])
    later = house.upload("later.png", picture("蓝"))
    house.client.delete([later])
    restore(house, tmp_path / "soutu.backup")
    assert house.listed() == set()
    assert f"photos/{later}/later.png" in house.keys("recycle"), "what the backup does not know stays where it is"
    eventually(lambda: house.client.status().photos_deleted == 1)
    assert house.client.undelete([red]) == [red]
    with house.client.read_original(red) as original:
        assert original.read() == picture("红")


def test_a_file_that_took_the_place_of_a_deleted_one_is_not_written_over(house: SearchHouse, backup: Path) -> None:
    red = photo_id_of(picture("红"))
    house.client.delete([red])
    house.bucket("photos").put("旅行/red.png", picture("绿"))
    restore(house, backup)
    house.settled()
    assert house.bucket("photos").read("旅行/red.png", max_bytes=1 << 20) == picture("绿")
    assert photo_id_of(picture("绿")) in house.listed()
    assert f"photos/{red}/旅行/red.png" in house.keys("recycle")


def test_the_client_refuses_what_is_no_backup_before_it_sends_it(house: SearchHouse, tmp_path: Path) -> None:
    (tmp_path / "no backup").write_bytes(picture("红"))
    with pytest.raises(InvalidInputError, match="no backup of soutu"):
        house.client.restore_backup(tmp_path / "no backup")
    _unchanged(house)


def test_tokens_stay_as_they_are_so_that_none_comes_back_to_life(house: SearchHouse, backup: Path) -> None:
    _add_token(house, "now")
    restore(house, backup)
    assert _tokens(house) == ["now"]


def test_tokens_of_the_backup_are_taken_where_there_are_none(house: SearchHouse, tmp_path: Path) -> None:
    _add_token(house, "then")
    house.client.create_backup(tmp_path / "soutu.backup")
    house.restart(data_folder=tmp_path / "new machine")
    with house.service.catalog._database.write() as writer:
        writer.execute("DELETE FROM tokens")
    house.client.restore_backup(tmp_path / "soutu.backup", wait_seconds=0)
    house.restart()
    assert _tokens(house) == ["then"]


def _unchanged(house: SearchHouse) -> None:
    assert not house.service.restart.is_set()
    folder = house.folder / "data"
    assert not (folder / "restore.sqlite3").exists()
    assert not (folder / "transfers").exists()
    assert house.client.status().version


def _add_token(house: SearchHouse, name: str) -> None:
    with house.service.catalog._database.write() as writer:
        writer.execute(
            "INSERT INTO tokens (token_id, name, digest, scope, created_at) VALUES (?, ?, ?, 'ADMIN', 0)",
            (name, name, name.encode()),
        )


def _tokens(house: SearchHouse) -> list[str]:
    with house.service.catalog._database.read() as reader:
        return [row[0] for row in reader.execute("SELECT name FROM tokens WHERE name IN ('now', 'then')")]


def test_the_command_line_saves_and_restores_in_one_line_each(
    house: SearchHouse, backup: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def soutu(*arguments: str) -> tuple[int, str, str]:
        code = run(["--address", house.address, "--language", "en", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    path = str(tmp_path / "second.backup")
    code, out, _ = soutu("backup", path)
    assert (code, out.count("\n")) == (0, 1)
    assert "catalog of 2 photos" in out
    code, _, err = soutu("backup", path)
    assert code == 2
    assert "is there already" in err
    assert soutu("backup", path, "--force")[0] == 0
    assert json.loads(soutu("backup", path, "--force", "--json")[1])["photos"] == 2
    code, _, err = soutu("restore", path)
    assert (code, house.service.restart.is_set()) == (2, False), "nobody can be asked here"
    assert "--yes" in err
    (tmp_path / "text").write_text("no backup")
    code, _, err = soutu("restore", str(tmp_path / "text"), "--yes")
    assert code == 1
    assert "no backup of soutu" in err
    assert "does not exist" in soutu("restore", str(tmp_path / "nothing"), "--yes")[2]
    code, out, _ = soutu("restore", path, "--yes", "--no-wait")
    assert (code, house.service.restart.is_set()) == (0, True)
    assert "takes over when the service has started again" in out
