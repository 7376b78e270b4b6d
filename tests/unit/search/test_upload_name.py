"""Names of uploads."""

from __future__ import annotations

import time
from itertools import islice

import pytest

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.upload_name import MAX_NAME_BYTES, alternative_names, clean_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("旅行/2019/奶奶生日.jpg", "旅行/2019/奶奶生日.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("旅行\\雪.jpg", "旅行/雪.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("a\nb\x00c\u202egpj.jpg", "abcgpj.jpg"),
        ("👩\u200d👧.jpg", "👩\u200d👧.jpg"),
        (" a / b.jpg ", "a/b.jpg"),
    ],
)
def test_makes_a_plain_key_of_a_path(given: str, kept: str) -> None:
    assert clean_name(given) == kept


@pytest.mark.parametrize(
    "given",
    ["", "/", "\x00", "/etc/passwd", "C:\\a.jpg", "../a.jpg", "a/../../b.jpg", "..\\a.jpg", "a/.\u202e./b.jpg", "字" * 301],
)
def test_refuses_names_that_lead_elsewhere_or_nowhere(given: str) -> None:
    with pytest.raises(InvalidInput):
        clean_name(given)


def test_refuses_a_path_that_no_key_can_hold() -> None:
    with pytest.raises(InvalidInput):
        clean_name("/".join(["a" * 100] * 10))
    assert MAX_NAME_BYTES < 1024 - 32


def test_refuses_what_is_far_too_long_before_it_is_normalised() -> None:
    began = time.thread_time()
    with pytest.raises(InvalidInput):
        clean_name("a" + "\u0301\u0316" * 20_000)  # normalising takes a time that grows with the square of the length
    assert time.thread_time() - began < 0.5
    assert clean_name("/".join(["e\u0323\u0302" * 80] * 3)) == "/".join(["\u1ec7" * 80] * 3), "decomposed names are longer"


@pytest.mark.parametrize(
    ("name", "second"),
    [("a/b.jpg", "a/b (2).jpg"), ("a.b/c", "a.b/c (2)"), (".hidden", ".hidden (2)"), ("雪.tar.gz", "雪.tar (2).gz")],
)
def test_adds_a_number_before_the_extension(name: str, second: str) -> None:
    assert list(islice(alternative_names(name), 2)) == [name, second]
