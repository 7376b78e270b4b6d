"""The whole house with encryption and tokens: who gets in, and that no secret is seen anywhere."""

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from soutu.embedding.v1 import embedding_pb2, embedding_pb2_grpc

from soutu_client import Client, FolderAccess, NotAuthenticatedError, NotTrustedError, Scope

from .conftest import READY, SAMPLES, HouseProcess

StartHouse = Callable[..., HouseProcess]


def command_lines(process: int) -> Iterator[str]:
    """Yield the command line of a process and of all that it started."""
    yield Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from command_lines(int(child))


def soutu(environment: dict[str, str], *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", "from soutu_client.cli.main import main; main()", *arguments],
        env=environment | {"COLUMNS": "200"},  # a narrow table shortens what is looked for
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.stdout + ended.stderr


def test_the_secure_house_lets_in_who_should_and_shows_no_secret(
    start_house: StartHouse, environment: dict[str, str], tmp_path: Path
) -> None:
    for service in ("SEARCH", "EMBEDDING"):
        environment[f"SOUTU_{service}_LOG_LEVEL"] = "debug"
    house = start_house(secure="1", host="nas.test", samples=str(SAMPLES))
    house.wait_for(READY)
    assert "一只猫" in house.said
    authority = house.library / "certificates" / "ca.pem"
    admin = (house.library / "catalog" / "admin-token").read_text().strip()
    secrets = [admin, (house.library / "certificates" / "embedding-token").read_text().strip()]
    secrets += json.loads((house.library / "store.key").read_text()).values()
    secrets.append((house.library / "certificates" / "ca-key.pem").read_text().splitlines()[1])
    errors: list[str] = []

    # The family gets in, a guest sees a folder, and strangers nothing.
    with Client(house.address, token=admin, authority=authority) as family:
        assert family.is_encrypted
        assert family.search("一只猫").hits[0].photo.name.endswith("chelsea.jpg")
        guest = family.create_token("客人", scope=Scope.READ, folders=[FolderAccess("samples/旅行")])
        lost = family.create_token("丢了的手机")
        secrets += [guest.secret, lost.secret]
        family.revoke_token(lost.token.token_id)
        everything = family.list_photos().total
    with Client(house.address, token=guest.secret, authority=authority) as visitor:
        assert 0 < len(visitor.list_photos().photos) < everything
        assert all("旅行" in name.name for photo in visitor.list_photos().photos for name in photo.names)
    for token, path, kind in (
        (None, authority, NotAuthenticatedError),
        ("soutu_guessed", authority, NotAuthenticatedError),
        (lost.secret, authority, NotAuthenticatedError),
        (admin, None, NotTrustedError),
    ):
        with Client(house.address, token=token or "", authority=path) as stranger, pytest.raises(kind) as caught:
            stranger.status()
        errors.append(str(caught.value))

    # So does the page, to the same people.
    page, trusted = f"https://{environment['SOUTU_WEB_LISTEN']}", ssl.create_default_context(cafile=str(authority))
    for path, token, status in (
        ("/", "", 200),
        ("/api/status", "", 401),
        ("/api/status", lost.secret, 401),
        ("/api/status", admin, 200),
    ):
        asked = urllib.request.Request(page + path, headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(asked, timeout=120, context=trusted) as answer:
                answered = answer.status
        except urllib.error.HTTPError as error:
            answered = error.code
            errors.append(error.read().decode())
        assert answered == status, (path, token == admin)

    # The embedding service speaks TLS and wants its token as well.
    credentials = grpc.ssl_channel_credentials(authority.read_bytes())
    with (
        grpc.secure_channel(environment["SOUTU_EMBEDDING_LISTEN"], credentials) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        embedding_pb2_grpc.EmbeddingServiceStub(channel).ListModels(embedding_pb2.ListModelsRequest(), timeout=120)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    errors.append(refused.value.details())
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.get_server_certificate(_host_and_port(house.address), ca_certs=str(_other_authority(tmp_path)))

    # Nothing of it is seen: in the output, the logs, the metrics, ps, errors, or what the command line says.
    seen = {"output": house.said, "ps": "\n".join(command_lines(house.process.pid)), "errors": "\n".join(errors)}
    seen |= {path.name: path.read_text(errors="replace") for path in (house.library / "logs").iterdir()}
    for variable in ("SOUTU_SEARCH_METRICS_LISTEN", "SOUTU_EMBEDDING_METRICS_LISTEN"):
        with urllib.request.urlopen(f"http://{environment[variable]}/metrics", timeout=120) as answer:
            seen[variable] = answer.read().decode()
    client_environment = environment | {"SOUTU_ADDRESS": house.address, "SOUTU_AUTHORITY": str(authority)}
    for name, token in (("as the family", admin), ("with a lost token", lost.secret)):
        for command in ("status", "tokens", "doctor"):
            seen[f"soutu {command} {name}"] = soutu(client_environment | {"SOUTU_TOKEN": token}, command)
    assert "soutu_services.search" in seen["ps"] and "client" not in seen["errors"]
    assert "TLS" in seen["search.log"] and "客人" in seen["soutu tokens as the family"]
    assert "✓" in seen["soutu doctor as the family"] and "收回" in seen["soutu status with a lost token"]
    found = [(where, text.find(secret)) for where, text in seen.items() for secret in secrets if secret in text]
    assert found == []


def test_a_house_that_is_open_without_encryption_is_refused_in_one_line(
    start_house: StartHouse, environment: dict[str, str]
) -> None:
    port = environment["SOUTU_SEARCH_LISTEN"].rpartition(":")[2]
    environment["SOUTU_SEARCH_LISTEN"] = f"0.0.0.0:{port}"
    house = start_house()
    assert house.process.wait(120) == 1
    house.wait_for("SECURE=1")
    assert len(house.said.splitlines()) == 1


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def _other_authority(folder: Path) -> Path:
    from home_certificates import HomeCertificates

    return HomeCertificates(folder / "others").stranger
