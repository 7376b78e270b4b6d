"""The page for phones: one wish for each address, and nothing for who does not see the frame."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from patience import PATIENCE
from soutu_client.frame.phone_server import PhoneServer
from soutu_client.frame.phone_tokens import LIFE_SECONDS, PhoneTokens
from soutu_client.frame.query import Query, read_query

chosen: list[Query] = []


@pytest.fixture(scope="module")
def running_server() -> Iterator[PhoneServer]:
    queries = [read_query(each, "zh") for each in ("随机", '<b>"海"</b>')]
    running = PhoneServer("127.0.0.1", 0, queries=queries, language="zh", choose=chosen.append)
    yield running
    running.close()


@pytest.fixture
def server(running_server: PhoneServer) -> PhoneServer:
    chosen.clear()
    return running_server


def ask(server: PhoneServer, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body=body.encode() or None, headers={"Accept-Language": "en", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.headers)
    finally:
        connection.close()


def path_of(server: PhoneServer) -> str:
    return urlsplit(server.new_address("127.0.0.1")).path


def test_a_phone_writes_what_to_show_and_writes_again(server: PhoneServer) -> None:
    path = path_of(server)
    assert ask(server, "GET", path)[0] == 200
    status, page, _ = ask(server, "POST", path, f"q={quote('孩子们在海边')}")
    assert status == 200 and 'The frame shows "孩子们在海边" now' in page.replace("&quot;", '"')
    following = re.findall(r'action="(/[\w-]+)"', page)[0]
    assert following != path
    ask(server, "POST", following, "q=random")
    assert [query.text for query in chosen] == ["孩子们在海边", "random"]


def test_an_address_is_good_for_one_wish(server: PhoneServer) -> None:
    path = path_of(server)
    ask(server, "POST", path, "q=a")
    for method, body in (("POST", "q=b"), ("GET", "")):
        status, page, _ = ask(server, method, path, body)
        assert status == 404 and "scan the frame" in page
    assert [query.text for query in chosen] == ["a"]


def test_who_does_not_see_the_frame_learns_nothing(server: PhoneServer) -> None:
    path_of(server)
    for path in ("/", "/favicon.ico", "/%00", "/../etc/passwd", "/" + "a" * 16, "/" + "é" * 4):
        for method in ("GET", "POST"):
            status, page, _ = ask(server, method, quote(path, safe="/%"), "q=a")
            assert status == 404
            assert "海" not in page and "form" not in page
    assert chosen == []


def test_what_is_too_much_is_not_read(server: PhoneServer) -> None:
    path = path_of(server)
    assert ask(server, "POST", path, "q=" + "a" * 9000)[0] == 413
    assert ask(server, "POST", path, "", **{"Content-Length": "999999999999"})[0] == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        assert b" 413 " in connection.recv(100)
    assert chosen == []


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x00\n\r\n", b"GET\r\n\r\n", b"PUT / HTTP/1.1\r\n\r\n", b"GET / HTTP/9\r\n\r\n"]
)
def test_nonsense_gets_no_traceback(server: PhoneServer, nonsense: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(nonsense)
        answer = connection.recv(4096)
    assert b"Traceback" not in answer and b"Python" not in answer
    assert ask(server, "GET", path_of(server))[0] == 200
    assert "".join(capfd.readouterr()) == ""


def test_a_wish_that_cannot_be_understood_is_said_on_the_phone(server: PhoneServer) -> None:
    status, page, _ = ask(server, "POST", path_of(server), "q=-people")
    assert status == 200 and "Write what to show as well" in page
    assert ask(server, "POST", path_of(server), "a=" * 10)[0] == 200
    assert chosen == []


def test_saved_queries_can_be_touched_and_are_escaped(server: PhoneServer) -> None:
    _, page, headers = ask(server, "GET", path_of(server), **{"Accept-Language": "zh-CN"})
    assert ">随机</button>" in page and "<b>" not in page and "&lt;b&gt;&quot;海&quot;" in page
    assert "script" not in page
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_more_phones_than_a_home_has_are_turned_away_and_the_next_one_is_not(server: PhoneServer) -> None:
    path = path_of(server)
    many = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(8)]
    for each in many:
        each.sendall(b"GET ")
    late = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    assert late.recv(10) == b""
    late.close()
    for each in many:
        each.sendall(f"{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert b" 200 " in each.recv(100)
        each.close()


def test_tokens_end() -> None:
    now = [0.0]
    tokens = PhoneTokens(lambda: now[0])
    first = tokens.make()
    now[0] = LIFE_SECONDS - 1
    assert tokens.is_valid(first) and not tokens.is_valid("") and not tokens.is_valid(first[:-1])
    now[0] = LIFE_SECONDS + 1
    assert not tokens.spend(first)
    many = [tokens.make() for _ in range(20)]
    assert not tokens.is_valid(many[0]) and tokens.spend(many[-1]) and not tokens.spend(many[-1])


def test_a_loopback_address_is_not_for_phones(server: PhoneServer) -> None:
    assert not server.is_reachable
    everywhere = PhoneServer("0.0.0.0", 0, queries=[], language="en", choose=chosen.append)
    try:
        assert everywhere.is_reachable
        assert "0.0.0.0" not in everywhere.new_address("127.0.0.1")
    finally:
        everywhere.close()
