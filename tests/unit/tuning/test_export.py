"""Exports of a library that is made up."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clip_files import jpeg
from made_library import NOON, MadeLibrary, photo_id
from patience import PATIENCE
from soutu_services.embedding.registry import load_encoder
from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, Unavailable
from soutu_services.search.imaging.perceptual_hash import perceptual_hash
from soutu_services.tuning.dataset import open_dataset
from soutu_services.tuning.export import MAP_FILE, Exported, ExportRequest, export_library
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.library import LibraryPhoto, Selection

HALVES = ExportRequest(Selection(), (("train", 0.5), ("valid", 0.5)))


def split_of(folder: Path) -> dict[str, str]:
    with (folder / MAP_FILE).open(encoding="utf-8", newline="") as file:
        return {row["photo_id"]: row["split"] for row in csv.DictReader(file, delimiter="\t")}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def export(library: MadeLibrary, folder: Path, request: ExportRequest = HALVES) -> tuple[Exported, dict[Flaw, int]]:
    flaws = Flaws()
    exported = export_library(library, folder, request, flaws)
    return exported, {report.flaw: report.count for report in flaws.reports()}


def test_writes_what_can_be_read_back(tmp_path: Path) -> None:
    library = MadeLibrary(40)
    exported, flaws = export(library, tmp_path)
    assert sum(exported.photos.values()) == 40
    assert (exported.untold, flaws) == (0, {Flaw.COMMON_TEXT: 1}), "家 is the folder of all"
    with (tmp_path / MAP_FILE).open(encoding="utf-8", newline="") as file:
        names = {int(row["image_id"]): row for row in csv.DictReader(file, delimiter="\t")}
    for split in ("train", "valid"):
        for dataset in (open_dataset(tmp_path, split), open_dataset(tmp_path / "lmdb", split)):
            problems = Flaws()
            pictures = dict(dataset.pictures(problems))
            texts = list(dataset.texts(problems))
            assert not problems.reports()
            assert len(pictures) == exported.photos[split] > 8
            assert len(texts) == exported.texts[split]
            for row in texts:
                number = row.text.removeprefix("第").partition("张")[0]
                (image_id,) = row.image_ids
                assert names[image_id]["photo_id"] == photo_id(int(number))
                assert names[image_id]["split"] == split
                assert pictures[image_id] == jpeg(int(photo_id(int(number))[:4], 16))


def test_near_duplicates_and_bursts_stay_together(tmp_path: Path) -> None:
    library = MadeLibrary(300)
    library.duplicates = [[photo_id(one), photo_id(one + 150)] for one in range(0, 60, 2)] + [["ff" * 16, photo_id(7), "00" * 16]]
    for one in range(200, 240):  # ten bursts of four, three seconds between their photos
        first, then = divmod(one - 200, 4)
        moment = NOON + timedelta(days=50 + first, seconds=3 * then)
        library.photos[one] = LibraryPhoto(photo_id(one), library.photos[one].names, moment)
    library.duplicates.append([photo_id(203), photo_id(250)])  # joins a burst and a photo far away
    export(library, tmp_path)
    splits = split_of(tmp_path)
    assert all(len({splits[one] for one in group if one in splits}) == 1 for group in library.duplicates)
    for first in range(200, 240, 4):
        assert len({splits[photo_id(one)] for one in range(first, first + 4)}) == 1
    assert splits[photo_id(250)] == splits[photo_id(200)]
    assert 0.35 < sum(split == "train" for split in splits.values()) / 300 < 0.65


def test_small_and_cropped_copies_are_near_duplicates_and_different_photos_are_not() -> None:
    """With the vectors of ``lite``, which a small copy that was compressed hard moves a long way."""
    paths = sorted((Path(__file__).parents[3] / "deploy" / "samples").glob("**/*.jpg"))[:5]
    pictures = []
    for path in paths:
        with Image.open(path) as opened:
            opened.draft("RGB", (640, 640))
            whole = opened.convert("RGB")
        whole.thumbnail((320, 320))
        small, cropped = whole.reduce(2), whole.crop((4, 4, whole.width - 4, whole.height - 4))
        pictures += [(picture, encoded(picture, quality)) for picture, quality in ((whole, 90), (small, 40), (cropped, 60))]
    encoder = load_encoder("lite", EmbeddingSettings())
    vectors = encoder.encode_images([encoder.prepare_image(data) for _, data in pictures])
    encoder.close()
    hashes = np.array([perceptual_hash(picture) for picture, _ in pictures], np.uint64)
    bits = np.bitwise_count(hashes[:, None] ^ hashes[None])
    near = np.any([(bits <= most) & (vectors @ vectors.T >= least) for most, least in HALVES.near], axis=0)
    for one in range(0, len(pictures), 3):
        assert near[one, one : one + 3].all(), paths[one // 3]
    different = np.arange(len(pictures))[:, None] // 3 != np.arange(len(pictures))[None] // 3
    assert not near[different].any()


def encoded(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def test_a_photo_keeps_its_split_when_the_library_grows(tmp_path: Path) -> None:
    export(MadeLibrary(100), tmp_path / "before")
    export(MadeLibrary(160), tmp_path / "after")
    before, after = split_of(tmp_path / "before"), split_of(tmp_path / "after")
    assert len(before) == 100
    assert {one: after[one] for one in before} == before


def test_goes_on_after_a_stop_and_writes_the_same(tmp_path: Path) -> None:
    export(MadeLibrary(700), tmp_path / "whole")
    stopped = MadeLibrary(700)
    stopped.fails_at = 600
    with pytest.raises(Unavailable):
        export(stopped, tmp_path / "parts")
    assert not (tmp_path / "parts" / "lmdb").exists()
    with next((tmp_path / "parts").glob("train_imgs.tsv")).open("ab") as file:
        file.write(b"12\thalf a lin")  # a kill in the middle of a write
    again = MadeLibrary(700)
    export(again, tmp_path / "parts")
    assert len(again.read) < 300, "what was done stays done"
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")
    assert not (tmp_path / "parts" / ".export").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from made_library import MadeLibrary
from soutu_services.tuning import clip_lmdb, export, export_ledger
from soutu_services.tuning.flaws import Flaws
from soutu_services.tuning.library import Selection

where, name, calls = sys.argv[2], sys.argv[3], int(sys.argv[4])
owner = {"library": MadeLibrary, "ledger": export_ledger.ExportLedger, "export": export, "lmdb": clip_lmdb}[where]
whole = getattr(owner, name)

def until_killed(*arguments, **options):
    global calls
    calls -= 1
    if calls < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments, **options)

setattr(owner, name, until_killed)
request = export.ExportRequest(Selection(), (("train", 0.5), ("valid", 0.5)))
export._BATCH = 64
export.export_library(MadeLibrary(200), Path(sys.argv[1]), request, Flaws())
"""


