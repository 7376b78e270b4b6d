from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from soutu_services.embedding.weights import PublishedFile, WeightsSettings, find_weights
from soutu_services.runtime.errors import DataLoss, FailedPrecondition, Overloaded, Unavailable

FILE = PublishedFile(
    "ViT-Tiny", "clip_tiny.pt", {"huggingface": "OFA-Sys/chinese-clip-tiny", "modelscope": "AI-ModelScope/chinese-clip-tiny"}
)
CONTENT = bytes(range(256)) * 4000


@dataclass
class PlayedHub:
    """Plays Hugging Face and ModelScope on loopback for one file."""

    url: str = ""
    content: bytes = CONTENT
    digest: str = field(default_factory=lambda: hashlib.sha256(CONTENT).hexdigest())
    size: int = len(CONTENT)
    status: int = 200
    requests: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PlayedHub]:
    played = PlayedHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def do_GET(self, body: bool = True) -> None:
            played.requests.append(self.path)
            played.authorizations.extend(filter(None, [self.headers.get("Authorization")]))
            url = urlparse(self.path)
            if played.status != 200:
                self.answer(played.status, b"", {}, body)
            elif url.path == "/OFA-Sys/chinese-clip-tiny/resolve/main/clip_tiny.pt" or "/resolve/" + "c" * 40 in url.path:
                headers = {"X-Repo-Commit": "c" * 40, "ETag": f'"{played.digest}"', "X-Linked-Etag": f'"{played.digest}"'}
                self.answer(200, played.content, headers | {"X-Linked-Size": str(played.size)}, body)
            elif url.path == "/api/v1/models/AI-ModelScope/chinese-clip-tiny/repo/files":
                entry = {
                    "Path": "clip_tiny.pt",
                    "Name": "clip_tiny.pt",
                    "Type": "blob",
                    "Size": played.size,
                    "Sha256": played.digest,
                }
                self.answer(200, json.dumps({"Code": 200, "Success": True, "Data": {"Files": [entry]}}).encode(), {}, body)
            elif "chinese-clip-tiny/repo" in url.path and parse_qs(url.query).get("FilePath") == ["clip_tiny.pt"]:
                self.answer(200, played.content, {}, body)
            else:
                self.answer(404, b"{}", {}, body)

        def answer(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            first = 0
            if status == 200 and (span := self.headers.get("Range")):
                first = int(span.removeprefix("bytes=").split("-")[0])
                status = 206
                headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            if body:
                self.wfile.write(content[first:])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", played.url)
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", played.url)
    monkeypatch.setenv("HF_TOKEN", "a-token-of-the-person")
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "a-token-of-the-person")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield played
    server.shutdown()
    server.server_close()
    thread.join()


def settings(folder: Path, **options: object) -> WeightsSettings:
    return WeightsSettings.model_validate({"folder": folder, **options})


def test_a_file_in_the_folder_is_taken_without_asking_anybody(hub: PlayedHub, tmp_path: Path) -> None:
    (tmp_path / "clip_tiny.pt").write_bytes(b"put here by hand")
    assert find_weights(FILE, settings(tmp_path)) == tmp_path / "clip_tiny.pt"
    assert hub.requests == []
    assert not (tmp_path / "clip_tiny.pt.sha256").exists()


