"""What the compose files say runs: a photo is uploaded, found and shown through exactly their commands, variables and checks."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM

import pytest

from compose_files import DEPLOY, settings_of
from compose_house import ComposeHouse, DidNotWork
from confined import can_confine
from patience import PATIENCE, eventually
from soutu_client import Client, SoutuError
from soutu_client.access_models import Scope

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="every service has a loopback address of its own")

SAMPLES = DEPLOY / "samples"
CAT, FLOWER = SAMPLES / "chelsea.jpg", SAMPLES / "flower.jpg"
SETTINGS = settings_of()
_GPU_NAME = "gpu.local"
_GPU = {"SOUTU_EMBEDDING_MODELS": "lite", "SOUTU_EMBEDDING_DEVICE": "auto"}
Files = Mapping[Path, tuple[frozenset[str], Mapping[str, str]]]
_SOURCES = settings_of(commented=True)["SOUTU_SEARCH_SOURCES"]


def client_of(house: ComposeHouse, patience_seconds: float = PATIENCE) -> Client:
    return Client(
        house.address("search", "8401"),
        token=house.path("search", "/data/admin-token").read_text().strip(),
        authority=house.path("search", "/run/soutu/ca.pem"),
        timeout_seconds=patience_seconds,
        language="en",
    )


def page(house: ComposeHouse, path: str, *, method: str = "GET", token: str = "", body: bytes | None = None) -> tuple[int, bytes]:
    """Ask the page as a phone of the house does: by its name, with the home's authority."""
    context = ssl.create_default_context(cafile=house.path("web", "/run/soutu/ca.pem"))
    host, _, port = house.address("web", "8400").rpartition(":")
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=PATIENCE)
    try:
        headers = {"Host": f"nas.local:{port}", "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def use(house: ComposeHouse, *, patience_seconds: float = PATIENCE) -> None:
    """Upload photos, by the client and on the page, search for them, and see the page find them too."""
    with client_of(house, patience_seconds) as client:
        uploaded = client.upload(CAT, name="旅行/chelsea.jpg")
        token = client.create_token("page", scope=Scope.WRITE).secret
        assert page(house, "/")[0] == 200
        assert page(house, "/api/status")[0] == 401
        status, told = page(house, "/api/uploads?name=flower.jpg", method="PUT", token=token, body=FLOWER.read_bytes())
        assert status == 200, told
        eventually(lambda: client.status().photos_pending == 0)
        assert client.search("一只猫").hits[0].photo.photo_id == uploaded.photo_id
    question = json.dumps({"terms": [{"text": "一只猫"}]}).encode()
    status, found = page(house, "/api/search", method="POST", token=token, body=question)
    assert status == 200, found
    assert uploaded.photo_id in found.decode()


def files(*given: tuple[Path, set[str], Mapping[str, str]]) -> Files:
    return {file: (frozenset(profiles), {**SETTINGS, **variables}) for file, profiles, variables in given}


def test_one_machine_uploads_finds_and_shows_a_photo_and_keeps_it_over_an_upgrade(tmp_path: Path) -> None:
    one = files((DEPLOY / "compose.one.yaml", set(), {}))
    with ComposeHouse(tmp_path, one) as house:
        house.start()
        use(house)
        for name in ("web", "search", "embedding"):
            assert house.stop(name) in (0, -SIGTERM), house.log(name)  # uvicorn ends in order, then by the signal it got
    for done in tmp_path.glob("*.done"):  # containers made anew, over the same volumes
        done.unlink()
    with ComposeHouse(tmp_path, one) as house:
        house.start()
        with client_of(house) as client:
            hits = eventually(lambda: client.search("一只猫").hits)  # the embedding service may start after the search service
            assert hits[0].photo.name == "旅行/chelsea.jpg"


def two_machines(tmp_path: Path, both: Files, pictures: Path) -> ComposeHouse:
    """A NAS that has made the GPU machine's certificate, and a GPU machine that has been handed it; neither is started."""
    copied = tmp_path / _GPU_NAME
    house = ComposeHouse(
        tmp_path, both, shared={"/photos": pictures, "./certificates": copied}, machines={_GPU_NAME: "embedding"}
    )
    house.start("prepare")
    made = ["soutu-certificates", "/authority", "--host", f"{_GPU_NAME},{house.host('embedding')}"]
    assert _GPU_NAME in house.run("prepare", made)
    shutil.copytree(house.path("prepare", "/authority") / _GPU_NAME, copied)
    return house


def test_a_nas_finds_by_the_gpu_machine_by_its_own_text_tower_and_in_a_folder_that_stays_as_it_is(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(SAMPLES / "旅行", pictures)
    before = {path: path.stat().st_mtime_ns for path in pictures.rglob("*")}
    nas = {
        "SOUTU_SEARCH_TEXT_EMBEDDING_ADDRESS": "text:8402",
        "SOUTU_TEXT_MODEL": "lite",
        "SOUTU_SEARCH_SOURCES": _SOURCES,
    }
    both = files((DEPLOY / "compose.nas.yaml", {"folder", "text"}, nas), (DEPLOY / "compose.gpu.yaml", set(), _GPU))
    with two_machines(tmp_path, both, pictures) as house:
        house.start()
        use(house)
        with client_of(house) as client:
            client.watch_job(client.start_sync().job_id)
            eventually(lambda: client.status().photos_ready == 2 + len(list(pictures.iterdir())))
            house.stop("embedding")
            assert eventually(lambda: client.search("一只猫").hits)[0].photo.name == "旅行/chelsea.jpg"
    assert {path: path.stat().st_mtime_ns for path in pictures.rglob("*")} == before


@pytest.mark.parametrize("file", ["compose.nas.yaml", "compose.one.yaml"])
def test_each_service_has_the_secrets_that_it_names_and_no_others(tmp_path: Path, file: str) -> None:
    profiles = {"folder", "text", "monitoring"}
    with ComposeHouse(tmp_path, files((DEPLOY / file, profiles, {})), shared={"./certificates": tmp_path}) as house:
        house.start("prepare")
        for name, service in house.services.items():
            written = (DEPLOY / "monitoring" / "prometheus.compose.yml").read_text() if name == "prometheus" else ""
            said = " ".join([*service.command, *service.health, *service.environment.values(), written])
            asked = set(re.findall(r"(?<![\w/])/run/soutu/([\w./-]*\w)", said))
            mounted = [mount for mount in service.mounts if mount.target == "/run/soutu"]
            assert bool(asked) == bool(mounted) or name == "prepare", name
            for mount in mounted:
                place = house.path(name, "/run/soutu")
                held = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
                assert mount.is_read_only
                assert {each if each in asked else each.rpartition("/")[0] for each in held} == asked, name
    assert not {"store-key", "embedding-token"} & {each.name for each in (tmp_path / "volumes" / "secrets-web").rglob("*")}


@pytest.mark.parametrize(
    ("was", "becomes", "failure", "told"),
    [
        pytest.param("PUBLISH:-8400}:8400", "PUBLISH:-8400}:8499", ConnectionRefusedError, "", id="a port"),
        pytest.param('"soutu_client.web"]', '"soutu_client"]', DidNotWork, "^web: .*soutu_client", id="a command"),
        pytest.param("https://store:9000", "https://store:9001", SoutuError, "store", id="a variable"),
        pytest.param("MINIO_ROOT_USER: soutu", "MINIO_ROOT_USER: other", SoutuError, "store", id="a user"),
        pytest.param("AUTHORITY: /run/soutu/ca.pem", "AUTHORITY: /run/soutu/store-key", DidNotWork, "^search: ", id="a file"),
        pytest.param('health", "search"]', 'health", "embedding"]', DidNotWork, "^search: .*ready on", id="a check"),
        pytest.param("- data:/data", "- data:/data:ro", DidNotWork, "^search: .*SOUTU_SEARCH_DATA_FOLDER", id="a volume"),
    ],
)
def test_a_changed_file_does_not_pass(tmp_path: Path, was: str, becomes: str, failure: type[Exception], told: str) -> None:
    if becomes.endswith(":ro") and not can_confine():
        pytest.skip("this machine lets nobody make a file system read-only")
    changed = tmp_path / "deploy"
    changed.mkdir()
    for file in DEPLOY.glob("compose.*.yaml"):
        (changed / file.name).write_text(file.read_text(encoding="utf-8").replace(was, becomes), encoding="utf-8")
    assert becomes in (changed / "compose.nas.yaml").read_text(encoding="utf-8")
    with ComposeHouse(tmp_path, files((changed / "compose.one.yaml", set(), {}))) as house:
        with pytest.raises(failure) as raised:
            house.start()
            use(house, patience_seconds=10)
        assert re.search(told, str(raised.value), re.DOTALL)


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        pytest.param("PUBLISH:-8402}:8402", "PUBLISH:-8402}:8499", "does not answer", id="a port"),
        pytest.param('"soutu_services.embedding"]', '"soutu_services.embeddings"]', "^embedding: ", id="a command"),
        pytest.param("TOKEN_FILE: /run/soutu/embedding-token", "TOKEN_FILE: /run/soutu/ca.pem", "token", id="a variable"),
    ],
)
def test_a_changed_file_of_the_gpu_machine_does_not_pass(tmp_path: Path, was: str, becomes: str, told: str) -> None:
    changed = tmp_path / "deploy" / "compose.gpu.yaml"
    changed.parent.mkdir()
    changed.write_text((DEPLOY / changed.name).read_text(encoding="utf-8").replace(was, becomes), encoding="utf-8")
    assert becomes in changed.read_text(encoding="utf-8")
    both = files((DEPLOY / "compose.nas.yaml", set(), {}), (changed, set(), _GPU))
    with two_machines(tmp_path, both, tmp_path) as house, pytest.raises(DidNotWork, match=told):
        house.start("embedding")
        house.start("search")
        with client_of(house) as client:
            embedder = eventually(lambda: (found := client.status().embedder).problem and found)
            raise DidNotWork(embedder.problem)
