"""A catalog's file that a fault left torn, short or empty: it is refused as it is, or holds what was whole."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soutu_services.runtime.errors import DataLoss
from soutu_services.search.catalog import Catalog


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite3"
    with Catalog.open(path) as catalog, catalog.transaction():
        for number in range(3000):
            _write(catalog, number)
    return path


def _write(catalog: Catalog, number: int) -> None:
    catalog.jobs.record_synced(f"source {number}", datetime(2024, 5, 1, tzinfo=UTC))


def _cut(share: float) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return damage


def _log_alone(path: Path) -> None:
    path.with_name("catalog.sqlite3-wal").write_bytes(b"what was committed")
    path.unlink()


_DAMAGE: dict[str, Callable[[Path], None]] = {
    "empty": _cut(0),
    "a few bytes": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "half": _cut(0.5),
    "all but its last page": lambda path: path.write_bytes(path.read_bytes()[:-4096]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "another file": lambda path: path.write_bytes(b"a letter to grandmother " * 1000),
    "a torn head": lambda path: path.write_bytes(bytes(100) + path.read_bytes()[100:]),
    "only its log": _log_alone,
}


@pytest.mark.parametrize("kind", _DAMAGE)
def test_a_damaged_file_is_refused_with_what_to_do_and_left_as_it_is(file: Path, kind: str) -> None:
    _DAMAGE[kind](file)
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(DataLoss, match=r"restore\.tar") as refused:
        Catalog.open(file)
    assert refused.value.reason == "CATALOG_DAMAGED"
    assert "\n" not in refused.value.text.en
    assert before.items() <= {path.name: path.read_bytes() for path in file.parent.iterdir()}.items()


def test_a_new_catalog_has_its_name_once_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.catalog.database.sync_folder", _crash)
    monkeypatch.setattr(Path, "replace", _crash)
    with pytest.raises(KeyboardInterrupt):
        Catalog.open(tmp_path / "catalog.sqlite3")
    monkeypatch.undo()
    assert not (tmp_path / "catalog.sqlite3").exists()
    Catalog.open(tmp_path / "catalog.sqlite3").close()
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.sqlite3"]


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("seed", range(6))
def test_a_torn_write_ahead_log_costs_what_comes_after_the_tear_alone(file: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    copy = tmp_path / "copy" / "catalog.sqlite3"
    copy.parent.mkdir()
    with Catalog.open(file) as catalog:
        for number in range(3000, 3040):
            _write(catalog, number)
        for suffix in ("", "-wal"):  # as a power cut leaves them
            shutil.copy(file.with_name(file.name + suffix), copy.with_name(copy.name + suffix))
    log = bytearray(copy.with_name(f"{copy.name}-wal").read_bytes())
    place = chance.randrange(len(log))
    if seed % 2:
        del log[place:]
    else:
        log[place : place + 64] = chance.randbytes(64)
    copy.with_name(f"{copy.name}-wal").write_bytes(log)
    with Catalog.open(copy) as catalog:
        found = sorted(int(name.split()[1]) for name in catalog.jobs.synced_times())
        assert found == list(range(len(found)))
        assert len(found) >= 3000
        with catalog._database.read() as reader:
            assert reader.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
