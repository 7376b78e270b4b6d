"""What a person types at the prompt: words, words that are not wanted, filters, and what to do with what was found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from soutu_client._naming import readable

__all__ = ["NOT_WEIGHT", "Order", "QueryLine", "read_line"]

NOT_WEIGHT = -0.5
"""Enough to push away what is named, not so much that its opposite is searched for; the page's ``NOT_WEIGHT`` is the same.

Measured with the model lite, 62 queries like "dog, not snow" in 866 photos of Flickr8k-CN: of the first 20, 0.76 show what is
looked for and 0.18 what is not wanted; with -1 it is 0.73 and 0.17, with 0 it is 0.79 and 0.22.
"""

# As the page has it: -word and -"several words" are not wanted; the full-width sign comes from Chinese keyboards.
_WORD = re.compile(r'[-－](?:"([^"]+)"|(\S+))|(\S+)')
_ORDERS = {
    "from": "从",
    "until": "到",
    "folder": "文件夹",
    "tag": "标签",
    "album": "相册",
    "camera": "相机",
    "format": "格式",
    "favourite": "收藏",
    "clear": "清除",
    "open": "打开",
    "show": "查看",
    "similar": "相似",
    "save": "保存",
    "not": "不是",
    "more": "更多",
    "help": "帮助",
    "quit": "退出",
}
_BY_NAME = {name: name for name in _ORDERS} | {chinese: name for name, chinese in _ORDERS.items()} | {"exit": "quit", "?": "help"}

_NAMES = "|".join(re.escape(name) for name in _BY_NAME)
_ORDER = re.compile(rf"^[/／](?=\S)|\s+[/／](?=(?:{_NAMES})(?:\s|$))", re.IGNORECASE)
"""Within a line only names that are known: ``/save 1 /media/usb`` names a folder."""


@dataclass(frozen=True)
class Order:
    """``/name value``; ``name`` is the English one, or what was typed if there is no such order."""

    name: str
    value: str
    is_known: bool


@dataclass(frozen=True)
class QueryLine:
    """A line: what is looked for, what is not wanted, and orders, any of them empty."""

    words: str
    unwanted: tuple[str, ...]
    orders: tuple[Order, ...]

    @property
    def number(self) -> int | None:
        """The number that the line is, if it is nothing else."""
        is_number = not self.unwanted and not self.orders and re.fullmatch(r"[0-9]{1,5}", self.words)
        return int(self.words) if is_number else None


def read_line(line: str) -> QueryLine:
    """Understand a line."""
    words, *orders = _ORDER.split(readable(line).strip())
    wanted, unwanted = [], []
    for quoted, bare, plain in _WORD.findall(words):
        if plain:
            wanted.append(plain)
        else:
            unwanted.append(quoted or bare)
    text = re.sub(r'^"(.*)"$', r"\1", " ".join(wanted))
    return QueryLine(words=text, unwanted=tuple(unwanted), orders=tuple(_orders(orders)))


def _orders(written: list[str]) -> Iterator[Order]:
    for each in written:
        name, *value = each.split(maxsplit=1)  # at any space, the full-width one of Chinese keyboards too
        known = _BY_NAME.get(name.lower())
        yield Order(known or name, "".join(value).strip(), is_known=known is not None)
