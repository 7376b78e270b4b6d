"""The LMDB that cn_clip trains from.

``pairs`` holds, under ``0``, ``1`` …, the pickled tuple (picture id, text id, text), and ``num_samples``; ``imgs`` holds, under
each picture id, the picture in base64, and ``num_images`` (``cn_clip/preprocess/build_lmdb_dataset.py``, 1.6.0). All numbers are
decimal text.
"""

from __future__ import annotations

import io
import pickle
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from soutu_services.tuning.clip_tables import picture_row, text_row
from soutu_services.tuning.dataset import TextRow
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.id_set import IdSet
from soutu_services.tuning.lmdb_file import open_for_reading, open_for_writing, unreadable_lmdb

__all__ = ["ClipLmdb", "write_clip_lmdb"]

_SAMPLES, _IMAGES = b"num_samples", b"num_images"
_ROWS_A_COMMIT, _BYTES_A_COMMIT = 20_000, 8 << 20
_MOST_DIGITS = 18


class ClipLmdb:
    """A split in an LMDB, opened at each use."""

    def __init__(self, folder: Path, split: str) -> None:
        """See that both databases can be opened.

        Raises:
            DataLoss: they are damaged, or of a version of LMDB that is not read.
        """
        self._folder = folder
        self.split = split
        self.files = tuple(folder / name / "data.mdb" for name in ("pairs", "imgs"))
        for name, count in (("pairs", _SAMPLES), ("imgs", _IMAGES)):
            with open_for_reading(folder / name) as rows:
                if not (rows.get(count) or b"").isdigit():
                    raise unreadable_lmdb(folder / name, count.decode())

    def texts(self, flaws: Flaws) -> Iterator[TextRow]:
        """Read the texts, in the order of the pairs; the pairs of one text lie one after another."""
        seen = IdSet()
        text_id, text, ids = -1, "", list[int]()
        with open_for_reading(self._folder / "pairs") as rows:
            written, most = rows.get(_SAMPLES), rows.stat()["entries"] - 1
            wanted = int(written) if len(written) <= _MOST_DIGITS else sys.maxsize
            if wanted > most:
                flaws.note(Flaw.BROKEN_ROW, f"pairs:{most}", count=wanted - most)
            for number in range(min(wanted, most)):
                at = f"pairs:{number}"
                try:
                    image_id, next_id, next_text = _pair(rows.get(str(number).encode()))
                except ValueError:
                    flaws.note(Flaw.BROKEN_ROW, at)
                    continue
                if ids and next_id == text_id and next_text == text:
                    ids.append(image_id)
                    continue
                if ids:
                    yield TextRow(text_id, text, tuple(dict.fromkeys(ids)))
                    ids = []
                if next_id in seen:
                    flaws.note(Flaw.TEXT_ID_CLASH, at)
                elif not next_text.strip():
                    flaws.note(Flaw.EMPTY_TEXT, at)
                else:
                    seen.add(next_id)
                    text_id, text, ids = next_id, next_text, [image_id]
        if ids:
            yield TextRow(text_id, text, tuple(dict.fromkeys(ids)))

    def pictures(self, flaws: Flaws) -> Iterator[tuple[int, bytes]]:
        """Read the pictures, in the order of their keys."""
        with open_for_reading(self._folder / "imgs") as rows:
            for key, encoded in rows.cursor():
                if key == _IMAGES:
                    continue
                at = f"imgs:{key.decode(errors='replace')}"
                picture = picture_row(key, encoded, flaws, at)
                if picture is not None:
                    yield picture

    def picture_name(self, image_id: int) -> str:
        """Return the id: an LMDB knows no names."""
        return str(image_id)


def write_clip_lmdb(folder: Path, texts: Iterable[TextRow], pictures: Iterable[tuple[int, bytes]]) -> None:
    """Write a split, as ``cn_clip.preprocess.build_lmdb_dataset`` does.

    It is written aside and renamed when it is whole, so an LMDB that is there is never a half.

    Args:
        folder: Where ``pairs`` and ``imgs`` go, for instance ``lmdb/train``; replaced if it is there.
        texts: Texts.
        pictures: Ids and pictures in base64, as the table of pictures holds them.
    """
    aside = folder.parent / f".{folder.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    pairs = ((row.text_id, row.text, image_id) for row in texts for image_id in row.image_ids)
    dumped = (
        (str(number).encode(), pickle.dumps((image_id, text_id, text))) for number, (text_id, text, image_id) in enumerate(pairs)
    )
    _write(aside / "pairs", dumped, _SAMPLES)
    _write(aside / "imgs", ((str(image_id).encode(), encoded) for image_id, encoded in pictures), _IMAGES)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def _write(path: Path, rows: Iterable[tuple[bytes, bytes]], count_key: bytes) -> None:
    """Write rows and their number. The file is opened for each part: what it has mapped then counts as memory no longer."""
    count = 0
    for some in _parts(rows):
        with open_for_writing(path) as environment, environment.begin(write=True) as transaction:
            for key, value in some:
                transaction.put(key, value)
        count += len(some)
    with open_for_writing(path) as environment, environment.begin(write=True) as transaction:
        transaction.put(count_key, str(count).encode())


def _parts(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    part, size = list[tuple[bytes, bytes]](), 0
    for row in rows:
        part.append(row)
        size += len(row[1])
        if size >= _BYTES_A_COMMIT or len(part) >= _ROWS_A_COMMIT:
            yield part
            part, size = [], 0
    if part:
        yield part


_PLAIN = (
    "PROTO FRAME MARK STOP INT BININT BININT1 BININT2 LONG LONG1 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 "
    "TUPLE TUPLE3 MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET"
)


class _PlainUnpickler(pickle._Unpickler):
    """Reads tuples, numbers and texts alone. A pickle can otherwise run any program, and data sets come from strangers.

    It is the one in Python: that in C makes room for 2^32 objects if a row of 12 bytes has it remember one by that number.
    """

    dispatch: ClassVar = {
        code: pickle._Unpickler.dispatch[code] for code in (getattr(pickle, name)[0] for name in _PLAIN.split())
    }


def _pair(dumped: bytes | None) -> tuple[int, int, str]:
    """Read a pair: picture id, text id, text.

    Raises:
        ValueError: it is none.
    """
    try:
        pair = _PlainUnpickler(io.BytesIO(dumped or b"")).load()
    except Exception as error:
        raise ValueError("not a pair") from error
    match pair:
        case (image_id, text_id, text):
            row = text_row({"text_id": text_id, "text": text, "image_ids": [image_id]})
            return row.image_ids[0], row.text_id, row.text
    raise ValueError("not a pair")
