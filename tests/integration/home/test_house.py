"""The whole house, as a person starts it."""

import json
import os
import shutil
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from patience import PATIENCE
from soutu_client import Client, UnavailableError

from .conftest import READY, SAMPLES, HouseProcess, eventually, is_running

StartHouse = Callable[..., HouseProcess]
PHOTOS_IN_SAMPLES = len(list(SAMPLES.rglob("*.jpg")))


def test_shows_the_samples_keeps_them_and_stops_without_a_trace(start_house: StartHouse) -> None:
    house = start_house(samples=str(SAMPLES))
    house.wait_for(READY)
    assert "一只猫" in house.said
    with Client(house.address, timeout_seconds=PATIENCE) as client:
        assert client.status().photos_ready == PHOTOS_IN_SAMPLES
        assert client.search("一只猫").hits[0].photo.name.endswith("chelsea.jpg")
        before = {photo.photo_id for photo in client.list_photos().photos}
    page = f"http://{house.environment['SOUTU_WEB_LISTEN']}"
    assert page in house.said
    with urllib.request.urlopen(page, timeout=PATIENCE) as answer:
        assert "搜图" in answer.read().decode()
    with urllib.request.urlopen(f"{page}/api/status", timeout=PATIENCE) as answer:
        assert json.load(answer)["photos_ready"] == PHOTOS_IN_SAMPLES
    programs = house.programs
    assert len(programs) == 4
    assert house.stop() == 0
    assert "已停止" in house.said
    assert not [name for name, process in programs.items() if is_running(process)]
    secret = (house.library / "store.key").read_text().split('"')[-2]
    assert not [log for log in (house.library / "logs").iterdir() if secret in log.read_text(errors="replace")]

    again = start_house(samples=str(SAMPLES))
    again.wait_for(READY)
    assert "示例照片" not in again.said
    with Client(again.address, timeout_seconds=PATIENCE) as client:
        assert {photo.photo_id for photo in client.list_photos().photos} == before
        assert client.search("一只猫").hits[0].photo.name.endswith("chelsea.jpg")


def test_adds_photos_is_alone_on_its_library_and_recovers_from_killed_programs(start_house: StartHouse, tmp_path: Path) -> None:
    photos = tmp_path / "我的 照片 [2019]"
    photos.mkdir()
    for name in ("chelsea.jpg", "rocket.jpg", "flower.jpg"):
        shutil.copy(SAMPLES / name, photos)
    house = start_house(photos=str(photos), first_search="火箭")
    house.wait_for(READY)
    assert "rocket.jpg" in house.said

    second = start_house()
    assert second.process.wait(PATIENCE) == 1
    assert eventually(lambda: "已经在运行" in second.said)
    assert len(second.said.splitlines()) == 1

    programs = house.programs
    os.kill(programs["soutu_services.search"], signal.SIGKILL)
    os.kill(programs["serve s3"], signal.SIGKILL)
    house.wait_for("搜索服务停止了")
    house.wait_for("照片存储停止了")
    with Client(house.address, timeout_seconds=PATIENCE) as client:
        assert eventually(lambda: answers(client))
        photo = client.search("火箭").hits[0].photo
        assert photo.name.endswith("rocket.jpg")
        assert eventually(lambda: original(client, photo.photo_id) == (photos / "rocket.jpg").read_bytes())

    with Client(house.address, timeout_seconds=PATIENCE) as client:
        photo = client.list_photos().photos[0].photo_id
        client.annotate([photo], caption="在备份里")
        client.create_backup(tmp_path / "soutu.backup")
        client.annotate([photo], caption="在备份之后")
        client.restore_backup(tmp_path / "soutu.backup", wait_seconds=PATIENCE)  # the house starts the service again
        assert client.photo(photo).annotations.caption == "在备份里"
        assert client.status().photos == 3
    assert "要用恢复的备份重新启动" in house.said
    assert house.stop() == 0


