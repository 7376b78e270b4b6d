"""Chinese-CLIP's tables: ``{split}_imgs.tsv`` and ``{split}_texts.jsonl``.

A line of the first is an integer id, a tab and the picture in base64; one of the second is
``{"text_id": 8428, "text": "…", "image_ids": [1076345, 517602]}`` (https://github.com/OFA-Sys/Chinese-CLIP, README, "Fine-tune").
"""

from __future__ import annotations

import base64
import binascii
import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.id_set import IdSet

__all__ = ["ClipTables", "image_line", "images_file", "picture_row", "text_line", "text_row", "texts_file"]

_LARGEST_ID = (1 << 63) - 1
_MOST_DIGITS = 19
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")


def images_file(split: str) -> str:
    """Return the name of a split's pictures."""
    return f"{split}_imgs.tsv"


def texts_file(split: str) -> str:
    """Return the name of a split's texts."""
    return f"{split}_texts.jsonl"


def image_line(image_id: int, data: bytes) -> bytes:
    """Write one picture, as ``images_file`` holds it."""
    return b"%d\t%s\n" % (image_id, base64.b64encode(data))


def text_line(row: TextRow) -> bytes:
    """Write one text, as ``texts_file`` holds it."""
    entry = {"text_id": row.text_id, "text": row.text, "image_ids": list(row.image_ids)}
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"


def _decoded_picture(encoded: bytes) -> bytes:
    """Return the bytes of a picture, from either alphabet of base64, as cn_clip's loader takes both.

    Raises:
        ValueError: it is not base64, or nothing.
    """
    data = binascii.a2b_base64(encoded.translate(_STANDARD_ALPHABET), strict_mode=True)
    if not data:
        raise ValueError("no bytes")
    return data


def _picture_id(written: bytes) -> int:
    """Return the id that decimal digits say.

    Raises:
        ValueError: they are none, or more than 64 bits hold.
    """
    if not written.isdigit() or len(written) > _MOST_DIGITS or int(written) > _LARGEST_ID:
        raise ValueError("not an id")
    return int(written)


def picture_row(written: bytes, encoded: bytes, flaws: Flaws, at: str) -> tuple[int, bytes] | None:
    """Return the id and the bytes of a picture; None where they are none, which is noted."""
    try:
        image_id = _picture_id(written)
    except ValueError:
        flaws.note(Flaw.BROKEN_ROW, at)
        return None
    try:
        return image_id, _decoded_picture(encoded)
    except ValueError:
        flaws.note(Flaw.BROKEN_BASE64, at)
        return None


def text_row(entry: object) -> TextRow:
    """Check one text.

    Raises:
        ValueError: it has not the three fields, they are not of their types, an id is of more than 64 bits, or the text holds
            half a character, which no file takes.
    """
    match entry:
        case {"text_id": int(text_id), "text": str(text), "image_ids": list(ids)}:
            text.encode()
            if all(isinstance(one, int) and abs(one) <= _LARGEST_ID for one in (text_id, *ids)):
                return TextRow(text_id, text, tuple(dict.fromkeys(ids)))
    raise ValueError("not a text")


class ClipTables:
    """A split in a folder of tables."""

    def __init__(self, folder: Path, split: str) -> None:
        self._images = folder / images_file(split)
        self._texts = folder / texts_file(split)
        self.split = split
        self.files = (self._texts, self._images)

    def texts(self, flaws: Flaws) -> Iterator[TextRow]:
        """Read the texts, in the file's order."""
        seen = IdSet()
        with self._texts.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                at = f"{self._texts.name}:{number}"
                if not line.strip():
                    continue
                try:
                    row = text_row(json.loads(line))
                except (ValueError, RecursionError):
                    flaws.note(Flaw.BROKEN_ROW, at)
                    continue
                if row.text_id in seen:
                    flaws.note(Flaw.TEXT_ID_CLASH, at)
                elif not row.text.strip():
                    flaws.note(Flaw.EMPTY_TEXT, at)
                else:
                    seen.add(row.text_id)
                    yield row

    def pictures(self, flaws: Flaws) -> Iterator[tuple[int, bytes]]:
        """Read the pictures, in the file's order."""
        seen = IdSet()
        with self._images.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                at = f"{self._images.name}:{number}"
                if not line.strip():
                    continue
                written, *encoded = line.removeprefix(BOM_UTF8).rstrip(b"\r\n").split(b"\t")
                if len(encoded) != 1:
                    flaws.note(Flaw.BROKEN_ROW, at)
                    continue
                picture = picture_row(written, encoded[0], flaws, at)
                if picture is None:
                    continue
                image_id, data = picture
                if image_id in seen:
                    flaws.note(Flaw.PICTURE_ID_CLASH, at)
                    continue
                seen.add(image_id)
                yield image_id, data

    def picture_name(self, image_id: int) -> str:
        """Return the id: the tables know no names."""
        return str(image_id)
