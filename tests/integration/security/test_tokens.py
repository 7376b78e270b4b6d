"""Tokens over real gRPC and TLS: which method needs what, and what a client is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from soutu.search.v1 import access_service_pb2, library_service_pb2, photo_service_pb2, search_service_pb2

from home_certificates import HomeCertificates
from patience import PATIENCE
from soutu_client import (
    Client,
    FolderAccess,
    InvalidInputError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    NotReadyError,
    Scope,
)
from soutu_client.cli.main import run
from soutu_services.runtime import access as server_access
from soutu_services.runtime.authentication import authorization
from soutu_services.runtime.server import RunningServer, ServerSettings, start_server
from soutu_services.search.access_control import AccessControl
from soutu_services.search.model import JobKind
from soutu_services.search.servicer_access import served_access
from soutu_services.search.servicer_library import served_library
from soutu_services.search.servicer_photos import served_photos
from soutu_services.search.servicer_search import served_search

Start = Callable[..., RunningServer]

NEEDS = {
    "GetAccess": "READ",
    "CreateToken": "ADMIN",
    "ListTokens": "ADMIN",
    "RevokeToken": "ADMIN",
    "SearchPhotos": "READ",
    "GetPhoto": "READ",
    "BatchGetPhotos": "READ",
    "ListPhotos": "READ",
    "SummarizePhotos": "READ",
    "ReadOriginal": "READ",
    "GetThumbnail": "READ",
    "FindContents": "WRITE",
    "UploadPhoto": "WRITE",
    "AnnotatePhotos": "WRITE",
    "TellPhotos": "WRITE",
    "DeletePhotos": "WRITE",
    "UndeletePhotos": "WRITE",
    "PurgePhotos": "ADMIN",
    "GetStatus": "READ",
    "GetJob": "READ",
    "ListJobs": "READ",
    "WatchJob": "READ",
    "ListNearDuplicates": "READ",
    "StartSync": "WRITE",
    "PauseJob": "WRITE",
    "ResumeJob": "WRITE",
    "CancelJob": "WRITE",
    "StartReindex": "ADMIN",
    "SwitchSpace": "ADMIN",
    "DeleteSpace": "ADMIN",
    "StartCheck": "ADMIN",
    "CreateBackup": "ADMIN",
    "RestoreBackup": "ADMIN",
    "ExportEmbeddings": "ADMIN",
    "ImportEmbeddings": "ADMIN",
}
METHODS = {
    method.name: method
    for module in (access_service_pb2, library_service_pb2, photo_service_pb2, search_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
REFUSALS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


@pytest.fixture
def parts() -> Any:
    """Parts that do nothing: only who is let in counts. Every job is a sync."""
    parts = MagicMock()
    parts.catalog.jobs.get.return_value.kind = JobKind.SYNC
    return parts


@pytest.fixture
def house(control: AccessControl, parts: Any) -> Iterator[RunningServer]:
    """All services."""
    services = [served_access(control), served_library(parts), served_photos(parts), served_search(parts)]
    settings = ServerSettings(metrics_listen="")
    server = start_server(services, settings, package="soutu.search.v1", authenticator=control)
    yield server
    server.stop(0)


@pytest.fixture
def secrets(control: AccessControl) -> dict[str, str]:
    scopes = server_access.Scope
    made = {scope.name: control.create(name=scope.name, scope=scope, folders=())[1] for scope in scopes}
    folders = [server_access.FolderAccess("", "旅行")]
    made["guest"] = control.create(name="guest", scope=scopes.READ, folders=folders)[1]
    control.create(name="the last admin is not revoked", scope=scopes.ADMIN, folders=())
    revoked, made["revoked"] = control.create(name="revoked", scope=scopes.ADMIN, folders=())
    control.revoke(revoked.token_id)
    return made


def status_of(channel: grpc.Channel, method: MethodDescriptor, secret: str | None) -> grpc.StatusCode:
    """Make a call with an empty request, in the shape of the method, and return how it ended."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = (authorization(secret),) if secret is not None else ()
    shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    request: Any = iter([b""]) if method.client_streaming else b""
    answer = getattr(channel, shape)(path)(request, timeout=PATIENCE, metadata=metadata, **{})
    try:
        if method.server_streaming:
            list(answer)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def code_of(channel: grpc.Channel, method: MethodDescriptor, secret: str | None) -> grpc.StatusCode:
    try:
        return status_of(channel, method, secret)
    except grpc.RpcError as error:
        return error.code()


def test_the_table_names_every_method() -> None:
    assert set(NEEDS) == set(METHODS)


def test_each_method_lets_in_whom_it_should_and_nobody_else(house: RunningServer, secrets: dict[str, str]) -> None:
    scopes = ["READ", "WRITE", "ADMIN"]
    with grpc.insecure_channel(house.address) as channel:
        for name, method in METHODS.items():
            for nobody in (None, "soutu_wrong", secrets["revoked"]):
                assert code_of(channel, method, nobody) is grpc.StatusCode.UNAUTHENTICATED, name
            for caller in (*scopes, "guest"):
                allowed = scopes.index("READ" if caller == "guest" else caller) >= scopes.index(NEEDS[name])
                code = code_of(channel, method, secrets[caller])
                assert (code not in REFUSALS) if allowed else (code is grpc.StatusCode.PERMISSION_DENIED), (name, caller, code)


