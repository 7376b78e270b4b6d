"""Files of a folder with every write to them recorded, and the folder as a power cut may leave it.

What was written before an fsync of a file is there afterwards; a name that was made, changed or removed before an fsync of the
folder is too. All else may be there, may be missing, in any order, and a write may be torn between sectors.
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

__all__ = ["Event", "RecordedFolder", "crashed_folder"]

_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: ``write``, ``truncate``, ``sync`` to a file by its number; ``make``, ``rename``, ``remove`` to names;
    ``sync names``; ``told`` of a value that somebody was told is safe."""

    what: str
    file: int = 0
    name: str = ""
    to: str = ""
    offset: int = 0
    data: bytes = b""


class RecordedFolder:
    """Records what happens to the files of a folder, not of those below, in the block of ``recording``.

    ``waits`` says of each flush whether it is to be waited for, to see what it is good for: of a file, or of the folder.
    """

    def __init__(self, folder: Path, *, waits: Sequence[str] = ("file", "folder")) -> None:
        self.events: list[Event] = []
        self._folder = folder
        self._waits = waits
        self._files: dict[str, int] = {}
        self._descriptors: dict[int, int] = {}
        self._real = (Path.open, os.open, os.fsync, Path.replace, Path.unlink, os.truncate)

    def tell(self, value: str) -> None:
        self.events.append(Event("told", name=value))

    @contextmanager
    def recording(self) -> Iterator[None]:
        recorder = self
        real_open, real_os_open, real_fsync, real_replace, real_unlink, real_truncate = self._real

        def opened(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if path.parent != recorder._folder or mode != "wb":
                return real_open(path, mode, *arguments, **options)
            number = len(recorder.events)
            recorder._files[path.name] = number
            recorder.events.append(Event("make", number, path.name))
            return io.BufferedWriter(_Raw(path, number, recorder))

        def os_opened(path: Any, *arguments: Any, **options: Any) -> int:
            descriptor = real_os_open(path, *arguments, **options)
            recorder._descriptors.pop(descriptor, None)
            if Path(path) == recorder._folder:
                recorder._descriptors[descriptor] = -1
            return descriptor

        def flushed(descriptor: int) -> None:
            real_fsync(descriptor)
            number = recorder._descriptors.get(descriptor)
            if number == -1 and "folder" in recorder._waits:
                recorder.events.append(Event("sync names"))
            elif number is not None and number >= 0 and "file" in recorder._waits:
                recorder.events.append(Event("sync", number))

        def replaced(path: Path, target: Path) -> Path:
            result = real_replace(path, target)
            if path.parent == recorder._folder:
                recorder._files[target.name] = recorder._files.pop(path.name)
                recorder.events.append(Event("rename", name=path.name, to=target.name))
            return result

        def unlinked(path: Path, missing_ok: bool = False) -> None:
            was_there = path.exists()
            real_unlink(path, missing_ok)
            if was_there and path.parent == recorder._folder:
                recorder.events.append(Event("remove", name=path.name))

        def truncated(path: Any, length: int) -> None:
            real_truncate(path, length)
            if Path(path).parent == recorder._folder:
                recorder.events.append(Event("truncate", recorder._files[Path(path).name], offset=length))

        with (
            patch.object(Path, "open", opened),
            patch.object(os, "open", os_opened),
            patch.object(os, "fsync", flushed),
            patch.object(Path, "replace", replaced),
            patch.object(Path, "unlink", unlinked),
            patch.object(os, "truncate", truncated),
        ):
            yield


class _Raw(io.FileIO):
    def __init__(self, path: Path, number: int, recorder: RecordedFolder) -> None:
        super().__init__(path, "w")
        self._number = number
        self._recorder = recorder
        recorder._descriptors[self.fileno()] = number

    def write(self, data: Any) -> int:
        offset = self.tell()
        written = super().write(data)
        assert written is not None
        self._recorder.events.append(Event("write", self._number, offset=offset, data=bytes(data[:written])))
        return written

    def close(self) -> None:
        if not self.closed:
            self._recorder._descriptors.pop(self.fileno(), None)
        super().close()


def crashed_folder(events: Sequence[Event], folder: Path, chance: random.Random) -> list[str]:
    """Write the folder as it may be after the power went at the end of some events; return what was told by then."""
    folder.mkdir()
    contents: dict[int, bytearray] = {}
    unsure: dict[int, list[Event]] = {}
    names: dict[str, int] = {}
    unsure_names: list[Event] = []
    for event in events:
        if event.what in ("write", "truncate"):
            unsure.setdefault(event.file, []).append(event)
        elif event.what == "sync":
            for change in unsure.pop(event.file, []):
                _apply(contents.setdefault(event.file, bytearray()), change)
        elif event.what in ("make", "rename", "remove"):
            unsure_names.append(event)
        elif event.what == "sync names":
            for change in unsure_names:
                _rename(names, change)
            unsure_names.clear()
    kept = chance.choice((0.0, 0.5, 1.0))
    for change in unsure_names:
        if chance.random() < kept:
            _rename(names, change)
    for file, changes in unsure.items():
        for change in _survivors(changes, chance):
            _apply(contents.setdefault(file, bytearray()), change)
    for name, file in names.items():
        (folder / name).write_bytes(contents.get(file, b""))
    return [event.name for event in events if event.what == "told"]


def _rename(names: dict[str, int], event: Event) -> None:
    if event.what == "make":
        names[event.name] = event.file
    elif event.what == "remove":
        names.pop(event.name, None)
    elif event.name in names:
        names[event.to] = names.pop(event.name)


def _survivors(changes: Sequence[Event], chance: random.Random) -> Iterator[Event]:
    kept = chance.choice((0.0, 0.5, 0.9, 1.0))
    for change in changes:
        if change.what == "write" and len(change.data) > _SECTOR and chance.random() < 0.5:
            for start in range(0, len(change.data), _SECTOR):
                if chance.random() < kept:
                    part = change.data[start : start + _SECTOR]
                    yield Event("write", change.file, offset=change.offset + start, data=part)
        elif chance.random() < kept:
            yield change


def _apply(content: bytearray, change: Event) -> None:
    if change.what == "truncate":
        del content[change.offset :]
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data
