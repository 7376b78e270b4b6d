"""What the command line says of videos, raw files and Live Photos."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from soutu_client.cli.cells import badges, clock_text
from soutu_client.cli.photo_tables import hit_table
from soutu_client.cli.texts import Texts
from soutu_client.models import Annotations, Hit, Photo, PhotoKind, PhotoName, PhotoPart, PhotoState

RAW = PhotoPart("1" * 32, "image/x-raw", 30_000_000, "a/IMG_1.DNG")
CLIP = PhotoPart("2" * 32, "video/quicktime", 3_000_000, "a/IMG_1.MOV")


def photo(
    media_type: str = "image/jpeg",
    *,
    parts: tuple[PhotoPart, ...] = (),
    kind: PhotoKind = PhotoKind.STILL,
    duration_ms: int | None = None,
) -> Photo:
    return Photo(
        photo_id="0" * 32,
        state=PhotoState.READY,
        unreadable=None,
        names=(PhotoName("photos", "a/IMG_1.JPG", True),),
        width=4,
        height=3,
        size_bytes=5,
        media_type=media_type,
        kind=kind,
        taken=None,
        camera="",
        location=None,
        annotations=Annotations(),
        added_at=None,
        deleted_at=None,
        duration_ms=duration_ms,
        parts=parts,
    )


FILM = photo("video/mp4", kind=PhotoKind.VIDEO, duration_ms=3_723_999)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (photo(), []),
        (photo(parts=(RAW,)), ["RAW"]),
        (photo("image/x-raw"), ["RAW"]),
        (photo(parts=(CLIP,)), ["LIVE"]),
        (photo(parts=(CLIP, RAW)), ["RAW", "LIVE"]),
        (FILM, ["▶1:02:03"]),
    ],
)
def test_badges(shown: Photo, expected: list[str]) -> None:
    assert badges(shown) == expected


@pytest.mark.parametrize(("length_ms", "text"), [(0, "0:00"), (42_999, "0:42"), (600_000, "10:00"), (3_600_000, "1:00:00")])
def test_a_time_within_a_video(length_ms: int, text: str) -> None:
    assert clock_text(length_ms) == text


def test_the_table_says_when_a_video_shows_what_was_looked_for() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(hit_table([Hit(FILM, 0.1, 0.3, (), frame_ms=42_000)], Texts("zh")))
    assert "画面相似; 在 0:42" in out.getvalue()