@pytest.mark.parametrize("kind", [kind for kind in JobKind if kind is not JobKind.SYNC])
def test_only_who_may_start_a_job_steers_it(house: RunningServer, secrets: dict[str, str], parts: Any, kind: JobKind) -> None:
    parts.catalog.jobs.get.return_value.kind = kind
    with grpc.insecure_channel(house.address) as channel:
        for name in ("PauseJob", "ResumeJob", "CancelJob"):
            assert code_of(channel, METHODS[name], secrets["WRITE"]) is grpc.StatusCode.PERMISSION_DENIED
            assert code_of(channel, METHODS[name], secrets["ADMIN"]) not in REFUSALS


@pytest.fixture
def connect(start: Start, certificates: HomeCertificates) -> Iterator[Callable[[str | None], Client]]:
    server = start(tls=certificates.machine())
    clients: list[Client] = []

    def connect(token: str | None) -> Client:
        clients.append(
            Client(
                server.address,
                token=token or "",
                authority=certificates.authority,
                timeout_seconds=PATIENCE,
                language="en",
            )
        )
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def test_tokens_are_made_listed_used_and_revoked(connect: Callable[[str | None], Client], admin: str) -> None:
    family = connect(admin)
    made = family.create_token("客人", scope=Scope.READ, folders=[FolderAccess("旅行/2019")])
    assert made.secret not in repr(made)
    guest = connect(made.secret)
    assert guest.access().folders == (FolderAccess("旅行/2019"),)
    with pytest.raises(NotAllowedError, match="客人"):
        guest.tokens()
    listed = family.tokens().tokens
    assert [token.name for token in listed] == ["客人", "爸爸"]
    assert all(token.used_at is not None for token in listed)
    assert family.revoke_token(made.token.token_id).revoked_at is not None
    with pytest.raises(NotAuthenticatedError, match="revoked"):
        guest.access()


def test_who_presents_nothing_or_something_wrong_is_told_what_to_do(connect: Callable[[str | None], Client], admin: str) -> None:
    with pytest.raises(NotAuthenticatedError, match="SOUTU_TOKEN") as caught:
        connect(None).access()
    assert caught.value.reason == "TOKEN_MISSING"
    with pytest.raises(NotAuthenticatedError) as caught:
        connect(admin[:-1] + ("a" if admin[-1] != "a" else "b")).access()
    assert caught.value.reason == "TOKEN_INVALID"
    assert admin[:-1] not in caught.value.message


def test_what_no_token_can_be_is_refused(connect: Callable[[str | None], Client], admin: str) -> None:
    family = connect(admin)
    with pytest.raises(InvalidInputError, match="one line"):
        family.create_token("")
    with pytest.raises(InvalidInputError, match="confined"):
        family.create_token("x", scope=Scope.WRITE, folders=[FolderAccess("a")])
    with pytest.raises(InvalidInputError):
        family.create_token("x", scope=Scope.UNKNOWN)
    with pytest.raises(NotFoundError):
        family.revoke_token("0000000000000000")
    (only,) = family.tokens().tokens
    with pytest.raises(NotReadyError, match="last admin"):
        family.revoke_token(only.token_id)


def test_the_command_line_makes_lists_and_revokes(  # noqa: PLR0917 - fixtures
    start: Start,
    certificates: HomeCertificates,
    admin: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "admin").write_text(admin + "\n")
    monkeypatch.setenv("COLUMNS", "160")
    connection = [
        "--address",
        start(tls=certificates.machine()).address,
        "--authority",
        str(certificates.authority),
        "--language",
        "en",
        "--token-file",
        str(tmp_path / "admin"),
    ]

    def soutu(*arguments: str) -> tuple[int, str, str]:
        code = run([*connection, *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, err = soutu("tokens", "create", "客人", "--folder", "旅行", "--folder", "家里")
    assert code == 0
    secret = out.strip()
    assert secret.startswith("soutu_") and secret not in err and "once" in err
    code, out, _ = soutu("tokens", "create", "gpu", "--scope", "admin", "--save", str(tmp_path / "gpu"))
    assert (code, out) == (0, "")
    assert (tmp_path / "gpu").stat().st_mode & 0o777 == 0o600
    assert soutu("tokens", "create", "gpu", "--save", str(tmp_path / "gpu"))[0] == 1  # over no other file
    code, out, _ = soutu("tokens")
    assert code == 0 and "旅行, 家里" in out and "爸爸" in out and "valid" in out
    assert secret not in out
    (guest_id,) = [line.split()[0] for line in out.splitlines() if "客人" in line]
    code, out, _ = soutu("tokens", "revoke", guest_id[:6])
    assert code == 0 and "客人" in out
    assert "revoked" in soutu("tokens")[1]
    for wrong in (["create"], ["revoke"], ["list", "--scope", "read"], ["create", "x", "--scope", "king"]):
        assert soutu("tokens", *wrong)[0] == 2
    assert soutu("tokens", "create", "x", "--scope", "write", "--folder", "a")[0] == 1
    (tmp_path / "admin").write_text("soutu_wrong\n")
    code, _, err = soutu("tokens")
    assert code == 1 and "not valid" in err and len(err.strip().splitlines()) == 1