def test_serves_a_folder_in_place_and_leaves_it_as_it_is(start_house: StartHouse, tmp_path: Path) -> None:
    photos = tmp_path / "相册, 'x'"
    shutil.copytree(SAMPLES, photos)
    before = snapshot(photos)
    house = start_house(photos=str(photos), in_place="1", first_search="咖啡")
    house.wait_for(READY)
    assert "咖啡.jpg" in house.said
    with Client(house.address, timeout_seconds=PATIENCE) as client:
        assert client.status().photos_ready == PHOTOS_IN_SAMPLES
        client.delete([client.search("一只猫").hits[0].photo.photo_id])
    assert list((house.library / "store" / "soutu-photos").rglob("*.jpg")) == []
    assert snapshot(photos) == before
    assert "soutu_services.search" in house.programs and "folders:" in house.programs
    programs = house.programs
    house.process.kill()  # even then nothing stays
    assert eventually(lambda: not any(map(is_running, programs.values())))

    again = start_house()
    again.wait_for(READY)
    with Client(again.address, timeout_seconds=PATIENCE) as client:
        assert client.status().photos_ready == PHOTOS_IN_SAMPLES - 1
    assert snapshot(photos) == before


@pytest.mark.parametrize("in_place", ["", "1"])
def test_takes_a_folder_whose_name_is_no_utf8(
    start_house: StartHouse, environment: dict[str, str], tmp_path: Path, in_place: str
) -> None:
    environment["PYTHONIOENCODING"] = "utf-8:strict"
    environment["SOUTU_SEARCH_METRICS_LISTEN"] = ""
    photos = tmp_path / os.fsdecode("照片".encode("gbk"))
    photos.mkdir()
    shutil.copy(SAMPLES / "rocket.jpg", photos)
    if not in_place:  # nor does it matter that the welcome cannot be written down
        Path(environment["SOUTU_HOME_LIBRARY"], "home.new").mkdir(parents=True)
    house = start_house(photos=str(photos), in_place=in_place, first_search="火箭")
    house.wait_for(READY)
    assert "rocket.jpg" in house.said
    assert ("资料库文件夹不能用" in house.said) == (not in_place)
    assert house.stop() == 0


def test_needs_no_room_here_for_photos_that_are_stored_elsewhere(
    start_house: StartHouse, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["SOUTU_SEARCH_STORE__URL"] = "http://127.0.0.1:1"
    with (tmp_path / "huge.tiff").open("wb") as huge:  # sparse: takes no space itself
        huge.truncate(1 << 43)
    house = start_house(photos=str(tmp_path / "huge.tiff"))
    house.wait_for("正在启动")
    house.process.kill()


def test_says_which_port_is_in_use_and_what_to_set(start_house: StartHouse, environment: dict[str, str]) -> None:
    host, port = environment["SOUTU_EMBEDDING_LISTEN"].split(":")
    with socket.create_server((host, int(port))):
        house = start_house()
        assert house.process.wait(PATIENCE) == 1
        assert eventually(lambda: port in house.said)
    problem = house.said.splitlines()
    complaint = [line for line in problem if port in line]
    assert len(complaint) == 1
    assert "SOUTU_EMBEDDING_LISTEN" in complaint[0]
    assert "Traceback" not in house.said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"photos": "/nowhere/at/all"}, "找不到照片文件夹"),
        ({"in_place": "1"}, "PHOTOS="),
        ({"least_free_bytes": str(1 << 62)}, "磁盘空间不足"),
        ({"library": "/dev/null/library"}, "资料库文件夹不能用"),
        ({"library": "~no-such-person/library"}, "找不到 ~no-such-person"),
        ({"once": "maybe"}, "SOUTU_HOME_ONCE"),
    ],
)
def test_refuses_in_one_line(start_house: StartHouse, settings: dict[str, str], words: str) -> None:
    house = start_house(**settings)
    assert house.process.wait(PATIENCE) in (1, 2)
    assert eventually(lambda: words in house.said)
    assert len(house.said.splitlines()) == 1


def test_says_in_one_line_what_the_system_refuses(start_house: StartHouse, environment: dict[str, str]) -> None:
    log = Path(environment["SOUTU_HOME_LIBRARY"], "logs", "store.log")
    log.mkdir(parents=True)
    house = start_house()
    assert house.process.wait(PATIENCE) == 1
    assert eventually(lambda: f"无法继续（{log}" in house.said)
    assert "Traceback" not in house.said


def answers(client: Client) -> bool:
    try:
        client.status()
    except UnavailableError:
        return False
    return True


def original(client: Client, photo_id: str) -> bytes:
    try:
        with client.read_original(photo_id) as stream:
            return b"".join(stream)
    except UnavailableError:
        return b""


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size, path.stat().st_mode)
        for path in [folder, *folder.rglob("*")]
    }
