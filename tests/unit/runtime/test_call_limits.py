"""What a server takes of one client at most, with a service that echoes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from patience import PATIENCE, eventually
from soutu_services.runtime.access import Access, Scope
from soutu_services.runtime.server import RunningServer, ServedService, ServerSettings, start_server

NAME = "soutu.test.v1.Echo"


class Names:
    """Takes any secret for the name of who presents it."""

    def authenticate(self, secret: str | None) -> Access:
        return Access(name=secret or "", scope=Scope.ADMIN, token_id=secret or "")

    def is_valid(self, access: Access) -> bool:
        return True

    def note_use(self, access: Access) -> None:
        pass


def add_echo(server: grpc.Server) -> None:
    def one(request: bytes, _: grpc.ServicerContext) -> bytes:
        return request

    def many(request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        yield request

    handlers = {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.unary_stream_rpc_method_handler(many)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


@pytest.fixture
def serve() -> Iterator[Callable[..., RunningServer]]:
    with ExitStack() as stack:

        def start(**settings: Any) -> RunningServer:
            server = start_server(
                [ServedService(NAME, add_echo)],
                ServerSettings(metrics_listen="", **settings),
                package="soutu.test.v1",
                authenticator=Names(),
            )
            stack.callback(server.stop, 0)
            return server

        yield start


class Caller:
    """A client with a token; ``begin`` makes a call whose request does not arrive until ``go``."""

    def __init__(self, server: RunningServer, token: str) -> None:
        self.server = server
        self.channel = grpc.insecure_channel(server.address)
        self.go = threading.Event()
        self._options: Any = {"timeout": PATIENCE, "metadata": (("authorization", f"Bearer {token}"), ("accept-language", "en"))}

    def echo(self, request: bytes = b"a", **options: Any) -> Any:
        return self.channel.unary_unary(f"/{NAME}/One")(request, **self._options | options)

    def begin(self, method: str) -> Any:
        def slowly() -> Iterator[bytes]:
            self.go.wait(PATIENCE)
            yield b"late"

        shape = self.channel.stream_unary if method == "One" else self.channel.stream_stream
        call = shape(f"/{NAME}/{method}")
        return call.future(slowly(), **self._options) if method == "One" else call(slowly(), **self._options)

    def under_way(self) -> int:
        return sum(self.server._interceptor._shares._running.values())


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    return error.code(), dict(error.trailing_metadata()).get("soutu-reason", ""), error.details()


@pytest.mark.parametrize("method", ["One", "Many"])
def test_a_slow_client_takes_no_worker_from_the_others(serve: Callable[..., RunningServer], method: str) -> None:
    server = serve(workers=4)
    slow, other = Caller(server, "slow"), Caller(server, "other")
    begun = [slow.begin(method) for _ in range(3)]
    eventually(lambda: slow.under_way() == 3)
    code, reason, text = refusal(slow.echo)
    assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
    assert "at most" in text or "may have 3 calls" in text
    assert other.echo(b"quick") == b"quick"
    slow.go.set()
    assert [call.result(PATIENCE) if method == "One" else next(call) for call in begun] == [b"late"] * 3
    eventually(lambda: slow.under_way() == 0)
    assert slow.echo() == b"a", "what ended counts no more"
    slow.channel.close()
    other.channel.close()


def test_a_call_that_is_given_up_before_its_request_arrived_counts_no_more(serve: Callable[..., RunningServer]) -> None:
    server = serve(workers=4, calls_per_client=1)
    caller = Caller(server, "a")
    call = caller.begin("One")
    eventually(lambda: caller.under_way() == 1)
    call.cancel()
    eventually(lambda: caller.under_way() == 0)
    assert caller.echo() == b"a"
    caller.go.set()
    caller.channel.close()


def test_without_tokens_a_machine_is_a_client(serve: Callable[..., RunningServer]) -> None:
    server = serve(workers=4, calls_per_client=1)
    one, another = Caller(server, ""), Caller(server, "")
    begun = one.begin("One")
    eventually(lambda: one.under_way() == 1)
    assert refusal(another.echo)[1] == "TOO_MANY_CALLS"
    one.go.set()
    assert begun.result(PATIENCE) == b"late"
    one.channel.close()
    another.channel.close()


def test_a_call_without_a_request_is_refused(serve: Callable[..., RunningServer]) -> None:
    caller = Caller(serve(), "a")
    empty = caller.channel.stream_unary(f"/{NAME}/One")
    assert refusal(lambda: empty(iter(()), timeout=PATIENCE))[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MISSING")
    caller.channel.close()


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_health_calls_without_a_token_take_no_worker_from_the_others(serve: Callable[..., RunningServer], method: str) -> None:
    server = serve(workers=4, waiting_calls=4)
    stranger, caller = Caller(server, "stranger"), Caller(server, "caller")

    def slowly() -> Iterator[bytes]:
        stranger.go.wait(PATIENCE)
        yield b""

    never = stranger.channel.stream_stream(f"/grpc.health.v1.Health/{method}")
    begun = [never(slowly(), timeout=PATIENCE) for _ in range(4 + 4)]
    eventually(lambda: sum(call.is_active() for call in begun) == 1)
    assert caller.echo(b"quick") == b"quick"
    refused = [call for call in begun if not call.is_active()]
    assert {call.code() for call in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    stranger.go.set()
    assert next(call for call in begun if call not in refused).next() == b"\x08\x01", "and it is answered once it asks"
    with grpc.insecure_channel(server.address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert [check(b"", timeout=PATIENCE) for _ in range(5)] == [b"\x08\x01"] * 5, "what ended counts no more"
    stranger.channel.close()
    caller.channel.close()


def test_metadata_over_the_limit_is_refused(serve: Callable[..., RunningServer]) -> None:
    caller = Caller(serve(max_metadata_bytes=4096), "a")
    assert caller.echo(metadata=(("note", "x" * 2000),)) == b"a"
    assert refusal(lambda: caller.echo(metadata=(("note", "x" * 5000),)))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caller.echo() == b"a", "and the connection goes on"
    caller.channel.close()
