"""What the frame is to show, as a person writes it: words, dates and albums as at the command line, or a list's name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from soutu_client._language import Language
from soutu_client.cli.query_line import NOT_WEIGHT, Order, read_line
from soutu_client.frame.text_catalogue import TEXTS, say
from soutu_client.models import Filter, TextTerm

__all__ = ["MOST_CHARACTERS", "RANDOM", "BadQueryError", "ListKind", "Query", "read_query"]

MOST_CHARACTERS = 300

_MORE_NAMES = {
    "random": ("随便", "shuffle"),
    "on_this_day": ("往年今日", "往年的今天", "历史上的今天"),
    "favourites": ("favorites", "♥"),
    "newest": ("全部", "all", "latest"),
}
_LISTS = {"folder": "folders", "tag": "tags", "album": "albums", "camera": "cameras", "format": "formats"}
_DATES = {"from": "taken_from", "until": "taken_until"}


class BadQueryError(ValueError):
    """It cannot be understood; the message says why, in a few words."""


class ListKind(Enum):
    """Where the photos of a query come from."""

    WORDS = "words"
    NEWEST = "newest"
    RANDOM = "random"
    ON_THIS_DAY = "on_this_day"


@dataclass(frozen=True)
class Query:
    """A query.

    Attributes:
        text: As it was written; it says which query it is.
        kind: Where its photos come from.
        terms: Words to look for and not to look for; only with ``WORDS``.
        filter: Which photos to consider.
    """

    text: str
    kind: ListKind
    terms: tuple[TextTerm, ...] = ()
    filter: Filter = field(default_factory=Filter)

    def title(self, language: Language) -> str:
        """Return what it is called on the screen."""
        name = _list_name(self.text)
        return say(language, f"query.{name}") if name else self.text


RANDOM = Query("随机", ListKind.RANDOM)


def read_query(text: str, language: Language) -> Query:
    """Understand a query: ``孩子们在海边 -人 /从 2020 /相册 旅行``, or ``随机``, ``去年的今天``, ``收藏``, ``最新``, ``random``.

    Raises:
        BadQueryError: It says nothing, or what nobody can look for.
    """
    text = " ".join(text.split())
    if not text:
        raise BadQueryError(say(language, "query.empty"))
    if len(text) > MOST_CHARACTERS:
        raise BadQueryError(say(language, "query.long", most=MOST_CHARACTERS))
    line = read_line(text)
    chosen = Filter()
    for order in line.orders:
        chosen = _narrowed(chosen, order, language)
    if line.unwanted and not line.words:
        raise BadQueryError(say(language, "query.only_not"))
    name = _list_name(line.words) if not line.unwanted else ""
    if name == "favourites":
        chosen = replace(chosen, favourite=True)
    if name or not line.words:
        kind = {"random": ListKind.RANDOM, "on_this_day": ListKind.ON_THIS_DAY}.get(name, ListKind.NEWEST)
        return Query(text, kind, filter=chosen)
    terms = (TextTerm(line.words), *(TextTerm(each, weight=NOT_WEIGHT) for each in line.unwanted))
    return Query(text, ListKind.WORDS, terms, chosen)


def _narrowed(chosen: Filter, order: Order, language: Language) -> Filter:
    if order.name == "favourite":
        return replace(chosen, favourite=True)
    changed: dict[str, Any] = {}
    if order.name in _DATES and order.value:
        changed = {_DATES[order.name]: order.value}
    if order.name in _LISTS and order.value:
        changed = {_LISTS[order.name]: (*getattr(chosen, _LISTS[order.name]), order.value)}
    if changed:
        return replace(chosen, **changed)
    raise BadQueryError(say(language, "query.unknown", name=order.name[:20]))


def _list_name(words: str) -> str:
    """Return which list is called so; empty: none."""
    wanted = words.strip().lower()
    for name, more in _MORE_NAMES.items():
        own = TEXTS[f"query.{name}"]
        if wanted in (own.zh, own.en.lower(), name.replace("_", " "), *more):
            return name
    return ""