def test_goes_on_after_kills_at_any_moment_and_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.tuning.export._BATCH", 64)
    export(MadeLibrary(200), tmp_path / "whole")
    moments = (
        "ledger set_splits 1",  # while photos are listed
        "library thumbnail 100",
        "ledger save 1",  # between the pictures and their note in the ledger
        "export text_line 60",
        "lmdb open_for_writing 6",  # one LMDB is whole, the other not
    )
    for moment in moments:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "parts"), *moment.split()]
        ended = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=PATIENCE, check=False).returncode
        assert ended == -signal.SIGKILL, moment
    export(MadeLibrary(200), tmp_path / "parts")
    written, whole = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "parts", tmp_path / "whole")
    )
    assert written.keys() == whole.keys()
    assert [name for name in whole if written[name] != whole[name] and not name.endswith("lock.mdb")] == []


def test_another_export_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    export(MadeLibrary(30), tmp_path)
    before = files_of(tmp_path)
    with pytest.raises(FailedPrecondition) as caught:
        export(MadeLibrary(30), tmp_path)
    assert caught.value.reason == "FOLDER_TAKEN"
    assert files_of(tmp_path) == before
    stopped = MadeLibrary(30)
    stopped.fails_at = 3
    with pytest.raises(Unavailable):
        export(stopped, tmp_path / "other")
    with pytest.raises(FailedPrecondition):
        export(MadeLibrary(30), tmp_path / "other", ExportRequest(Selection(folders=("家",)), HALVES.splits))


