"""What is fuzzed: each target takes any bytes, and raises only when it has found a fault.

Nothing here needs atheris: ``run.py`` drives the targets with it, ``tests/unit/test_fuzz_seeds.py`` replays the seeds without.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

from google.protobuf.message import DecodeError
from PIL import Image

from fuzz.calls import all_calls, plain_jpeg
from soutu_services.runtime.access import FULL_ACCESS, Access, FolderAccess, Scope
from soutu_services.runtime.errors import InvalidInput, SoutuError
from soutu_services.search.decoding.answers import reading_from
from soutu_services.search.decoding.worker import told
from soutu_services.search.imaging import PictureLimits, Reading, Unreadable, is_candidate, read_picture
from soutu_services.search.imaging.exif import camera_facts
from soutu_services.search.imaging.name_time import time_in_name
from soutu_services.search.model import Location, UnreadableReason
from soutu_services.search.upload_name import MAX_NAME_BYTES, clean_name
from soutu_services.search.words import QueryWords, index_tokens

TARGETS: dict[str, Callable[[bytes], None]] = {}

_LIMITS = PictureLimits(max_bytes=1 << 20, max_pixels=1_000_000, max_reduced_pixels=4_000_000)
_MODIFIED = datetime(2024, 5, 1, tzinfo=UTC)
_GUEST = Access(name="guest", scope=Scope.READ, folders=(FolderAccess("", "旅行"),), token_id="t")


def _target(function: Callable[[bytes], None]) -> Callable[[bytes], None]:
    TARGETS[function.__name__] = function
    return function


@_target
def image(data: bytes) -> None:
    """The image reader raises ``Unreadable`` alone, and what it reads passes from the decoder to the service unchanged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reading = read_picture(data, _LIMITS, name="a.jpg", modified_at=_MODIFIED)
        except Unreadable as unreadable:
            assert isinstance(unreadable.reason, UnreadableReason)
            return
    _check_reading(reading)


@_target
def exif(data: bytes) -> None:
    """An Exif block, in a picture that is whole otherwise, costs that picture nothing."""
    block = b"Exif\0\0" + data[:60_000]
    plain = plain_jpeg()
    picture = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reading = read_picture(picture, _LIMITS, name="a.jpg")
        with Image.open(io.BytesIO(picture)) as opened:
            facts = camera_facts(opened)
    assert facts.orientation in range(1, 9)
    assert (facts.camera, facts.location) == (reading.camera, reading.location)
    _check_reading(reading)


@_target
def requests(data: bytes) -> None:
    """Servicers take or refuse any request: whatever it holds, they raise ``SoutuError`` alone."""
    if len(data) < 2:
        return
    calls = all_calls()
    message, call = calls[data[0] % len(calls)]
    try:
        request = message.FromString(data[2:])
    except DecodeError:
        return
    context = SimpleNamespace(
        invocation_metadata=tuple,
        soutu_access=_GUEST if data[1] % 2 else FULL_ACCESS,
        is_active=lambda: True,
        time_remaining=lambda: None,
        add_callback=lambda _: True,
    )
    try:
        answer = call(request, context)
    except SoutuError as error:
        assert "\n" not in error.text.zh + error.text.en
        return
    for message in answer:
        message.SerializeToString()


@_target
def names(data: bytes) -> None:
    """Names and words are normalised or refused, and a name that was cleaned stays as it is."""
    text = _text(data)
    try:
        name = clean_name(text)
    except InvalidInput:
        name = ""
    if name:
        assert clean_name(name) == name
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert not name.startswith("/")
        assert ".." not in name.split("/")
    moment = time_in_name(text)
    assert moment is None or moment.tzinfo is None
    is_candidate(text)
    tokens = index_tokens(text, is_name=True) + index_tokens(text)
    assert all(tokens)
    words = QueryWords(text[: len(text) // 2])
    words.tokens()
    words.every_token()
    words.match([(text, True), (text[::-1], False)])


def _text(data: bytes) -> str:
    """Turn bytes into text, with lone surrogates where they are asked for: file systems have them, protobuf has not."""
    try:
        return data.decode("utf-8", "surrogatepass" if data[:1] == b"\0" else "replace")
    except UnicodeDecodeError:
        return ""


def _check_reading(reading: Reading) -> None:
    assert max(Image.open(io.BytesIO(reading.thumbnail)).size) <= 512
    assert reading.location is None or _is_on_earth(reading.location)
    assert reading_from(*told(reading)) == reading


def _is_on_earth(location: Location) -> bool:
    return -90 <= location.latitude <= 90 and -180 <= location.longitude <= 180
