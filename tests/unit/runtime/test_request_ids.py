"""Request ids: taken over or made, in every log line of the call, and told when nobody knows what went wrong."""

from __future__ import annotations

import json
import logging
import re

import grpc
import pytest

from patience import PATIENCE
from soutu_services.runtime.logs import configure_logging
from soutu_services.runtime.request_ids import REQUEST_ID_KEY, current_request_id, new_request_id, request_id_of, working_on
from soutu_services.runtime.server import ServedService, ServerSettings, start_server

NAME = "soutu.test.v1.Asked"


@pytest.fixture(autouse=True)
def put_logging_back():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def _one(asked: bytes, context: grpc.ServicerContext) -> bytes:
    del context
    logging.getLogger("asked").info("working")
    if asked == b"break":
        raise RuntimeError("unforeseen")
    return current_request_id().encode()


def _many(asked: bytes, context: grpc.ServicerContext):
    for _ in range(3):
        yield _one(asked, context)


@pytest.fixture
def channel():
    handlers = {
        "One": grpc.unary_unary_rpc_method_handler(_one),
        "Many": grpc.unary_stream_rpc_method_handler(_many),
    }
    service = ServedService(
        NAME, lambda server: server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    )
    server = start_server([service], ServerSettings(metrics_listen="", workers=1), package="soutu.test.v1")
    with grpc.insecure_channel(server.address) as channel:
        yield channel
    server.stop(1)


def one(channel: grpc.Channel, asked: bytes, *metadata: tuple[str, str | bytes]) -> str:
    return channel.unary_unary(f"/{NAME}/One")(asked, timeout=PATIENCE, metadata=metadata).decode()


def test_a_call_keeps_the_id_that_it_brought(channel):
    assert one(channel, b"", (REQUEST_ID_KEY, "a-1_B.2")) == "a-1_B.2"
    stream = channel.unary_stream(f"/{NAME}/Many")(b"", timeout=PATIENCE, metadata=((REQUEST_ID_KEY, "a-3"),))
    assert list(stream) == [b"a-3"] * 3


@pytest.mark.parametrize("brought", ["", "a" * 65, "a b", 'a"b', "a=b", "a/b", "a%0ab"])
def test_an_id_that_could_harm_a_log_is_replaced(channel, brought):
    assert re.fullmatch(r"[0-9a-f]{32}", one(channel, b"", (REQUEST_ID_KEY, brought)))


@pytest.mark.parametrize("brought", ["a\nb", "编号", b"a"])
def test_what_cannot_even_be_sent_is_replaced_too(brought):
    assert re.fullmatch(r"[0-9a-f]{32}", request_id_of([(REQUEST_ID_KEY, brought)]))


def test_calls_without_an_id_get_one_each(channel):
    made = [one(channel, b"") for _ in range(3)]
    assert len(set(made)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)


def test_each_line_of_a_call_carries_its_id_as_text_and_as_json(channel, capfd):
    for is_json in (False, True):
        configure_logging("debug", json=is_json)
        one(channel, b"", (REQUEST_ID_KEY, "of-this-call"))
        with pytest.raises(grpc.RpcError):
            one(channel, b"break", (REQUEST_ID_KEY, "of-another"))
        logging.getLogger("asked").info("between the calls")
        lines = [line for line in capfd.readouterr().err.splitlines() if re.search(r"working|ended with|failed|between", line)]
        if is_json:
            told = [(record["message"].split()[0], record.get("request_id")) for record in map(json.loads, lines)]
            method = f"/{NAME}/One"
            assert told == [
                ("working", "of-this-call"),
                (method, "of-this-call"),
                ("working", "of-another"),
                (method, "of-another"),
                (method, "of-another"),
                ("between", None),
            ]
        else:
            assert [line.rpartition("request_id=")[2] if "request_id=" in line else "" for line in lines] == [
                *["of-this-call"] * 2,
                *["of-another"] * 3,
                "",
            ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_error_nobody_foresaw_tells_the_id_under_which_the_log_has_it(channel, caplog, language):
    with pytest.raises(grpc.RpcError) as caught:
        one(channel, b"break", (REQUEST_ID_KEY, "look-for-me"), ("accept-language", language))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "look-for-me" in caught.value.details()
    assert "unforeseen" not in caught.value.details()


def test_a_record_that_names_its_request_itself_keeps_it(capsys):
    configure_logging("info", json=True)
    with working_on(new_request_id()):
        logging.getLogger("asked").info("of an item", extra={"request_id": "its-own"})
    assert json.loads(capsys.readouterr().err)["request_id"] == "its-own"


def test_requests_lie_in_each_other_and_end():
    with working_on("outer"):
        with working_on("inner"):
            assert current_request_id() == "inner"
        assert current_request_id() == "outer"
    assert current_request_id() == ""
