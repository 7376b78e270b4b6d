"""The examples in other languages do what they say, against the real service, with TLS and a token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from colour_encoder import ColourServer
from home_certificates import HomeCertificates
from object_store import serve_folder
from patience import PATIENCE, eventually
from search_house import photo_id_of, picture
from search_process import SearchProcess
from soutu_client import Client

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "clients" / "examples"
NODE = EXAMPLES / "node"
GO_PACKAGES = Path("/usr/share/gocode")

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(),
    reason="there is no node, or clients/examples/node has no node_modules: npm ci (deploy/setup.sh test does it where npm is)",
)
needs_go = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("go", "protoc", "protoc-gen-go", "protoc-gen-go-grpc"))
    or not (GO_PACKAGES / "src" / "google.golang.org" / "grpc").is_dir()
    or (GO_PACKAGES / "src" / "github.com" / "golang" / "protobuf" / "proto" / "table_marshal.go").exists(),  # of version 1.3
    reason="no Go here: apt install golang-go golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev protobuf-compiler"
    " protoc-gen-go protoc-gen-go-grpc",
)
needs_grpcurl = pytest.mark.skipif(shutil.which("grpcurl") is None, reason="there is no grpcurl")


@dataclass(frozen=True)
class Service:
    """A service with photos of three colours, and what a program is told of it."""

    client: Client
    environment: dict[str, str]
    photos: dict[str, str]

    def run(self, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **more}
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("examples")
    certificates = HomeCertificates(folder)
    tls = certificates.machine()
    with ExitStack() as running:
        (folder / "store").mkdir()
        store = running.enter_context(serve_folder(folder / "store")).settings
        embedding = ColourServer()
        running.callback(embedding.stop)
        process = SearchProcess(
            {
                "SOUTU_SEARCH_LISTEN": "127.0.0.1:0",
                "SOUTU_SEARCH_METRICS_LISTEN": "",
                "SOUTU_SEARCH_DATA_FOLDER": str(folder / "data"),
                "SOUTU_SEARCH_EMBEDDING_ADDRESS": f"plain://{embedding.address}",
                "SOUTU_SEARCH_STORE__URL": store.url,
                "SOUTU_SEARCH_STORE__ACCESS_KEY": store.access_key,
                "SOUTU_SEARCH_STORE__SECRET_KEY": store.secret_key.get_secret_value(),
                "SOUTU_SEARCH_TLS__CERTIFICATE": str(tls.certificate),
                "SOUTU_SEARCH_TLS__KEY": str(tls.key),
            }
        )
        running.callback(process.end)
        address = process.wait_ready()
        token = (folder / "data" / "admin-token").read_text().strip()
        own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        told = {
            "SOUTU_ADDRESS": address.replace("127.0.0.1", "localhost"),
            "SOUTU_AUTHORITY": str(certificates.authority),
            "SOUTU_TOKEN": token,
        }
        client = running.enter_context(
            Client(address, token=token, authority=certificates.authority, timeout_seconds=PATIENCE, language="en")
        )
        photos = {}
        for colour in ("红", "绿"):
            (folder / "photo.png").write_bytes(picture(colour))
            photos[colour] = client.upload(folder / "photo.png", name=f"IMG {len(photos)}.png").photo_id
        eventually(lambda: client.status().photos_ready == len(photos))
        yield Service(client, {**own, **told, "SOUTU_LANGUAGE": "en"}, photos)


def check_example(service: Service, command: Sequence[str | Path], photo: Path, found: Callable[[str], list[str]]) -> None:
    """Search by words and by a picture; without a token, and with a stranger's certificate, nothing is found."""
    for colour, photo_id in service.photos.items():
        ended = service.run(*command, "search", colour)
        assert ended.returncode == 0, ended.stderr
        assert found(ended.stdout)[0] == photo_id
    photo.write_bytes(picture("绿", 7))
    ended = service.run(*command, "similar", photo)
    assert found(ended.stdout)[0] == service.photos["绿"], ended.stderr
    nobody = service.run(*command, "search", "红", SOUTU_TOKEN="")
    assert nobody.returncode != 0 and "token" in nobody.stderr and not nobody.stdout.strip()
    stranger = HomeCertificates(photo.parent).stranger
    untrusted = service.run(*command, "search", "红", SOUTU_AUTHORITY=str(stranger))
    assert untrusted.returncode != 0 and "certificate" in untrusted.stderr and not untrusted.stdout.strip()


