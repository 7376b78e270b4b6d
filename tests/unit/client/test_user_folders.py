"""Files of a person's own: written whole, and there after a power cut."""

import os
import stat
from pathlib import Path

import pytest

from soutu_client._user_folders import write_private


@pytest.mark.parametrize("is_lasting", [True, False])
def test_a_file_that_must_last_is_synced_before_its_name_and_the_name_after(
    is_lasting: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "soutu" / "login.json"
    steps: list[tuple[str, str]] = []
    sync = os.fsync

    def note(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append((kind, path.read_text() if path.exists() else "nothing"))
        assert kind == "file" or os.path.samestat(os.fstat(handle), path.parent.stat())
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    write_private(path, "new", is_lasting=is_lasting)
    assert steps == ([("file", "nothing"), ("folder", "new")] if is_lasting else [])
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
