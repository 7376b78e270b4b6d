"""What is read from videos."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from film_files import film, song
from picture_files import encoded, scene
from soutu_services.search.imaging import PictureLimits, Reading, Unreadable, read_film, read_picture
from soutu_services.search.imaging.film_facts import film_facts
from soutu_services.search.model import Location, PhotoKind, Taken, TakenOrigin, UnreadableReason

LIMITS = PictureLimits()
RED, GREEN, BLUE, BLACK = (Image.new("RGB", (160, 120), colour) for colour in ("#c01010", "#10c010", "#1010c0", "#000000"))


def read(data: bytes, limits: PictureLimits = LIMITS, **options: object) -> Reading:
    return read_film(BytesIO(data), limits, **options)  # type: ignore[arg-type]


def reason(data: bytes, limits: PictureLimits = LIMITS) -> UnreadableReason:
    with pytest.raises(Unreadable) as caught:
        read(data, limits)
    return caught.value.reason


def colour(image: bytes) -> str:
    return "rgb"[int(np.asarray(Image.open(BytesIO(image)).convert("RGB")).mean(axis=(0, 1)).argmax())]


@pytest.mark.parametrize(
    ("container", "codec", "media_type"),
    [
        ("mp4", "libx264", "video/mp4"),
        ("mov", "mpeg4", "video/quicktime"),
        ("matroska", "libx264", "video/x-matroska"),
        ("webm", "libvpx-vp9", "video/webm"),
        ("avi", "mpeg4", "video/x-msvideo"),
        ("mpegts", "libx264", "video/mp2t"),
        ("flv", "libx264", "video/x-flv"),
        ("asf", "mpeg4", "video/x-ms-asf"),
    ],
)
def test_reads_the_containers_of_cameras_and_computers(container: str, codec: str, media_type: str) -> None:
    reading = read(film(container=container, codec=codec, rate=25))
    assert (reading.media_type, reading.kind) == (media_type, PhotoKind.VIDEO)
    assert (reading.width, reading.height) == (160, 120)
    assert reading.duration_ms == pytest.approx(2000, abs=100)
    assert [colour(frame.image) for frame in reading.frames] == ["b"]
    assert reading.thumbnail == reading.frames[0].image


@pytest.mark.parametrize("key_frames", [1, 250])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_frame_of_each_scene_is_taken(codec: str, key_frames: int) -> None:
    reading = read(film([(RED, 3.0), (GREEN, 1.0), (BLUE, 4.0)], codec=codec, key_frames=key_frames))
    seen = [(colour(frame.image), frame.time_ms) for frame in reading.frames]
    assert [each for each, _ in seen] == ["r", "g", "b"]
    assert 0 <= seen[0][1] < 3000 <= seen[1][1] < 4000 <= seen[2][1] < 8000


def test_no_more_frames_than_a_few_are_taken() -> None:
    colours = np.random.default_rng(1).integers(40, 255, (20, 3))
    pictures = [(Image.new("RGB", (160, 120), tuple(int(part) for part in one)), 1.0) for one in colours]
    times = [frame.time_ms for frame in read(film(pictures)).frames]
    assert len(times) == 8
    assert times[0] < 5000 and times[-1] > 15000


def test_what_comes_into_a_scene_is_seen_and_a_still_scene_once() -> None:
    empty = Image.new("RGB", (160, 120), "#406080")
    with_somebody = empty.copy()
    with_somebody.paste((220, 180, 40), (20, 40, 60, 100))
    assert len(read(film([(empty, 4.0)])).frames) == 1
    assert len(read(film([(empty, 4.0), (with_somebody, 2.0), (empty, 4.0)])).frames) == 2


def test_black_frames_are_passed_over_unless_there_is_nothing_else() -> None:
    reading = read(film([(BLACK, 2.0), (RED, 1.0), (BLACK, 2.0)]))
    assert [colour(frame.image) for frame in reading.frames] == ["r"]
    assert 2000 <= reading.poster_ms < 3000
    assert len(read(film([(BLACK, 1.0)])).frames) == 1


def test_one_time_alone_can_be_looked_at() -> None:
    data = film([(RED, 2.0), (GREEN, 2.0), (BLUE, 2.0)])
    for at_ms, expected in ((0, "r"), (1900, "r"), (2100, "g"), (5900, "b"), (9999, "b")):
        (frame,) = read(data, at_ms=at_ms, longer_side=2048).frames
        assert colour(frame.image) == expected


@pytest.mark.parametrize(("rotation", "corner"), [(0, (0.1, 0.1)), (-90, (0.9, 0.1)), (180, (0.9, 0.9)), (90, (0.1, 0.9))])
def test_it_is_shown_upright(rotation: int, corner: tuple[float, float]) -> None:
    reading = read(film([(scene(), 1.0)], rotation=rotation))
    assert (reading.width, reading.height) == ((120, 160) if rotation % 180 else (160, 120))
    picture = Image.open(BytesIO(reading.thumbnail)).convert("RGB")
    red = picture.getpixel((round(corner[0] * picture.width), round(corner[1] * picture.height)))
    assert isinstance(red, tuple) and red[0] > 150 > red[2]


def test_it_tells_what_the_camera_wrote() -> None:
    reading = read(
        film(
            container="mov",
            metadata={
                "com.apple.quicktime.creationdate": "2024-05-01T12:30:00+0800",
                "com.apple.quicktime.make": "Apple",
                "com.apple.quicktime.model": "iPhone 15",
                "com.apple.quicktime.location.ISO6709": "+31.2304+121.4737+004.000/",
            },
        )
    )
    assert reading.taken == Taken(datetime(2024, 5, 1, 12, 30), 480, TakenOrigin.EXIF)
    assert reading.camera == "Apple iPhone 15"
    assert reading.location == Location(31.2304, 121.4737)
    assert reading.codec == "h264"


def test_the_name_tells_what_the_clock_showed_where_the_film_tells_the_moment_alone() -> None:
    said = {"creation_time": "2024-05-01T04:30:02.000000Z"}
    named = film_facts(said, "DCIM/VID_20240501_123000.mp4").taken
    assert named == Taken(datetime(2024, 5, 1, 12, 30), 480, TakenOrigin.EXIF)
    other_day = film_facts(said, "VID_20200101_000000.mp4").taken
    assert other_day is not None and other_day.utc_offset_minutes is None and other_day.local_time.year == 2024


@pytest.mark.parametrize(
    "said",
    [
        {"creation_time": "1904-01-01T00:00:00Z"},
        {"creation_time": "1970-01-01T00:00:00Z"},
        {"creation_time": "2024-13-01T00:00:00Z"},
        {"creation_time": "yesterday"},
        {"com.apple.quicktime.creationdate": ""},
    ],
)
def test_an_unset_clock_tells_no_time(said: dict[str, str]) -> None:
    assert film_facts(said, "").taken is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("+37.3318-122.0312/", Location(37.3318, -122.0312)),
        ("+3719.908-12201.872/", Location(37.3318, -122.0312)),
        ("-331234.5+0703045.5/", Location(-33.2095833, 70.5126389)),
        ("+95.0000+010.0000/", None),
        ("+00.0000+000.0000/", None),
        ("somewhere", None),
    ],
)
def test_places_are_written_in_three_ways(text: str, place: Location | None) -> None:
    assert film_facts({"location": text}, "").location == place


def test_sound_alone_is_no_film() -> None:
    assert reason(song()) is UnreadableReason.NO_VIDEO


def test_what_is_larger_or_longer_than_the_limits_is_refused_before_it_is_decoded() -> None:
    data = film()
    assert reason(data, PictureLimits(max_pixels=160 * 120 - 1)) is UnreadableReason.TOO_MANY_PIXELS
    assert reason(data, PictureLimits(max_film_seconds=1.9)) is UnreadableReason.TOO_LONG
    assert read(data, PictureLimits(max_pixels=160 * 120, max_film_seconds=2.1))


@pytest.mark.parametrize("data", [film()[:1500], b"\0\0\0\x20ftypisom" + b"x" * 5000, bytes(4000)])
def test_a_damaged_film_is_broken(data: bytes) -> None:
    assert reason(data) is UnreadableReason.BROKEN


def test_a_film_under_the_name_of_a_picture_and_the_other_way_round() -> None:
    assert read_picture(film(), LIMITS, name="photo.jpg").kind is PhotoKind.VIDEO
    assert reason(encoded("JPEG")) is UnreadableReason.NOT_AN_IMAGE


def test_a_list_of_other_files_is_never_opened() -> None:
    listed = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    assert reason(listed) is UnreadableReason.NOT_AN_IMAGE
    assert reason(b"\x1a\x45\xdf\xa3" + listed) is UnreadableReason.BROKEN


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts"])
def test_damaged_bytes_give_a_reading_or_a_reason(container: str) -> None:
    whole = np.frombuffer(film([(scene(), 1.0)], container=container, codec="mpeg4", size=(64, 48)), np.uint8)
    chance = np.random.default_rng(7)  # the same damage on each run
    for _ in range(40):
        damaged = whole.copy()
        at = chance.integers(0, len(damaged), chance.integers(1, 30))
        damaged[at] = chance.integers(0, 256, len(at))
        try:
            read(damaged.tobytes()[: chance.integers(1, len(damaged) + 1)], PictureLimits(max_pixels=1_000_000))
        except Unreadable:
            continue
