"""Which sidecar of a Takeout belongs to which file.

Google documents none of this. What is known is gathered by those who import Takeouts: simulot/immich-go
(adapters/googlePhotos/matchers.go and its tests), TheLastGimbus/GooglePhotosTakeoutHelper (issue 353, pull request 449),
ente-io/ente (pull request 4956).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePath

__all__ = ["SidecarNames", "whole_name"]

_SUFFIX = ".supplemental-metadata"
"""Since 2024 in front of ``.json``, or as much of it as there is room for."""

_MOST_UNITS = 46
"""UTF-16 units of a sidecar's name in front of ``.json``; ``.json``, and a number, are never cut."""

_NUMBERED = re.compile(r"(.*)\((\d+)\)", re.DOTALL)
_EDITED = re.compile(r"(.+)-[^\W\d_][^\d]*", re.DOTALL)
"""``-edited``, ``-bearbeitet``, ``-编辑``, ``-edi`` where there is no room: it is written in the person's language."""


class SidecarNames:
    """The sidecars of one folder, and the files that they lie beside."""

    def __init__(self, sidecars: Iterable[str], files: Iterable[str]) -> None:
        """Note names: ``IMG.jpg.json``, ``IMG.jpg``."""
        self._sidecars: dict[tuple[str, str], str] = {}
        for name in sidecars:
            base = name[: -len(".json")]
            self._sidecars[base, ""] = name
            if numbered := _NUMBERED.fullmatch(base):  # IMG.jpg(1).json, IMG.jpg.supplemental-metadata(1).json
                self._sidecars.setdefault((numbered[1], numbered[2]), name)
        self._beside: defaultdict[str, list[str]] = defaultdict(list)
        for name in files:
            self._beside[PurePath(name).stem].append(name)

    def find(self, file: str) -> str | None:
        """Return the sidecar that tells about a file: its own, or that of the picture which it is an edit or the clip of."""
        own = self._own(file)
        if own is not None:
            return own
        for other in self._related(file):
            found = self._own(other)
            if found is not None:
                return found
        return self._of_a_forgotten_number(file)

    def _own(self, file: str) -> str | None:
        for name, number in _forms(file):
            whole = name + _SUFFIX
            for end in range(len(whole), len(name) - 1, -1):
                if (found := self._sidecars.get((whole[:end], number))) is not None:
                    return found
            if (found := self._cut(name, number)) is not None:
                return found
        return None

    def _cut(self, name: str, number: str) -> str | None:
        """Find a sidecar whose name had no room for all of the file's."""
        for end in range(min(len(name) - 1, _MOST_UNITS + 1), 0, -1):
            units = _units(name[:end])
            if units < _MOST_UNITS - 1:
                break
            if units <= _MOST_UNITS + 1 and (found := self._sidecars.get((name[:end], number))) is not None:
                return found
        return None

    def _related(self, file: str) -> Iterator[str]:
        """Yield pictures that a file is an edit of, or the clip of (``IMG_1.MP4``; ``PXL_1.MP`` of ``PXL_1.MP.jpg``)."""
        path = PurePath(file)
        for stem in (path.stem, file):
            yield from (other for other in self._beside.get(stem, ()) if other != file)
        numbered = _NUMBERED.fullmatch(path.stem)
        stem, number = (numbered[1], f"({numbered[2]})") if numbered else (path.stem, "")
        while edited := _EDITED.fullmatch(stem):
            stem = edited[1]
            yield f"{stem}{number}{path.suffix}"
            yield from self._beside.get(stem + number, ())

    def _of_a_forgotten_number(self, file: str) -> str | None:
        """Find the sidecar that several files share whose names are the same as far as there was room for them."""
        forms = list(_forms(file))
        return self._cut(forms[-1][0], "") if len(forms) > 1 else None


def whole_name(file: str, title: str) -> str:
    """Return a file's name as it was before a Takeout cut it, by the title in its sidecar; the name itself if it was not."""
    path = PurePath(file)
    numbered = _NUMBERED.fullmatch(path.stem)
    stem, number = (numbered[1], f"({numbered[2]})") if numbered else (path.stem, "")
    whole = PurePath(title).stem if "/" not in title and "\\" not in title else ""
    is_cut = _units(stem) >= _MOST_UNITS - 1 and len(whole) > len(stem) and whole.startswith(stem)
    return f"{whole}{number}{path.suffix}" if is_cut else file


def _forms(file: str) -> Iterator[tuple[str, str]]:
    """Yield a file's name, and for ``IMG(1).jpg`` what its sidecar may call it: ``IMG.jpg`` with the number 1."""
    yield file, ""
    path = PurePath(file)
    if numbered := _NUMBERED.fullmatch(path.stem):
        yield numbered[1] + path.suffix, numbered[2]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
