"""Who may call what, before a byte of the request is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import SecretStr

from soutu_services.runtime.access import FULL_ACCESS, Access, Scope
from soutu_services.runtime.authentication import (
    Anyone,
    SharedSecrets,
    authorization,
    bearer_secret,
    secret_digest,
    token_invalid,
    token_missing,
)
from soutu_services.runtime.calls import access_of
from soutu_services.runtime.errors import NotAllowed, NotAuthenticated
from soutu_services.runtime.server import RunningServer, ServedService, ServerSettings, start_server

NAME = "soutu.test.v1.Doors"
SCOPES = {"Read": Scope.READ, "Write": Scope.WRITE, "Stream": Scope.READ}


class Tokens:
    """Knows "reader" and "admin"; a token can be taken back."""

    def __init__(self) -> None:
        self.known = {"reader": Access("r", Scope.READ, token_id="1"), "admin": Access("a", Scope.ADMIN, token_id="2")}
        self.used: list[str] = []

    def authenticate(self, secret: str | None) -> Access:
        if secret is None:
            raise token_missing()
        if secret not in self.known:
            raise token_invalid()
        return self.known[secret]

    def is_valid(self, access: Access) -> bool:
        return access in self.known.values()

    def note_use(self, access: Access) -> None:
        self.used.append(access.name)


class Doors:
    """Each method tells who came in; ``parsed`` are the requests that were read."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []
        self.go = threading.Event()

    def _parse(self, data: bytes) -> bytes:
        self.parsed.append(data)
        return data

    def enter(self, _: bytes, context: grpc.ServicerContext) -> bytes:
        return access_of(context).name.encode()

    def stream(self, _: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield access_of(context).name.encode()
        assert self.go.wait(120)
        yield b"more"

    def add(self, server: grpc.Server) -> None:
        unary = grpc.unary_unary_rpc_method_handler(self.enter, self._parse)
        handlers = {
            "Read": unary,
            "Write": unary,
            "Unnamed": unary,
            "Stream": grpc.unary_stream_rpc_method_handler(self.stream, self._parse),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def server(doors: Doors, tokens: Tokens) -> Iterator[RunningServer]:
    served = [ServedService(NAME, doors.add, SCOPES)]
    running = start_server(served, ServerSettings(metrics_listen=""), package="soutu.test.v1", authenticator=tokens)
    yield running
    doors.go.set()
    running.stop(1)


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.fixture
def call(channel: grpc.Channel) -> Callable[..., bytes]:
    def call(method: str, secret: str | None = None, request: bytes = b"") -> bytes:
        metadata = (authorization(secret),) if secret is not None else ()
        return bytes(channel.unary_unary(f"/{NAME}/{method}")(request, timeout=120, metadata=metadata))

    return call


def refusal(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), dict(caught.value.trailing_metadata()).get("soutu-reason", "")


@pytest.mark.parametrize(
    ("method", "secret", "expected"),
    [
        ("Read", None, (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")),
        ("Read", "stranger", (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")),
        ("Read", "", (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")),
        ("Write", "reader", (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")),
        ("Unnamed", "reader", (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")),
        ("Nowhere", None, (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")),
        ("Nowhere", "reader", (grpc.StatusCode.UNIMPLEMENTED, "")),
    ],
)
def test_who_may_not_call_is_refused(
    call: Callable[..., bytes], method: str, secret: str | None, expected: tuple[grpc.StatusCode, str]
) -> None:
    assert refusal(lambda: call(method, secret)) == expected


def test_who_may_call_is_known_to_the_handler(call: Callable[..., bytes], tokens: Tokens) -> None:
    assert call("Read", "reader") == b"r"
    assert call("Write", "admin") == b"a"
    assert call("Unnamed", "admin") == b"a"
    assert tokens.used == ["r", "a", "a"]


def test_the_request_of_who_may_not_call_is_never_parsed(call: Callable[..., bytes], doors: Doors) -> None:
    refusal(lambda: call("Write", "reader", b"x" * 1_000_000))
    refusal(lambda: call("Read", "stranger", b"x" * 1_000_000))
    assert doors.parsed == []
    call("Read", "reader", b"mine")
    assert doors.parsed == [b"mine"]


def test_a_token_that_is_taken_back_ends_its_stream(channel: grpc.Channel, tokens: Tokens, doors: Doors) -> None:
    stream = channel.unary_stream(f"/{NAME}/Stream")(b"", timeout=120, metadata=(authorization("reader"),))
    assert next(stream) == b"r"
    del tokens.known["reader"]
    doors.go.set()
    assert refusal(lambda: next(stream)) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_health_is_open_and_reflection_is_not(channel: grpc.Channel) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    assert check(health_pb2.HealthCheckRequest(), timeout=120).status == health_pb2.HealthCheckResponse.SERVING
    info = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    assert refusal(lambda: next(info(iter([request]), timeout=120)))[0] is grpc.StatusCode.UNAUTHENTICATED
    answer = next(info(iter([request]), timeout=120, metadata=(authorization("reader"),)))
    assert NAME in {service.name for service in answer.list_services_response.service}


def test_a_context_that_nobody_checked_is_refused() -> None:
    class Context:
        pass

    with pytest.raises(NotAllowed):
        access_of(Context())  # type: ignore[arg-type]


def test_shared_secrets_take_each_of_them_and_nothing_else() -> None:
    secrets = SharedSecrets([SecretStr("one"), SecretStr("two")])
    assert secrets.authenticate("one") == secrets.authenticate("two") == FULL_ACCESS
    for wrong in (None, "", "One", "one ", "onetwo"):
        with pytest.raises(NotAuthenticated):
            secrets.authenticate(wrong)
    assert "one" not in repr(vars(secrets))
    with pytest.raises(NotAuthenticated):
        SharedSecrets([]).authenticate("")
    assert Anyone().authenticate(None) == FULL_ACCESS


@pytest.mark.parametrize(
    ("values", "secret"),
    [
        ([], None),
        (["Bearer abc"], "abc"),
        (["bearer abc"], "abc"),
        (["Basic abc"], ""),
        (["abc"], ""),
        (["Bearer a", "Bearer b"], ""),
        ([b"\xff\xfe"], ""),
    ],
)
def test_reads_the_bearer_token(values: list[str | bytes], secret: str | None) -> None:
    assert bearer_secret([("accept-language", "zh"), *(("authorization", value) for value in values)]) == secret


def test_a_digest_says_nothing_of_the_secret_and_differs() -> None:
    assert len(secret_digest("a")) == 32
    assert secret_digest("a") != secret_digest("b")
    assert secret_digest("\ud800")
