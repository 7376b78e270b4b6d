"""The program ``soutu`` against a service over real gRPC: what it prints, where, and how it exits."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from patience import PATIENCE, eventually
from soutu_client import Client
from soutu_client.cli.main import run
from soutu_client.cli.version import client_version

MakePhotos = Callable[..., Path]
Soutu = Callable[..., int]


@pytest.fixture
def soutu(service: Any, monkeypatch: pytest.MonkeyPatch) -> Soutu:
    """Return a function that runs a command line against the service and returns its exit code."""
    monkeypatch.setenv("SOUTU_ADDRESS", service.address)
    monkeypatch.setenv("SOUTU_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("DISPLAY", raising=False)
    return lambda *arguments: run(["--timeout", str(PATIENCE), *(str(argument) for argument in arguments)])


def test_add_says_what_became_of_each_file(soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_photos("旅行", ["湖.jpg", "山.jpg"])
    (folder / "文字.jpg").write_text("no picture")
    (folder / "湖.json").write_text("{}")
    assert soutu("add", folder) == 0
    out = capsys.readouterr().out
    assert "3 new photos added" in out
    assert "searchable: 2" in out
    assert "unreadable: 1" in out
    assert "ignored: 1 file that is no photo (.json 1)" in out
    assert re.search(r"文字\.jpg +旅行 +the content is not a picture", out)
    assert soutu("add", folder) == 0
    assert "already there: 3 files, not sent again" in capsys.readouterr().out


def test_add_exits_with_5_when_some_failed_and_2_for_no_such_path(
    soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_photos("a", ["one.jpg"])
    (folder / "gone.jpg").symlink_to("nowhere")
    assert soutu("add", folder) == 5
    assert "gone.jpg" in capsys.readouterr().out
    assert soutu("add", folder / "nothing") == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_search_shows_rank_cosine_name_reason_and_id(
    soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("add", make_photos("生日", ["奶奶.jpg", "狗.jpg"]))
    capsys.readouterr()
    assert soutu("search", "奶奶") == 0
    out = capsys.readouterr().out
    assert re.search(r"\n *1 +0\.990 +奶奶\.jpg +生日 +2019-05-01 +name: 奶奶\.jpg +[0-9a-f]{8} *\n", out)
    assert re.search(r"\n *2 +0\.980 +狗\.jpg +生日 +2019-05-01 +looks like it +[0-9a-f]{8} *\n", out)


def test_search_in_chinese_speaks_chinese(
    soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soutu("add", make_photos("生日", ["奶奶.jpg"]))
    capsys.readouterr()
    assert soutu("search", "奶奶", "--language", "zh") == 0
    assert "相似度" in capsys.readouterr().out
    assert soutu("search", "空", "--language=zh") == 3
    assert "没有找到" in capsys.readouterr().err


def test_search_as_json_is_json_alone(soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]) -> None:
    soutu("add", make_photos("a", ["奶奶.jpg", "b.jpg", "c.jpg"]))
    capsys.readouterr()
    assert soutu("search", "离线", "--json", "--limit", 2) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert [each["rank"] for each in answer["hits"]] == [1, 2]
    assert answer["hits"][0]["hit"]["photo"]["taken"]["local_time"] == "2019-05-01T12:30:00"
    assert answer["notices"][0]["reason"] == "EMBEDDING_UNAVAILABLE"
    assert "only words were searched" in captured.err


def test_search_asks_for_something_to_look_for(soutu: Soutu, capsys: pytest.CaptureFixture[str]) -> None:
    assert soutu("search") == 2
    assert soutu("search", "--not", "狗") == 2
    assert "--not alone finds nothing" in capsys.readouterr().err


def test_search_saves_originals_and_a_contact_sheet(soutu: Soutu, make_photos: MakePhotos, tmp_path: Path) -> None:
    soutu("add", make_photos("a", [f"{number}.jpg" for number in range(7)]))
    assert soutu("search", "x", "--save", tmp_path / "out", "--sheet", tmp_path / "sheet.png") == 0
    assert len(list((tmp_path / "out").iterdir())) == 7
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 5 * (256 + 16) + 16
        assert sheet.height == 56 + 2 * (256 + 48 + 16)
        assert sheet.getpixel((16 + 128, 56 + 128)) not in ((250, 250, 248), (232, 232, 228))


def test_a_contact_sheet_of_too_many_shows_the_first_and_says_so(
    soutu: Soutu, make_photos: MakePhotos, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_client.cli.contact_sheet.MOST_TILES", 2)
    soutu("add", make_photos("a", ["1.jpg", "2.jpg", "3.jpg"]))
    assert soutu("search", "x", "--sheet", tmp_path / "sheet.png") == 0
    assert "The contact sheet shows the first 2 of 3 photos" in capsys.readouterr().err
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 2 * (256 + 16) + 16


def test_open_without_a_screen_says_where_the_sheet_is(
    soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("add", make_photos("a", ["1.jpg"]))
    assert soutu("search", "x", "--open") == 0
    path = Path(capsys.readouterr().err.strip().rpartition(" ")[2])
    assert path.is_file()
    path.unlink()


def test_similar_takes_a_file_or_an_id(
    service: Any, soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_photos("a", ["1.jpg"])
    soutu("add", folder)
    assert soutu("similar", folder / "1.jpg") == 0
    assert soutu("similar", next(iter(service.library.photos))[:8]) == 0
    capsys.readouterr()
    assert soutu("similar", folder / "2.jpg") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_show_annotate_and_list(service: Any, soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]) -> None:
    soutu("add", make_photos("生日", ["奶奶.jpg"]))
    photo_id = next(iter(service.library.photos))
    capsys.readouterr()
    assert soutu("annotate", photo_id[:8], "--favourite", "--caption", "八十大寿", "--tag", "家") == 0
    assert soutu("show", photo_id[:8]) == 0
    out = capsys.readouterr().out
    for words in (photo_id, "photos: 生日/奶奶.jpg", "40×30", "八十大寿", "家", "READY"):
        assert words in out
    assert soutu("annotate", photo_id) == 2
    assert soutu("list", "--state", "ready") == 0
    assert "奶奶.jpg" in capsys.readouterr().out
    assert soutu("list", "--state", "unreadable") == 3


def test_delete_asks_first_and_can_be_undone(
    service: Any, soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("add", make_photos("a", ["1.jpg"]))
    photo_id = next(iter(service.library.photos))
    capsys.readouterr()
    assert soutu("delete", photo_id[:8]) == 2  # nobody to ask
    assert "add --yes" in capsys.readouterr().err
    assert soutu("list") == 0
    assert soutu("delete", photo_id[:8], "--yes") == 0
    assert f"soutu undelete {photo_id[:8]}" in capsys.readouterr().out
    assert soutu("list") == 3
    assert soutu("undelete", photo_id[:8]) == 0
    assert soutu("list") == 0
    soutu("delete", photo_id, "--yes")
    assert soutu("delete", photo_id, "--undo") == 0
    soutu("delete", photo_id, "--yes")
    assert soutu("delete", "--purge", "--yes") == 0
    assert service.library.photos == {}


def test_sync_jobs_status_and_duplicates(soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]) -> None:
    soutu("add", make_photos("a", ["1.jpg", "2.jpg"]))
    capsys.readouterr()
    assert soutu("sync") == 0
    assert "Done: 9 files seen, 4 photos processed, 0 of them unreadable" in capsys.readouterr().out
    assert soutu("sync", "--no-wait") == 0
    assert "Started as job job-1" in capsys.readouterr().out
    assert soutu("jobs") == 0
    assert "sync job-1" in capsys.readouterr().out
    assert soutu("jobs", "pause") == 0
    assert "Job job-1: paused" in capsys.readouterr().out
    assert soutu("status") == 0
    assert "2: 2 searchable, 0 pending, 0 unreadable" in capsys.readouterr().out
    assert soutu("duplicates") == 0
    assert "Group 1, 2 photos" in capsys.readouterr().out


def test_doctor_says_what_to_do_about_each_connection(service: Any, soutu: Soutu, capsys: pytest.CaptureFixture[str]) -> None:
    service.library.is_pending = True  # the embedding service is away
    assert soutu("doctor") == 1
    out = capsys.readouterr().out
    assert "✓ search service: serving, version 9.9.9" in out
    assert "✗ embedding service" in out
    assert "start the embedding service at 127.0.0.1:8402" in out
    service.stop()
    assert soutu("doctor") == 4
    assert "nothing listens there: start soutu" in capsys.readouterr().out
    assert soutu("doctor", "--address", "no-such-host.invalid") == 4
    assert "the host no-such-host.invalid is not known" in capsys.readouterr().out
    assert soutu("doctor", "--address", "a..b:80") == 4
    assert "the host a..b is not known" in capsys.readouterr().out


def test_a_machine_that_sleeps_by_design_is_no_fault(service: Any, soutu: Soutu, capsys: pytest.CaptureFixture[str]) -> None:
    service.library.is_pending = True
    status = service.library.status
    status.photos_pending = 300
    status.embedder.problem = "the embedding service does not answer"
    status.embedder.unavailable_since.FromSeconds(1_700_000_000)
    status.embedder.wake_time.FromSeconds(1_700_000_600)
    status.pending_time_left.seconds = 250
    assert soutu("doctor") == 1
    status.text_embedder.available = status.text_embedder.embeds_texts = True
    status.text_embedder.model, status.text_embedder.address = "lite", "127.0.0.1:8403"
    capsys.readouterr()
    status.version = client_version()
    assert soutu("doctor") == 0
    out = capsys.readouterr().out
    assert "✓ embedding service" in out and "Words are searched as ever" in " ".join(out.split())
    assert "✓ text embedding service: 127.0.0.1:8403, model lite" in out
    assert "300, embedded by themselves" in out
    assert soutu("status") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "300 pending, 0 unreadable, about 4 min once the embedding service is back" in out
    assert "problem: the embedding service does not answer (no answer since 2023-11-14 " in out
    assert ", woken at 2023-11-14 " in out
    assert "text model lite 127.0.0.1:8403" in out
    assert soutu("--language", "zh", "status") == 0
    out = "".join(capsys.readouterr().out.split())
    assert "向量服务恢复后约需4分钟" in out and "已发送唤醒信号" in out and "文字模型lite" in out
    assert soutu("status", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["pending_seconds_left"], shown["text_embedder"]["embeds_texts"]) == (250.0, True)
    status.text_embedder.available, status.text_embedder.problem = False, "the text embedding service does not answer"
    assert soutu("doctor") == 1
    assert "✗ text embedding service: the text embedding service does not answer" in capsys.readouterr().out


def test_what_is_wrong_with_a_service_that_answers_is_shown(
    service: Any, soutu: Soutu, capsys: pytest.CaptureFixture[str]
) -> None:
    service.library.status.embedder.problem = "the embedding service sends vectors that are not valid"
    assert soutu("status") == 0
    assert "problem: the embedding service sends vectors that are not valid" in " ".join(capsys.readouterr().out.split())
    assert soutu("doctor") == 1
    assert "sends vectors that are not valid" in " ".join(capsys.readouterr().out.split())


def test_a_guest_is_not_told_that_what_is_hidden_is_broken(
    service: Any, soutu: Soutu, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    soutu("add", str(make_photos("trip", ["a.png"])))
    service.library.is_for_a_guest = True
    capsys.readouterr()
    assert soutu("status") == 0
    out = capsys.readouterr().out
    assert "1 searchable" in out
    assert [line for line in out.splitlines() if line.startswith(("model", "index", "sources"))] == []
    service.library.status.version = client_version()
    assert soutu("doctor") == 0
    out = capsys.readouterr().out
    assert "✓ embedding service: can be used" in out and "index" not in out
    service.library.is_pending = True
    assert soutu("doctor") == 1
    assert "✗ embedding service: cannot be used now" in capsys.readouterr().out


def test_doctor_tries_every_address_of_a_host(
    service: Any, soutu: Soutu, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        family, kind = socket.AF_INET, socket.SOCK_STREAM
        return [(family, kind, 6, "", ("127.0.0.9", port)), (family, kind, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    soutu("doctor", "--address", service.address.replace("127.0.0.1", "localhost"))
    told = capsys.readouterr().out
    assert "resolves to 127.0.0.9, 127.0.0.1" in told
    assert "✓ search service: serving" in told


def test_an_unreachable_service_is_one_line_and_exit_4(service: Any, soutu: Soutu, capsys: pytest.CaptureFixture[str]) -> None:
    service.stop()
    assert soutu("search", "狗") == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: cannot reach the search service at 127.0.0.1:")
    assert captured.err.count("\n") == 1


def test_an_unknown_photo_is_one_line_in_the_chosen_language(soutu: Soutu, capsys: pytest.CaptureFixture[str]) -> None:
    assert soutu("show", "abcdef", "--language", "zh") == 1
    assert capsys.readouterr().err == "错误：没有这张照片\n"


def test_a_hostile_name_does_nothing_to_the_terminal(
    service: Any, soutu: Soutu, client: Client, make_photos: MakePhotos, capsys: pytest.CaptureFixture[str]
) -> None:
    client.upload(make_photos("a", ["1.jpg"]) / "1.jpg", name="\x1b[31mred\u202egpj.[bold]exe\n.jpg")
    for command in (("list",), ("search", "x"), ("show", next(iter(service.library.photos)))):
        assert soutu(*command) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "[bold]" in out


@pytest.mark.parametrize("kind", ["add", "sync"])
def test_ctrl_c_ends_at_once_with_130_and_no_traceback(service: Any, make_photos: MakePhotos, kind: str) -> None:
    folder = make_photos("a", [f"{number}.jpg" for number in range(200)])
    service.library.delay_seconds = 0.3
    service.library.is_endless = True
    arguments = ["add", str(folder)] if kind == "add" else ["sync"]
    heeds_ctrl_c = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also in the background
    program = f"{heeds_ctrl_c}; from soutu_client.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments, "--address", service.address, "--language", "en"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            eventually(lambda: len(service.library.requests) >= (6 if kind == "add" else 2))
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert ("the same command goes on" if kind == "add" else "Job job-1 goes on") in err
    assert len(service.library.photos) < 200, "it did not go on to the end"
