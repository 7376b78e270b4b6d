"""What a person may write for the frame."""

import pytest

from soutu_client.frame.query import MOST_CHARACTERS, BadQueryError, ListKind, read_query
from soutu_client.models import Filter, TextTerm


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("随机", ListKind.RANDOM),
        (" Random ", ListKind.RANDOM),
        ("去年的今天", ListKind.ON_THIS_DAY),
        ("On this day", ListKind.ON_THIS_DAY),
        ("往年今日", ListKind.ON_THIS_DAY),
        ("最新", ListKind.NEWEST),
        ("/相册 旅行", ListKind.NEWEST),
        ("孩子们在海边", ListKind.WORDS),
        ("随机 -人", ListKind.WORDS),
    ],
)
def test_lists_have_names_and_the_rest_are_words(text: str, kind: ListKind) -> None:
    assert read_query(text, "zh").kind is kind


def test_words_and_filters_are_as_at_the_command_line() -> None:
    query = read_query("雪地里的狗 -人 /从 2019 /album 旅行 /收藏", "zh")
    assert [(term.text, term.weight > 0) for term in query.terms if isinstance(term, TextTerm)] == [
        ("雪地里的狗", True),
        ("人", False),
    ]
    assert query.filter == Filter(taken_from="2019", albums=("旅行",), favourite=True)


def test_favourites_may_be_narrowed() -> None:
    assert read_query("收藏 /到 2020", "zh").filter == Filter(taken_until="2020", favourite=True)


def test_a_list_is_called_by_its_name_in_the_language() -> None:
    assert read_query("随机", "en").title("en") == "Random"
    assert read_query("on this day", "zh").title("zh") == "去年的今天"
    assert read_query("dogs", "zh").title("zh") == "dogs"


@pytest.mark.parametrize("text", ["", "  \n ", "-人", "海 /从", "海 /save 3", "/nothing", "海" * (MOST_CHARACTERS + 1)])
def test_what_cannot_be_looked_for_is_said(text: str) -> None:
    with pytest.raises(BadQueryError) as refused:
        read_query(text, "en")
    assert str(refused.value)
