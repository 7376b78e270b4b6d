"""When a photo was taken, as its file name tells."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

__all__ = ["local_time", "time_in_name"]

_YEARS = range(1990, 2100)

_DATE = r"(?P<year>(?:19|20)\d\d)(?P<sep>[-_.]?)(?P<month>\d\d)(?P=sep)(?P<day>\d\d)"
_AFTER = r"(?![0-9])"

# IMG_20190501_123000, IMG20190501123000, PXL_20210101_123456789, Screenshot_2019-05-01-12-30-00-123, 2019-05-01 12.30.00,
# 截屏2019-05-01 12.30.00, 截屏2019-05-01 下午1.30.00, Screen Shot 2019-05-01 at 1.30.00 PM, WhatsApp Image 2019-05-01 at 12.30.00
_DATE_AND_TIME = re.compile(
    r"(?<![0-9])"
    + _DATE
    + r"(?:[-_ T.]{0,2}|[ _]at[ _])(?P<half>[上下]午)?"
    + r"(?P<hour>\d{1,2})(?P<colon>[-_.:：]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)"
    + r"(?:[-_.]?\d{3})?"
    + _AFTER
    + r"(?:[ \u202f]?(?P<meridiem>[AaPp])[Mm]\b)?"
)

# IMG-20190501-WA0001, 2019-05-01 外婆, 奶奶生日20190501, 2019年5月1日
_DATE_ALONE = re.compile(r"(?<![0-9A-Za-z])" + _DATE + r"(?![0-9A-Za-z])")
_CHINESE_DATE = re.compile(r"(?<![0-9])(?P<year>(?:19|20)\d\d)年(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号]")

# mmexport1556685000000 (WeChat), wx_camera_1556685000000, FB_IMG_1556685000000: milliseconds since 1970
# from 2001, when they first had 13 digits, to 2033.
_PIXEL = "PXL_"
"""Google's Pixel phones write the time into names in UTC, and the local one into Exif, which messengers remove."""

_EPOCH_MILLISECONDS = re.compile(
    r"(?:mmexport|wx_camera_|FB_IMG_|IMG_|VID_|image_?|Screenshot_)?(?P<ms>1[0-9]{12})(?![0-9])", re.IGNORECASE
)


def time_in_name(name: str) -> datetime | None:
    """Find the date and time that a camera, a phone or a messenger wrote into a file's name.

    Args:
        name: Key or file name; its folders are not looked at.

    Returns:
        Naive local time in whole seconds; midnight where the name tells the day alone; times since 1970, and those that are told
        in UTC, on this machine's clock.
        None when the name holds none that is possible.
    """
    stem = PurePosixPath(name).stem
    for found in _DATE_AND_TIME.finditer(stem):
        moment = _moment(found)
        if moment is not None:
            return local_time(moment.replace(tzinfo=UTC)) if stem.startswith(_PIXEL) else moment
    epoch = _EPOCH_MILLISECONDS.match(stem)
    if epoch is not None:
        return datetime.fromtimestamp(int(epoch["ms"]) // 1000)
    for pattern in (_CHINESE_DATE, _DATE_ALONE):
        for found in pattern.finditer(stem):
            day = _day(found)
            if day is not None:
                return day
    return None


def local_time(moment: datetime) -> datetime:
    """Tell what the home's own clock showed at an aware moment, the best guess of where a file was written; in whole seconds."""
    return moment.astimezone().replace(tzinfo=None, microsecond=0)


def _day(found: re.Match[str]) -> datetime | None:
    try:
        return datetime(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None


def _moment(found: re.Match[str]) -> datetime | None:
    day = _day(found)
    if day is None or day.year not in _YEARS:
        return None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    if len(found["hour"]) == 1 and not found["colon"]:
        return None
    half = found["half"] or found["meridiem"]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half in {"下午", "p", "P"} else 0)
    try:
        return day.replace(hour=hour, minute=minute, second=second)
    except ValueError:
        return None