@pytest.mark.parametrize("theirs", ["photos.tsv", "valid_texts.jsonl", "lmdb/train/pairs/data.mdb"])
def test_no_file_of_a_person_is_overwritten(tmp_path: Path, theirs: str) -> None:
    (tmp_path / theirs).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / theirs).write_bytes(b"months of work")
    with pytest.raises(FailedPrecondition) as caught:
        export(MadeLibrary(30), tmp_path)
    assert caught.value.reason == "FOLDER_TAKEN"
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"months of work"]


def test_what_was_not_there_at_first_can_be_exported_later(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        export(MadeLibrary(0), tmp_path, ExportRequest(Selection(query="错字"), HALVES.splits))
    library = MadeLibrary(5)
    written = library.photos
    library.photos = [LibraryPhoto(one.photo_id, (f"DCIM/IMG_{place:04}.jpg",)) for place, one in enumerate(written)]
    with pytest.raises(InvalidInput) as caught:
        export(library, tmp_path)
    assert caught.value.reason == "NOTHING_TOLD"
    library.photos = written  # as the message says: captions are written, and it is run again
    exported, _ = export(library, tmp_path)
    assert sum(exported.photos.values()) == 5


def test_shared_captions_become_one_text_and_common_ones_go(tmp_path: Path) -> None:
    library = MadeLibrary(50)
    for one in range(50):
        names = (f"青海/IMG_{one:04}.jpg",) if one < 3 else (f"旅行/IMG_{one:04}.jpg",)
        library.photos[one] = LibraryPhoto(photo_id(one), names, NOON + timedelta(hours=one), caption="弟弟" if one == 40 else "")
    library.broken = {photo_id(1)}
    exported, flaws = export(library, tmp_path, ExportRequest(Selection(), (("train", 1.0),)))
    assert (exported.photos, exported.texts, exported.untold) == ({"train": 3}, {"train": 2}, 46)
    assert flaws == {Flaw.COMMON_TEXT: 1, Flaw.BROKEN_PICTURE: 1}
    rows = [json.loads(line) for line in (tmp_path / "train_texts.jsonl").read_text("utf-8").splitlines()]
    assert sorted((row["text"], row["image_ids"]) for row in rows) == [("弟弟", [41]), ("青海", [1, 3])]
    assert set(library.read) == {photo_id(one) for one in (0, 1, 2, 40)}, "pictures that nothing tells of are not fetched"


@pytest.mark.parametrize("reason", ["NO_THUMBNAIL", "BUCKET_MISSING"])
def test_a_fault_of_the_library_is_no_broken_picture(tmp_path: Path, reason: str) -> None:
    library = MadeLibrary(30)
    library.fault = FailedPrecondition(reason, zh="坏了", en="broken")
    library.broken = {photo_id(7)}
    if reason == "NO_THUMBNAIL":
        _, flaws = export(library, tmp_path)
        assert flaws[Flaw.BROKEN_PICTURE] == 1
        return
    with pytest.raises(FailedPrecondition, match=reason):
        export(library, tmp_path)
    library.broken = set()  # the bucket is back
    exported, flaws = export(library, tmp_path)
    assert sum(exported.photos.values()) == 30
    assert Flaw.BROKEN_PICTURE not in flaws


def test_nothing_to_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        export(MadeLibrary(0), tmp_path / "none")
    assert caught.value.reason == "NO_PHOTOS"
    assert not (tmp_path / "none").exists(), "and nothing is left lying about"
    library = MadeLibrary(5)
    library.photos = [LibraryPhoto(photo_id(one), (f"DCIM/IMG_{one:04}.jpg",)) for one in range(5)]
    with pytest.raises(InvalidInput) as caught:
        export(library, tmp_path / "untold")
    assert caught.value.reason == "NOTHING_TOLD"
