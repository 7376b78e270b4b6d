"""The server around every service, with a service of strings in all four shapes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY

from loopback_ports import free_address
from patience import PATIENCE, eventually
from soutu_services.runtime.calls import language_of, seconds_left
from soutu_services.runtime.errors import InvalidInput, NotFound
from soutu_services.runtime.server import CannotListen, PortInUse, ServedService, ServerSettings, serve_until_signal, start_server
from soutu_services.runtime.tls import PlaintextRefused

NAME = "soutu.test.v1.Words"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Words:
    """Does what the words say."""

    def __init__(self):
        self.seen = []
        self.entered = threading.Event()
        self.go = threading.Event()
        self.closed = threading.Event()
        self.context = None

    def _obey(self, word, context):
        self.seen.append(word)
        if word == "missing":
            raise NotFound("PHOTO_NOT_FOUND", zh="没有这张照片。", en="There is no such photo.")
        if word == "bug":
            raise RuntimeError("at /srv/secret/key")
        if word == "abort":
            context.abort(grpc.StatusCode.ABORTED, "as I like")
        if word == "set":
            context.set_code(grpc.StatusCode.OUT_OF_RANGE)
        if word.startswith("hold"):
            self.context = context
            self.entered.set()
            assert self.go.wait(PATIENCE)
        if word == "hold, then bug":
            raise RuntimeError("nobody is there")
        return word.upper()

    def one(self, word, context):
        return self._obey(word, context)

    def many(self, words, context):
        for word in words.split():
            yield self._obey(word, context)

    def endless(self, word, context):
        try:
            while True:
                yield word
                time.sleep(0.01)
        finally:
            self.closed.set()

    def gather(self, words, context):
        return " ".join(self._obey(word, context) for word in words)

    def chat(self, words, context):
        for word in words:
            yield self._obey(word, context)

    def tongue(self, _, context):
        return f"{language_of(context)} {seconds_left(context)}"

    def add(self, server):
        as_text = {"request_deserializer": bytes.decode, "response_serializer": str.encode}
        handlers = {
            "One": grpc.unary_unary_rpc_method_handler(self.one, **as_text),
            "Tongue": grpc.unary_unary_rpc_method_handler(self.tongue, **as_text),
            "Many": grpc.unary_stream_rpc_method_handler(self.many, **as_text),
            "Endless": grpc.unary_stream_rpc_method_handler(self.endless, **as_text),
            "Gather": grpc.stream_unary_rpc_method_handler(self.gather, **as_text),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat, **as_text),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


class Client:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.one = self._call("unary_unary", "One")
        self.tongue = self._call("unary_unary", "Tongue")
        self.many = self._call("unary_stream", "Many")
        self.endless = self._call("unary_stream", "Endless")
        self.gather = self._call("stream_unary", "Gather")
        self.chat = self._call("stream_stream", "Chat")
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def _call(self, shape, method):
        return getattr(self.channel, shape)(
            f"/{NAME}/{method}", request_serializer=str.encode, response_deserializer=bytes.decode
        )


@pytest.fixture
def words():
    return Words()


@pytest.fixture
def start(words):
    servers = []

    def start(**settings):
        settings = {"metrics_listen": "", "workers": 4, "grace_seconds": PATIENCE, **settings}
        servers.append(start_server([ServedService(NAME, words.add)], ServerSettings(**settings), package="soutu.test.v1"))
        return servers[-1]

    yield start
    words.go.set()
    for server in servers:
        server.stop(1)


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def client(server):
    client = Client(server.address)
    yield client
    client.channel.close()


def in_english(call, *request):
    return call(*request, timeout=PATIENCE, metadata=(("accept-language", "en"),))


def failure(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def calls(method, code):
    return REGISTRY.get_sample_value("soutu_grpc_calls_total", {"method": f"/{NAME}/{method}", "code": code}) or 0


def test_calls_of_all_four_shapes_are_answered(client):
    assert client.one("a", timeout=PATIENCE) == "A"
    assert list(client.many("a b", timeout=PATIENCE)) == ["A", "B"]
    assert client.gather(iter("ab"), timeout=PATIENCE) == "A B"
    assert list(client.chat(iter("ab"), timeout=PATIENCE)) == ["A", "B"]


@pytest.mark.parametrize("shape", ["one", "many", "gather", "chat"])
def test_a_domain_error_becomes_its_status_reason_and_text(client, shape):
    def call(**options):
        request = "missing" if shape in ("one", "many") else iter(["missing"])
        answer = getattr(client, shape)(request, timeout=PATIENCE, **options)
        return list(answer) if shape in ("many", "chat") else answer

    error = failure(call)
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "没有这张照片。"
    assert dict(error.trailing_metadata())["soutu-reason"] == "PHOTO_NOT_FOUND"
    error = failure(lambda: call(metadata=(("accept-language", "en-US,zh;q=0.5"),)))
    assert error.details() == "There is no such photo."


def test_a_stream_that_fails_midway_keeps_what_it_gave(client):
    got = []
    error = failure(lambda: got.extend(client.many("a missing b", timeout=PATIENCE)))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert got == ["A"]


@pytest.mark.parametrize("shape", ["one", "many"])
def test_an_unknown_error_is_logged_and_answered_with_a_fixed_text(client, caplog, shape):
    with caplog.at_level(logging.ERROR):
        error = failure(lambda: list(getattr(client, shape)("bug", timeout=PATIENCE)))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "日志" in error.details()
    assert dict(error.trailing_metadata())["soutu-reason"] == "INTERNAL"
    assert "secret" not in error.details()
    assert "at /srv/secret/key" in caplog.text
    english = failure(lambda: list(getattr(client, shape)("bug", timeout=PATIENCE, metadata=(("accept-language", "en"),))))
    assert "log" in english.details()


def test_a_status_that_the_handler_sets_itself_is_left_alone(client):
    error = failure(lambda: client.one("abort", timeout=PATIENCE))
    assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, "as I like")


def test_calls_are_counted_by_method_and_code_and_timed(client):
    before = {code: calls("One", code) for code in ("OK", "NOT_FOUND", "INTERNAL", "ABORTED", "OUT_OF_RANGE")}
    timed = REGISTRY.get_sample_value("soutu_grpc_call_seconds_count", {"method": f"/{NAME}/One"}) or 0
    client.one("a", timeout=PATIENCE)
    for word in ("missing", "bug", "abort", "set"):
        failure(lambda word=word: client.one(word, timeout=PATIENCE))
    eventually(lambda: all(calls("One", code) == count + 1 for code, count in before.items()))
    assert REGISTRY.get_sample_value("soutu_grpc_call_seconds_count", {"method": f"/{NAME}/One"}) == timed + 5


def test_leaving_a_stream_ends_its_handler_and_counts_as_cancelled(client, words):
    before = calls("Endless", "CANCELLED")
    stream = client.endless("a", timeout=PATIENCE)
    assert next(stream) == "a"
    stream.cancel()
    assert words.closed.wait(PATIENCE)
    eventually(lambda: calls("Endless", "CANCELLED") == before + 1)


def test_an_error_after_the_caller_left_is_no_alarm(client, words, caplog):
    before = calls("One", "CANCELLED")
    call = client.one.future("hold, then bug", timeout=PATIENCE)
    assert words.entered.wait(PATIENCE)
    call.cancel()
    eventually(lambda: not words.context.is_active())
    with caplog.at_level(logging.WARNING):
        words.go.set()
        eventually(lambda: calls("One", "CANCELLED") == before + 1)
    assert not caplog.records


def test_a_handler_learns_language_and_deadline(client):
    language, left = in_english(client.tongue, "").split()
    assert language == "en"
    assert 0 < float(left) <= PATIENCE + 1, "gRPC rounds long deadlines up to whole seconds"
    assert client.tongue("") == "zh inf"


def test_a_silent_client_is_asked_whether_it_is_there(start):
    """Speaks HTTP/2 (RFC 9113) by hand: the preface, empty settings, then nothing; reads frames until a ping comes."""
    host, port = start(keepalive_seconds=1).address.split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection, connection.makefile("rb") as frames:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        kind = None
        while kind != 6:
            length, kind = int.from_bytes(frames.read(3)), frames.read(1)[0]
            frames.read(5 + length)


def test_messages_over_the_limit_are_refused_both_ways(start):
    server = start(max_message_bytes=10_000)
    client = Client(server.address)
    assert failure(lambda: client.one("a" * 10_001, timeout=PATIENCE)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(client.one("a" * 9_000, timeout=PATIENCE)) == 9_000
    assert failure(lambda: client.gather(iter(["a" * 6_000] * 2), timeout=PATIENCE)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    client.channel.close()


def test_messages_of_many_mebibytes_pass_by_default(start):
    server = start(max_message_bytes=64 * 1024 * 1024)
    channel = grpc.insecure_channel(server.address, options=[("grpc.max_receive_message_length", -1)])
    one = channel.unary_unary(f"/{NAME}/One")
    assert len(one(b"a" * 20_000_000, timeout=PATIENCE)) == 20_000_000
    channel.close()


def test_more_calls_than_may_wait_are_refused(start, words):
    server = start(workers=1, waiting_calls=0)
    client = Client(server.address)
    held = client.one.future("hold", timeout=PATIENCE)
    assert words.entered.wait(PATIENCE)
    assert failure(lambda: client.one("a", timeout=PATIENCE)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    words.go.set()
    assert held.result(PATIENCE) == "HOLD"
    client.channel.close()


def test_health_knows_the_server_and_each_service(server, client):
    def status(name):
        return client.health.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE).status

    assert (status(""), status(NAME)) == (SERVING, SERVING)
    server.set_serving(NAME, False)
    assert (status(""), status(NAME)) == (SERVING, NOT_SERVING)
    server.set_serving(NAME, True)
    assert status(NAME) == SERVING
    assert failure(lambda: status("nobody")).code() is grpc.StatusCode.NOT_FOUND


def test_reflection_lists_the_services(client):
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = next(iter(stub.ServerReflectionInfo(iter([request]), timeout=PATIENCE)))
    names = {service.name for service in answer.list_services_response.service}
    assert names == {NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


def test_metrics_are_served_over_http_until_the_stop(start):
    server = start(metrics_listen="127.0.0.1:0")
    client = Client(server.address)
    client.one("a", timeout=PATIENCE)
    client.channel.close()
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    assert f'soutu_grpc_calls_total{{code="OK",method="/{NAME}/One"}}' in text
    server.stop()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=PATIENCE)


def test_a_second_server_on_the_port_is_refused_with_one_line(server, start):
    with pytest.raises(PortInUse) as caught:
        start(listen=server.address)
    assert server.address in caught.value.text.zh
    assert server.address in caught.value.text.en
    assert "\n" not in caught.value.text.zh


def test_a_metrics_port_in_use_is_refused_and_nothing_is_left_listening(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = free_address()
        with pytest.raises(PortInUse):
            start(listen=free, metrics_listen=f"127.0.0.1:{taken.getsockname()[1]}")
        start(listen=free)


def test_a_port_can_be_used_again_at_once_after_a_stop(start):
    first = start(listen=free_address())
    client = Client(first.address)
    client.one("a", timeout=PATIENCE)
    first.stop()
    client.channel.close()
    assert start(listen=first.address).address == first.address


def test_an_address_of_another_machine_is_refused(start):
    with pytest.raises(CannotListen):
        start(listen="192.0.2.1:8401", allow_plaintext=True)


@pytest.mark.parametrize("listen", ["8401", "127.0.0.1", "127.0.0.1:http", ":1", "127.0.0.1:70000"])
def test_a_malformed_address_is_refused(start, listen):
    with pytest.raises(InvalidInput):
        start(listen=listen)


def test_says_loudly_that_it_can_be_reached_without_encryption_and_only_then(start, caplog):
    with caplog.at_level(logging.WARNING):
        start(listen="127.0.0.1:0")
        start(listen="localhost:0")
        assert not caplog.records
        server = start(listen="0.0.0.0:0", allow_plaintext=True)
    assert "WITHOUT ENCRYPTION" in caplog.text
    assert server.address.startswith("0.0.0.0:")


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "nas.local:8401", "192.168.1.5:8401"])
@pytest.mark.parametrize("setting", ["listen", "metrics_listen"])
def test_does_not_listen_beyond_loopback_without_encryption_unless_told(start, setting, listen):
    with pytest.raises(PlaintextRefused) as caught:
        start(**{setting: listen})
    for text in (caught.value.text.zh, caught.value.text.en):
        assert "ALLOW_PLAINTEXT" in text and "soutu-certificates" in text and "\n" not in text


def test_a_graceful_stop_lets_a_call_end_but_takes_no_new_one(start, words):
    server = start(grace_seconds=5 * PATIENCE)
    client = Client(server.address)
    watch = iter(client.health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE))
    assert next(watch).status == SERVING
    held = client.one.future("hold", timeout=PATIENCE)
    assert words.entered.wait(PATIENCE)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    assert next(watch).status == NOT_SERVING
    eventually(lambda: _refused(client))
    words.go.set()
    assert held.result(PATIENCE) == "HOLD"
    stopper.join(PATIENCE)
    assert not stopper.is_alive(), "the open health watch must not use up the grace"
    server.wait()
    client.channel.close()


def test_a_call_that_outlasts_the_grace_is_cancelled(start, words):
    server = start()
    client = Client(server.address)
    stream = client.endless("a", timeout=PATIENCE)
    next(stream)
    server.stop(0.2)
    assert failure(lambda: list(stream)).code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
    assert words.closed.wait(PATIENCE)
    client.channel.close()


def test_a_stopped_server_leaves_no_thread(start):
    before = set(threading.enumerate())
    server = start(metrics_listen="127.0.0.1:0")
    client = Client(server.address)
    client.one("a", timeout=PATIENCE)
    client.channel.close()
    server.stop()
    server.stop()  # a second time is no error
    eventually(lambda: set(threading.enumerate()) <= before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_then_stops_and_handlers_are_put_back(start, number):
    server = start()
    order = []
    before = signal.getsignal(number)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), number))
    serve_until_signal(server, lambda: order.append("stop"), on_ready=timer.start, on_drain=lambda: order.append("drain"))
    timer.join()
    assert order == ["drain", "stop"]
    assert signal.getsignal(number) is before
    server.wait()


_SIGNAL_AS_THE_WAIT_BEGINS = """
import signal, threading
from types import SimpleNamespace
from soutu_services.runtime.server import serve_until_signal

class Asked(threading.Event):
    def wait(self, timeout=None):
        with self._cond:
            signal.raise_signal(signal.SIGTERM)
        return super().wait(timeout)

serve_until_signal(SimpleNamespace(stop=lambda: print("stopped")), asked=Asked())
"""


def test_a_signal_that_comes_as_the_wait_for_it_begins_stops_it_too():
    run = subprocess.run(
        [sys.executable, "-c", _SIGNAL_AS_THE_WAIT_BEGINS], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (run.returncode, run.stdout) == (0, "stopped\n")


def _refused(client):
    try:
        client.one("a", timeout=5)  # one that came in the moment of the stop may get no answer; the next one must be refused
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False
