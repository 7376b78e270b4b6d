"""What a file's name tells: whether it is a photo, and when it was taken."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from picture_files import FORMATS, encoded, scene
from soutu_services.search.imaging import is_candidate, sniff
from soutu_services.search.imaging.formats import SNIFF_BYTES
from soutu_services.search.imaging.name_time import time_in_name


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a.JPEG",
        "旅行/2019/奶奶生日.HEIC",
        "a.b.png",
        "a.gif",
        "a.webp",
        "a.tif",
        "a.bmp",
        "a.ico",
        "a.j2k",
        "a.mpo",
        "a.avif",
        "a.nef",
        "a.DNG",
        "a.livp",
        "a.jxl",
        "film.mp4",
        "film.MOV",
        "00001.MTS",
    ],
)
def test_pictures_by_name(name: str) -> None:
    assert is_candidate(name) is True


@pytest.mark.parametrize(
    "name",
    [
        *[
            "a.json",
            "a.TXT",
            "song.mp3",
            "song.M4A",
            "Thumbs.db",
            "x/desktop.ini",
            "IMG_1.AAE",
            "a.xmp",
            "a.pdf",
            "a.svg",
            "a.psd",
            "a.zip",
            "a.jpg.part",
        ],
        ".DS_Store",
        "x/._IMG_1.jpg",
        ".thumbnails/1.jpg",
        "x/@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_M.jpg",
        "#recycle/a.jpg",
        "$RECYCLE.BIN/a.jpg",
        "__MACOSX/a.jpg",
        ".trashed-1690000000-IMG_1.jpg",
        ".pending-1690000000-IMG_1.jpg",
        "DCIM/Camera/IMG_1.jpg.part",
        "DCIM/Camera/IMG_1.jpg.filepart",
        "DCIM/Camera/IMG_1.jpg.tacitpart",
        "DCIM/Camera/IMG_1.jpg.1a2b3c4d.partial",
        "",
        "folder/",
    ],
)
def test_what_is_no_photo_by_name(name: str) -> None:
    assert is_candidate(name) is False


@pytest.mark.parametrize("name", ["IMG_1", "photo.unknown", "旅行/照片", "1234567890"])
def test_names_that_tell_nothing(name: str) -> None:
    assert is_candidate(name) is None


@pytest.mark.parametrize("encoding", FORMATS)
def test_sniffs_every_format(encoding: str) -> None:
    assert sniff(encoded(encoding, scene(128, 128))[:SNIFF_BYTES])


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"hello", b"{}", b"\0" * 64, b"RIFF\0\0\0\0WAVEfmt ", b"\0\0\0\x20ftypM4A " + b"\0" * 20]
)
def test_sniffs_nothing_in_other_files(data: bytes) -> None:
    assert not sniff(data)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("IMG_20190501_123000.jpg", (2019, 5, 1, 12, 30, 0)),
        ("IMG20190501123000.jpg", (2019, 5, 1, 12, 30, 0)),
        ("相册/IMG_20190501_123000(1).jpg", (2019, 5, 1, 12, 30, 0)),
        ("VID_20190501_123000.jpg", (2019, 5, 1, 12, 30, 0)),
        ("20190501_123000.heic", (2019, 5, 1, 12, 30, 0)),
        ("20190501_123000_HDR.jpg", (2019, 5, 1, 12, 30, 0)),
        ("2019-05-01 12.30.00.jpg", (2019, 5, 1, 12, 30, 0)),
        ("2019-05-01_12-30-00.jpg", (2019, 5, 1, 12, 30, 0)),
        ("2019-05-01T12:30:00.png", (2019, 5, 1, 12, 30, 0)),
        ("Screenshot_20190501-123000.png", (2019, 5, 1, 12, 30, 0)),
        ("Screenshot_2019-05-01-12-30-00-123_com.tencent.mm.png", (2019, 5, 1, 12, 30, 0)),
        ("Screenshot_20190501_123000_com.huawei.jpg", (2019, 5, 1, 12, 30, 0)),
        ("Screen Shot 2019-05-01 at 3.04.05 PM.png", (2019, 5, 1, 15, 4, 5)),
        ("Screen Shot 2019-05-01 at 12.04.05 AM.png", (2019, 5, 1, 0, 4, 5)),
        ("Screenshot 2019-05-01 at 15.04.05.png", (2019, 5, 1, 15, 4, 5)),
        ("截屏2019-05-01 下午3.04.05.png", (2019, 5, 1, 15, 4, 5)),
        ("截屏2019-05-01 上午12.04.05.png", (2019, 5, 1, 0, 4, 5)),
        ("截屏2019-05-01 15.04.05.png", (2019, 5, 1, 15, 4, 5)),
        ("WhatsApp Image 2019-05-01 at 12.30.00.jpeg", (2019, 5, 1, 12, 30, 0)),
        ("QQ图片20190501123000.jpg", (2019, 5, 1, 12, 30, 0)),
        ("微信图片_20190501123000.jpg", (2019, 5, 1, 12, 30, 0)),
        ("微信图片_20190501123000_1.jpg", (2019, 5, 1, 12, 30, 0)),
        ("IMG-20190501-WA0001.jpg", (2019, 5, 1)),
        ("1985-07-01 外婆.jpg", (1985, 7, 1)),
        ("奶奶生日20190501.jpg", (2019, 5, 1)),
        ("2019年5月1日爬山.jpg", (2019, 5, 1)),
        ("2019.05.01 (3).jpg", (2019, 5, 1)),
    ],
)
def test_finds_the_time_in_a_name(name: str, moment: tuple[int, ...]) -> None:
    assert time_in_name(name) == datetime(*moment)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["PXL_20210101_235959123.MP.jpg", "PXL_20210101_235959123~2.jpg", "PXL_20210101_235959123.jpg"])
@pytest.mark.parametrize(("zone", "day", "hour"), [("UTC", 1, 23), ("Asia/Shanghai", 2, 7)])
def test_pixel_phones_name_pictures_in_utc(name: str, zone: str, day: int, hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", zone)
        time.tzset()
        found = time_in_name(f"相册/{name}")
    time.tzset()
    assert found == datetime(2021, 1, day, hour, 59, 59)


@pytest.mark.parametrize(
    "name", ["mmexport1556685000000.jpg", "wx_camera_1556685000000.jpg", "1556685000000.jpg", "FB_IMG_1556685000123.jpg"]
)
def test_milliseconds_since_1970_are_told_on_this_clock(name: str) -> None:
    assert time_in_name(name) == datetime.fromtimestamp(1_556_685_000, UTC).astimezone().replace(tzinfo=None)


@pytest.mark.parametrize(
    "name",
    [
        "DSC_0001.jpg",
        "IMG_1234.jpg",
        "IMG_20191301_123000.jpg",
        "IMG_20190230_123000.jpg",
        "1569687608_0e3b3ad044.jpg",
        "20190501abc.jpg",
        "a20190501b.jpg",
        "6901234567892.jpg",
        "13800138000.jpg",
        "120190501_1230001.jpg",
        "99999999.jpg",
        "20190501/photo.jpg",
        "",
    ],
)
def test_finds_no_time_where_there_is_none(name: str) -> None:
    assert time_in_name(name) is None


def test_an_impossible_time_of_day_leaves_the_day() -> None:
    assert time_in_name("IMG_20190501_256000.jpg") == datetime(2019, 5, 1)
