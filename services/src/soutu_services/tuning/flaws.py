"""What is wrong with single rows of a data set: they are left out and counted, the rest is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from soutu_services.runtime.language import Text, named

__all__ = ["Flaw", "FlawReport", "Flaws"]


class Flaw(Enum):
    """A kind of flaw, in the words for people; ``{n}`` is how many and ``{at}`` where the first one is."""

    BROKEN_ROW = ("{n} 行读不懂，已略过（第一处：{at}）", "{n} rows cannot be read and were left out (first: {at})")
    BROKEN_BASE64 = (
        "{n} 张图片的 base64 有误，已略过（第一处：{at}）",
        "{n} pictures are not valid base64 and were left out (first: {at})",
    )
    BROKEN_PICTURE = ("{n} 张图片无法读取，已略过（第一处：{at}）", "{n} pictures cannot be read and were left out (first: {at})")
    PICTURE_ID_CLASH = (
        "{n} 张图片的编号与别的图片重复，只用先出现的（第一处：{at}）",
        "{n} pictures have the id of another one; the first of each is used (first: {at})",
    )
    SAME_PICTURE = (
        "{n} 张图片和另一编号的图片一模一样：找到其中一张，会算作没有找到另一张（第一处：{at}）",
        "{n} pictures are those of another id: who finds one of them counts as not having found the other (first: {at})",
    )
    TEXT_ID_CLASH = (
        "{n} 条文字的编号与别的文字重复，只用先出现的（第一处：{at}）",
        "{n} texts have the id of another one; the first of each is used (first: {at})",
    )
    EMPTY_TEXT = ("{n} 条文字是空的，已略过（第一处：{at}）", "{n} texts are empty and were left out (first: {at})")
    REFUSED_TEXT = (
        "{n} 条文字模型不能处理，已略过（第一处：{at}）",
        "{n} texts are refused by the model and were left out (first: {at})",
    )
    TEXT_WITHOUT_PICTURE = (
        "{n} 条文字没有对应的图片，已略过（第一处：{at}）",
        "{n} texts belong to no picture that is there, and were left out (first: {at})",
    )
    MISSING_PICTURE = (
        "{n} 处文字所指的图片不存在（第一处：{at}）",
        "{n} times a text names a picture that is not there (first: {at})",
    )
    PICTURE_WITHOUT_TEXT = (
        "{n} 张图片没有文字：它们会被搜到，但没有人找它们（第一处：{at}）",
        "{n} pictures have no text: they can be found, but none of them is looked for (first: {at})",
    )
    USE_WITHOUT_WORDS = (
        "{n} 次使用不是只用文字找到的，已略过（第一处：{at}）",
        "{n} uses are of what was not found by words alone, and were left out (first: {at})",
    )
    USE_WITHOUT_PHOTO = (
        "{n} 对文字和照片里的照片图库里没有了，已略过（第一处：{at}）",
        "{n} pairs from use are of photos that the library has not any more, and were left out (first: {at})",
    )
    COMMON_TEXT = (
        "{n} 条文字同时属于很多图片，说明不了任何一张，已略过（第一处：{at}）",
        "{n} texts belong to too many pictures to tell of any of them, and were left out (first: {at})",
    )

    def text(self, count: int, at: str) -> Text:
        """Say how many there are, and where the first one is."""
        zh, en = self.value
        return Text(zh=zh.format(n=count, at=at), en=en.format(n=count, at=at))


@dataclass(frozen=True, slots=True)
class FlawReport:
    """Flaws of one kind."""

    flaw: Flaw
    count: int
    first: str

    @property
    def text(self) -> Text:
        """One line for people."""
        return self.flaw.text(self.count, self.first)


class Flaws:
    """Counts flaws and keeps where the first of each kind is; it never grows with a data set."""

    def __init__(self) -> None:
        self._counts: Counter[Flaw] = Counter()
        self._first: dict[Flaw, str] = {}

    def note(self, flaw: Flaw, at: str, *, count: int = 1) -> None:
        """Count a flaw; ``at`` says where, for instance ``valid_texts.jsonl:17``."""
        self._counts[flaw] += count
        self._first.setdefault(flaw, named(at))

    def reports(self) -> Sequence[FlawReport]:
        """List what was found, by kind."""
        return [FlawReport(flaw, self._counts[flaw], self._first[flaw]) for flaw in Flaw if self._counts[flaw]]
