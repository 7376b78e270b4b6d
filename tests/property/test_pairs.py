"""What is part of what follows from what lies where: any history ends as in a library that saw its end alone."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from soutu_services.search.catalog import Catalog, Ingested, SeenObject
from soutu_services.search.imaging import Reading
from soutu_services.search.model import Filter, PhotoKind
from soutu_services.search.visibility import EVERYTHING

_MODIFIED = datetime(2024, 5, 1, tzinfo=UTC)
_TYPES = {"jpg": "image/jpeg", "heic": "image/heic", "dng": "image/x-raw", "mov": "video/quicktime", "png": "image/png"}
_KEYS = [f"{folder}/{stem}.{ending}" for folder in "ab" for stem in ("1", "2") for ending in _TYPES]


class _Step(NamedTuple):
    """A file comes, with one of two contents of its kind, or goes."""

    key: str
    content: str


_LENGTH = (
    settings.get_profile("long")
    if settings.get_current_profile_name() == "long"
    else settings(settings.get_profile("short"), max_examples=100)
)
_steps = st.builds(_Step, st.sampled_from(_KEYS), st.sampled_from(("x", "y", "")))


class _Library:
    def __init__(self, path: Path) -> None:
        self.catalog = Catalog.open(path)

    def do(self, step: _Step) -> None:
        if step.content:
            self._show(step)
        else:
            self.catalog.objects.mark_gone("photos", [step.key])
        for rule in (self.catalog.verification.wrong_pairs, self.catalog.verification.wrong_presence):
            assert rule(repair=False) == []

    def _show(self, step: _Step) -> None:
        ending = step.key.rpartition(".")[2]
        content = f"{ending} {step.content}"
        self.catalog.objects.record_seen("photos", [SeenObject(step.key, content, len(content), _MODIFIED)])
        is_film = ending == "mov"
        for unread in self.catalog.objects.next_unread(9):
            reading = Reading(
                media_type=_TYPES[ending],
                width=1,
                height=1,
                kind=PhotoKind.VIDEO if is_film else PhotoKind.STILL,
                taken=None,
                camera="",
                location=None,
                phash=0,
                thumbnail=b"",
                duration_ms=1000 if is_film else None,
            )
            self.catalog.ingest.record([Ingested(unread, hashlib.sha256(content.encode()).hexdigest(), reading)])

    def photos(self) -> dict[str, tuple[set[str], set[str]]]:
        """The photos that are shown: their present names, and the ids of their parts."""
        page = self.catalog.photos.list_page(Filter(), EVERYTHING)
        return {
            photo.photo_id: (
                {name.name for name in photo.names if name.present},
                {part.part_id for part in photo.parts if part.name},
            )
            for photo in page.photos
        }


@_LENGTH
@given(st.lists(_steps, min_size=1, max_size=14))
def test_any_history_ends_as_if_only_its_end_had_been_seen(steps: list[_Step]) -> None:
    end = {step.key: step for step in steps}
    with tempfile.TemporaryDirectory() as folder:
        lived, fresh = _Library(Path(folder) / "lived.db"), _Library(Path(folder) / "fresh.db")
        try:
            for step in steps:
                lived.do(step)
            for key in sorted(end):
                if end[key].content:
                    fresh.do(end[key])
            assert lived.photos() == fresh.photos()
        finally:
            lived.catalog.close()
            fresh.catalog.close()