def first_of_lines(output: str) -> list[str]:
    return [line.partition("\t")[0] for line in output.splitlines()]


def photo_ids_of_json(output: str) -> list[str]:
    """Versions of grpcurl write names as in the protos, or as in JavaScript."""
    return [each["photo"].get("photoId") or each["photo"]["photo_id"] for each in json.loads(output)["hits"]]


@needs_node
def test_javascript_searches_adds_and_saves(service: Service, tmp_path: Path) -> None:
    node = ("node", NODE / "soutu.mjs")
    check_example(service, node, tmp_path / "x.png", first_of_lines)
    whole = picture("蓝", 3, (1200, 800))
    assert len(whole) > 1 << 20, "more than one message"
    (tmp_path / "蓝色.png").write_bytes(whole)
    for outcome in ("new", "known"):
        ended = service.run(*node, "add", tmp_path / "蓝色.png")
        assert ended.stdout == f"{photo_id_of(whole)}\t{outcome}\t蓝色.png\n", ended.stderr
    copy = tmp_path / "copy.png"
    assert service.run(*node, "save", photo_id_of(whole), copy).returncode == 0
    assert copy.read_bytes() == whole
    again = service.run(*node, "save", photo_id_of(whole), copy)
    assert again.returncode == 1 and "EEXIST" in again.stderr
    wrong = service.run(*node, "save", "0" * 32, tmp_path / "none.png")
    assert wrong.returncode == 1 and wrong.stderr == "there is no such photo\n", wrong.stderr
    assert service.run(*node, "sing").returncode == 2


@needs_go
def test_go_searches(service: Service, tmp_path: Path) -> None:
    place = tmp_path / "path" / "src" / "soutu.example"
    shutil.copytree(EXAMPLES / "go", place)
    shutil.copytree(ROOT / "protos" / "soutu", tmp_path / "protos" / "soutu")  # where generate.sh looks: ../../../protos
    settings = {"GO111MODULE": "off", "GOPATH": f"{tmp_path / 'path'}:{GO_PACKAGES}", "GOFLAGS": ""}
    environment = {**os.environ, **settings}
    for command in (("sh", "generate.sh"), ("go", "build", "-o", "soutu", ".")):
        built = subprocess.run(
            command, cwd=place, check=False, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE
        )
        assert built.returncode == 0, built.stderr
    check_example(service, (place / "soutu",), tmp_path / "x.png", first_of_lines)


@needs_grpcurl
def test_a_shell_searches_with_grpcurl(service: Service, tmp_path: Path) -> None:
    shell = ("sh", EXAMPLES / "soutu.sh")
    check_example(service, shell, tmp_path / "x.png", photo_ids_of_json)
    assert "soutu.search.v1.SearchService.SearchPhotos" in service.run(*shell, "methods").stdout
    assert json.loads(service.run(*shell, "status").stdout).keys() & {"photosReady", "photos_ready"}
    assert service.run(*shell, "search", 'a "quoted" \\ word').returncode == 0


def test_the_lock_file_names_no_registry_and_every_content() -> None:
    """Whoever installs uses the registry that they are set up for, and gets what was locked, or nothing."""
    lock = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))
    locked = {name: each for name, each in lock["packages"].items() if name}
    assert locked and all(each["integrity"].startswith("sha512-") for each in locked.values())
    assert not any("resolved" in each for each in locked.values())


@pytest.mark.parametrize("words", [(), ("similar",), ("similar", "nowhere.jpg")])
def test_the_shell_example_says_how_it_is_used(words: tuple[str, ...]) -> None:
    ended = subprocess.run(["sh", EXAMPLES / "soutu.sh", *words], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.returncode, ended.stderr.partition(" ")[0], ended.stdout) == (2, "usage:", "")


def test_the_shell_example_is_a_posix_shell_s() -> None:
    for script in (EXAMPLES / "soutu.sh", EXAMPLES / "go" / "generate.sh"):
        assert subprocess.run(["sh", "-n", script], check=False, timeout=PATIENCE).returncode == 0