@pytest.mark.parametrize("name", ["huggingface", "modelscope"])
def test_a_missing_file_comes_from_the_chosen_hub_and_its_digest_is_recorded(hub: PlayedHub, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "new" / "weights"
    path = find_weights(FILE, settings(folder, hub=name))
    assert path.read_bytes() == CONTENT
    assert (folder / "clip_tiny.pt.sha256").read_text() == f"{hub.digest}  clip_tiny.pt\n"
    assert sorted(entry.name for entry in folder.iterdir()) == ["clip_tiny.pt", "clip_tiny.pt.sha256"]
    asked = len(hub.requests)
    assert find_weights(FILE, settings(folder, hub=name)) == path
    assert len(hub.requests) == asked


@pytest.mark.parametrize("name", ["huggingface", "modelscope"])
def test_no_token_of_the_persons_goes_to_the_mirror(hub: PlayedHub, tmp_path: Path, name: str) -> None:
    find_weights(FILE, settings(tmp_path / "weights", hub=name))
    assert hub.requests
    assert hub.authorizations == []


def test_a_downloaded_file_that_changed_later_is_refused(hub: PlayedHub, tmp_path: Path) -> None:
    path = find_weights(FILE, settings(tmp_path / "weights"))
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(DataLoss) as caught:
        find_weights(FILE, settings(tmp_path / "weights", offline=True))
    assert caught.value.reason == "WEIGHTS_CHANGED"
    assert str(path) in caught.value.text.en


@pytest.mark.parametrize("name", ["huggingface", "modelscope"])
def test_content_that_is_not_what_the_hub_announced_is_thrown_away(hub: PlayedHub, tmp_path: Path, name: str) -> None:
    hub.digest = "0" * 64
    with pytest.raises(Unavailable) as caught:
        find_weights(FILE, settings(tmp_path / "weights", hub=name))
    assert "SHA-256" in caught.value.text.en or "ntegrity" in caught.value.text.en
    assert not list((tmp_path / "weights").glob("clip_tiny.pt*"))
    hub.digest = hashlib.sha256(CONTENT).hexdigest()
    assert find_weights(FILE, settings(tmp_path / "weights", hub=name)).read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["huggingface", "modelscope"])
def test_a_hub_without_the_file_leads_to_which_file_to_put_where(hub: PlayedHub, tmp_path: Path, name: str) -> None:
    hub.status = 404
    with pytest.raises(Unavailable) as caught:
        find_weights(FILE, settings(tmp_path / "weights", hub=name))
    for text in (caught.value.text.zh, caught.value.text.en):
        assert str(tmp_path / "weights" / "clip_tiny.pt") in text
        assert "\n" not in text


def test_a_hub_that_reports_no_sha256_is_not_trusted(hub: PlayedHub, tmp_path: Path) -> None:
    hub.digest = "a-git-blob"
    with pytest.raises(Unavailable, match="it reports no SHA-256 for the file") as caught:
        find_weights(FILE, settings(tmp_path / "weights"))
    assert "（它没有给出这个文件的 SHA-256）" in caught.value.text.zh


def test_a_file_that_the_disk_has_no_room_for_is_not_begun(hub: PlayedHub, tmp_path: Path) -> None:
    hub.size = 1 << 60
    with pytest.raises(Overloaded) as caught:
        find_weights(FILE, settings(tmp_path / "weights"))
    assert caught.value.reason == "DISK_FULL"
    assert all("resolve/main" in request for request in hub.requests)


def test_offline_mode_asks_nobody_and_says_which_file_to_put_where(hub: PlayedHub, tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        find_weights(FILE, settings(tmp_path / "weights", offline=True))
    assert str(tmp_path / "weights" / "clip_tiny.pt") in caught.value.text.zh
    assert hub.requests == []


def test_a_folder_that_cannot_be_made_is_named(hub: PlayedHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPrecondition) as caught:
        find_weights(FILE, settings(tmp_path / "file" / "weights"))
    assert caught.value.reason == "WEIGHTS_FOLDER_UNUSABLE"


@pytest.mark.parametrize("name", ["huggingface", "modelscope"])
def test_a_missing_client_of_a_hub_is_told_in_both_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in ("huggingface_hub", "modelscope_hub"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unavailable) as caught:
        find_weights(FILE, settings(tmp_path, hub=name))
    assert re.search(r"（没有安装 \w+_hub，请运行：soutu-embedding install-clip）", caught.value.text.zh)
    assert "_hub is not installed; run: soutu-embedding install-clip" in caught.value.text.en
