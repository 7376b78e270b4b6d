"""What is typed at the prompt, understood as the page understands its box."""

import pytest

from soutu_client.cli.query_line import Order, read_line


@pytest.mark.parametrize(
    ("line", "words", "unwanted"),
    [
        ("雪地里的狗", "雪地里的狗", ()),
        ('  雪地里的狗  -雨 -"红 帽子" ', "雪地里的狗", ("雨", "红 帽子")),
        ("海 －人 边", "海 边", ("人",)),  # the sign of a Chinese keyboard
        ("well-known place", "well-known place", ()),
        ('"两个 词"', "两个 词", ()),
        ("-人", "", ("人",)),
        ("😀 🐶", "😀 🐶", ()),
        ("", "", ()),
        ("-", "-", ()),
    ],
)
def test_words_and_what_is_not_wanted(line: str, words: str, unwanted: tuple[str, ...]) -> None:
    understood = read_line(line)
    assert (understood.words, understood.unwanted, understood.orders) == (words, unwanted, ())


@pytest.mark.parametrize(
    ("line", "words", "orders"),
    [
        ("/from 2023", "", [("from", "2023")]),
        ("海边 /从 2023-05 /folder 旅行/2019 a", "海边", [("from", "2023-05"), ("folder", "旅行/2019 a")]),
        ("／清除", "", [("clear", "")]),
        ("海边　／从　2023　", "海边", [("from", "2023")]),  # all of it as a Chinese keyboard writes it
        ("/Save 1 2 /media/usb disk", "", [("save", "1 2 /media/usb disk")]),
        ("a /b c", "a /b c", []),
        ("/exit", "", [("quit", "")]),
    ],
)
def test_orders_in_both_languages(line: str, words: str, orders: list[tuple[str, str]]) -> None:
    understood = read_line(line)
    assert understood.words == words
    assert understood.orders == tuple(Order(name, value, is_known=True) for name, value in orders)


def test_an_order_that_does_not_exist_is_told_apart() -> None:
    assert read_line("/nonsense 1").orders == (Order("nonsense", "1", is_known=False),)


@pytest.mark.parametrize(
    ("line", "number"), [("3", 3), (" 12 ", 12), ("2019年", None), ("3 -人", None), ("123456", None), ("/3", None)]
)
def test_a_number_alone_is_a_rank(line: str, number: int | None) -> None:
    assert read_line(line).number == number
