"""The SDK and the command line against the real services: real store, catalog, index and model."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from film_files import film
from patience import PATIENCE
from soutu_client import (
    Client,
    Filter,
    FolderCount,
    FormatCount,
    LabelCount,
    MonthCount,
    NotFoundError,
    PhotoKind,
    PhotoState,
    TextTerm,
)
from soutu_client.cli.main import run

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"


@pytest.fixture
def client(real_service: str) -> Iterator[Client]:
    with Client(real_service, timeout_seconds=PATIENCE, language="zh") as connected:
        yield connected


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with real photos, a copy, a file that is no picture, and one that is no photo."""
    folder = tmp_path / "相册"
    folder.mkdir()
    for name in ("chelsea.jpg", "rocket.jpg", "flower.jpg", "astronaut.jpg"):
        shutil.copy(SAMPLES / name, folder)
    (folder / "奶奶家").mkdir()
    shutil.copy(folder / "chelsea.jpg", folder / "奶奶家" / "咪咪.jpg")
    (folder / "坏的.jpg").write_text("this is no picture")
    (folder / "chelsea.json").write_text("{}")
    return folder


def test_a_film_of_real_photos_is_found_by_what_each_of_them_shows(client: Client, tmp_path: Path) -> None:
    scenes = {"一只猫": "chelsea.jpg", "火箭发射": "rocket.jpg", "一朵花": "flower.jpg"}
    path = tmp_path / "片" / "VID_20240501_123000.mp4"
    path.parent.mkdir()
    path.write_bytes(film([(Image.open(SAMPLES / name), 3.0) for name in scenes.values()], size=(480, 320)))
    (added,) = client.add(path.parent).added
    client.wait_until_ready([added.photo_id], timeout_seconds=PATIENCE)
    found = {words: client.search(words, filter=Filter(kinds=(PhotoKind.VIDEO,))).hits for words in scenes}
    client.delete([added.photo_id])
    client.purge([added.photo_id])  # the other tests look for the same
    for number, (words, hits) in enumerate(found.items()):
        assert [hit.frame_ms is not None and hit.frame_ms // 3000 for hit in hits] == [number], words


def test_add_search_show_annotate_delete_undelete_save(client: Client, album: Path, tmp_path: Path) -> None:
    result = client.add(album)
    assert (len(result.added), len(result.known), result.failed) == (5, 1, ())
    ready = client.wait_until_ready([file.photo_id for file in result.added], timeout_seconds=PATIENCE)
    assert (len(ready.ready), [photo.name for photo in ready.unreadable]) == (4, ["相册/坏的.jpg"])

    again = client.add(album)
    assert (len(again.added), len(again.known)) == (0, 6)

    cat = client.search("一只猫").hits[0].photo
    assert cat.photo_id == hashlib.sha256((SAMPLES / "chelsea.jpg").read_bytes()).hexdigest()[:32]
    assert {name.name for name in cat.names} == {"相册/chelsea.jpg", "相册/奶奶家/咪咪.jpg"}
    assert client.search("咪咪").hits[0].matches
    assert client.similar(SAMPLES / "rocket.jpg").hits[0].photo.name == "相册/rocket.jpg"
    assert client.search([TextTerm("猫"), TextTerm("火箭", weight=-0.5)]).hits[0].photo.photo_id == cat.photo_id
    assert client.search("一只猫", filter=Filter(favourite=True)).hits == ()

    client.annotate([cat.photo_id], favourite=True, caption="晒太阳的橘子", add_tags=["宠物"])
    assert client.search("橘子").hits[0].photo.annotations.caption == "晒太阳的橘子"
    assert [hit.photo.photo_id for hit in client.search("一只猫", filter=Filter(tags=("宠物",))).hits] == [cat.photo_id]

    summary = client.summary()
    assert (summary.total, summary.favourites, summary.tags) == (5, 1, (LabelCount("宠物", 1),))
    assert summary.folders == (
        FolderCount("photos", "", 5),
        FolderCount("photos", "相册", 5),
        FolderCount("photos", "相册/奶奶家", 1),  # the copy is a name alone; its folder finds the photo all the same
    )
    assert len(client.list_photos(filter=Filter(folders=("相册/奶奶家",))).photos) == 1
    assert sum(month.photos for month in summary.months) + summary.undated == 5
    of_cat = client.summary(filter=Filter(tags=("宠物",)))
    assert cat.taken is not None
    assert of_cat.months == (MonthCount(f"{cat.taken.local_time:%Y-%m}", 1),)
    assert of_cat.formats == (FormatCount("image/jpeg", 1),)
    assert client.summary(filter=Filter(tags=("没有",))).folders == ()

    assert client.delete([cat.photo_id]) == [cat.photo_id]
    assert cat.photo_id not in [hit.photo.photo_id for hit in client.search("一只猫").hits]
    assert [file.path.name for file in client.add(album).deleted] == ["chelsea.jpg", "咪咪.jpg"]
    assert client.undelete([cat.photo_id]) == [cat.photo_id]
    assert client.search("一只猫").hits[0].photo.photo_id == cat.photo_id

    saved = client.save_original(cat.photo_id, tmp_path / "out")
    assert saved.read_bytes() == (SAMPLES / "chelsea.jpg").read_bytes()
    assert client.thumbnail(cat.photo_id).media_type == "image/jpeg"

    assert client.list_photos(states=[PhotoState.READY]).total == 4
    job = list(client.watch_job(client.start_sync().job_id, timeout_seconds=PATIENCE))[-1]
    assert job.state.name == "SUCCEEDED"
    status = client.status()
    assert (status.photos_ready, status.photos_unreadable, status.photos_deleted) == (4, 1, 0)
    assert status.embedder.available
    batches = list(client.export_embeddings())
    assert sum(len(batch.embeddings) for batch in batches) == 4
    with pytest.raises(NotFoundError, match="照片"):
        client.photo("0" * 32)


def test_the_command_line_against_the_real_services(
    real_service: str, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUTU_ADDRESS", real_service)
    monkeypatch.setenv("SOUTU_LANGUAGE", "zh")
    monkeypatch.setenv("COLUMNS", "120")

    def soutu(arguments: list[str]) -> int:
        return run(["--timeout", str(PATIENCE), *arguments])

    assert soutu(["add", str(album)]) == 0
    capsys.readouterr()
    assert soutu(["search", "一只猫", "--json", "--limit", "3"]) == 0
    hit = json.loads(capsys.readouterr().out)["hits"][0]["hit"]
    assert hit["photo"]["names"][0]["name"] in ("相册/chelsea.jpg", "相册/奶奶家/咪咪.jpg")
    assert soutu(["search", "一只猫", "--sheet", str(tmp_path / "sheet.png"), "--save", str(tmp_path / "out")]) == 0
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert len(list((tmp_path / "out").iterdir())) == 4
    assert soutu(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "✓ 向量服务" in out
    assert "一切正常" in out
    assert soutu(["list", "--state", "unreadable"]) == 0
    assert "坏的.jpg" in capsys.readouterr().out
