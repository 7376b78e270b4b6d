"""Words in names, tags, captions and albums: how they are cut for the index, and when a query's words mean a text.

Chinese is written without spaces, so runs of such scripts are cut into overlapping pairs of characters, and a run's last
character stands alone: every character begins exactly one piece, so that a single character is looked up as a prefix. Other
scripts are cut into words, and digits apart from letters.

A query means a text *completely* if all its words are in it. A sentence means a text *partly* if they have enough in common: half
of the meaning of one part of the text (a folder, the file's name, a tag) or half of the sentence's own. Meaning is counted in
characters (two for a word of another script) of what both share two characters or more in a row, leaving out the closed class of
characters and words that build sentences (的, 在, 时候, the, of …) and numbers. A run of the text that lies whole in the sentence
counts whole. So ``奶奶过生日的时候`` means ``奶奶生日.jpg``, while sharing 的时 or 在一 by chance means nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from functools import cached_property, lru_cache

__all__ = ["Grade", "QueryWords", "TextMatch", "index_tokens", "name_parts"]

_UNSPACED = "々〆〇\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff぀-ゟァ-ヺー-ヿㄅ-ㄯㇰ-ㇿ㐀-䶿一-鿿가-힣豈-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(
    rf"(?P<hash>(?<![0-9a-z])(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{{12,}}(?![0-9a-z]))"
    rf"|(?P<unspaced>[{_UNSPACED}]+)"
    rf"|(?P<digits>\d+)"
    rf"|(?P<word>(?:(?![{_UNSPACED}])[^\W\d_])+)"
)
_CAMERA_PREFIX = re.compile(
    r"^(?:img|image|dsc|dscn|dscf|dji|gopr|gx|gh|pxl|mvimg|pano|burst|vid|wp|cimg|imgp|sam|p|kimg|hpim|mmexport|wx_camera)"
    r"[ _-]?e?(?=\d)"
)
_PICTURE_EXTENSION = re.compile(r"\.(?:jpe?g|png|hei[cf]|gif|webp|bmp|tiff?|avif|mpo|ico|jp2)$", re.IGNORECASE)
_EXTENSION = re.compile(r"(?<=[^.])\.[0-9A-Za-z]{1,5}$")

_FUNCTION_CHARACTERS = frozenset(
    "的了着吗呢吧啊呀嘛么们在是和与及或也都就还很被把给让从向对于以之其这那哪我你您他她它个张只有没不一两几些某每得到"
)
_STOP_WORDS_UNSPACED = re.compile(
    "时候|时间|照片|相片|图片|图像|画面|样子|地方|东西|里面|上面|旁边|下面|前面|后面|什么|怎么|一起|正在|拍的"
)
_STOP_WORD_LIST = (
    "a an the of in on at to for from by with and or is are was were be been being it its this that these those i we you he she"
    " they my our your his her their me us him them as not no photo photos picture pictures image images pic pics"
)
_STOP_WORDS = frozenset(_STOP_WORD_LIST.split())
_SHARE = 0.5
_WORD_WEIGHT = 2
_MAX_TOKENS = 256


class _Script(Enum):
    UNSPACED = auto()
    WORD = auto()
    DIGITS = auto()


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters of one script in a row, normalised."""

    script: _Script
    text: str

    def tokens(self) -> list[str]:
        if self.script is _Script.UNSPACED:
            return [self.text[start : start + 2] for start in range(len(self.text))]
        return [self.text]

    def meaning(self) -> list[bool]:
        """Say of each character whether it means something by itself."""
        if self.script is _Script.DIGITS:
            return [False] * len(self.text)
        if self.script is _Script.WORD:
            return [len(self.text) > 1 and self.text not in _STOP_WORDS] * len(self.text)
        flags = [character not in _FUNCTION_CHARACTERS for character in self.text]
        for stop_word in _STOP_WORDS_UNSPACED.finditer(self.text):
            flags[stop_word.start() : stop_word.end()] = [False] * len(stop_word[0])
        return flags

    def weight(self) -> int:
        """Tell how much the run means; a character alone is too little to be a part of anything."""
        if self.script is _Script.UNSPACED:
            return sum(self.meaning()) if len(self.text) > 1 else 0
        return _WORD_WEIGHT if any(self.meaning()) else 0


def index_tokens(text: str, *, is_name: bool = False) -> list[str]:
    """Cut a text into the pieces under which it is indexed, in order, repeated as they occur.

    Args:
        text: A tag, caption or album, or a file's name with its folders.
        is_name: Whether it is a name: then the extension and the prefixes that cameras write before numbers are left out.
    """
    return [
        token
        for part in (name_parts(text) if is_name else (text,))
        for run in _runs(_folded(part, is_name=is_name))
        for token in run.tokens()
    ]


def name_parts(name: str) -> list[str]:
    """Split a name into its folders and the file's name without extension."""
    *folders, file_name = name.split("/")
    return [part for part in (*folders, _EXTENSION.sub("", file_name)) if part]


class Grade(IntEnum):
    """How well a text matches, best first."""

    EXACT = 0
    """A whole part of the text (folder, file name, tag, caption, album) is what was asked for."""
    COMPLETE = 1
    """Everything that was asked for is in it."""
    PARTIAL = 2
    """Enough of a sentence is in it."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """How a query matches the texts of one photo.

    Attributes:
        grade: How well.
        evidence: What was found.
        texts: Positions, among the texts that were given, of those in which it was found.
    """

    grade: Grade
    evidence: frozenset[str]
    texts: tuple[int, ...]


class _Part:
    """One part of a text (a folder, a file's name, a tag), held against a query."""

    def __init__(self, asked: Sequence[_Run], folded: str) -> None:
        self._asked = asked
        self.runs = _runs(folded)
        self.found = frozenset(one for one in asked if any(_contains(run, one) for run in self.runs))

    @cached_property
    def shared(self) -> tuple[tuple[str, int], ...]:
        """What it shares with the query, each with how many characters of it mean something."""
        return tuple(one for run in self.runs for one in _shared(run, self._asked))

    @cached_property
    def means_it(self) -> bool:
        """Whether what is shared is enough of the part."""
        weight = sum(run.weight() for run in self.runs)
        return sum(amount for _, amount in self.shared) >= max(_WORD_WEIGHT, _SHARE * weight)


class QueryWords:
    """The words of one query text."""

    def __init__(self, text: str) -> None:
        self._sequence = _runs(_folded(_PICTURE_EXTENSION.sub("", text), is_name=True))
        runs = list(dict.fromkeys(self._sequence))
        meaningful = [run for run in runs if run.script is _Script.UNSPACED or run.text not in _STOP_WORDS]
        self._required = tuple(meaningful or runs)
        self._weight = sum(run.weight() for run in self._required)
        self._parts: dict[str, _Part] = {}  # photos share folders
        self._touches = re.compile("|".join(re.escape(token) for token, _ in self.tokens()))

    @property
    def is_empty(self) -> bool:
        """Whether the text has no words at all."""
        return not self._required

    @property
    def is_one_character(self) -> bool:
        """Whether it is one character of a script without spaces, which is found inside of many words."""
        return len(self._required) == 1 and self._required[0].script is _Script.UNSPACED and len(self._required[0].text) == 1

    @property
    def are_told_by_tokens(self) -> bool:
        """Whether a text that has all of ``every_token`` holds the whole query: no word is longer than a piece."""
        return all(run.script is not _Script.UNSPACED or len(run.text) <= 2 for run in self._required)

    def tokens(self) -> list[tuple[str, bool]]:
        """List the pieces to look up, each with whether it is a prefix: a text that matches has at least one of them."""
        pieces: dict[tuple[str, bool], None] = {}
        for run in self._required:
            if run.script is not _Script.UNSPACED:
                pieces[(run.text, False)] = None
            elif len(run.text) == 1:
                pieces[(run.text, True)] = None
            else:
                meaning = run.meaning()
                spoken = [
                    run.text[at : at + 2] for at in range(len(run.text) - 1) if meaning[at] or meaning[at + 1] or not any(meaning)
                ]
                pieces.update(((pair, False), None) for pair in spoken)
        return list(pieces)[:_MAX_TOKENS]

    def every_token(self) -> list[tuple[str, bool]]:
        """List pieces, each with whether it is a prefix, that a text holding the whole query has all of."""
        pieces: dict[tuple[str, bool], None] = {}
        for run in self._required:
            if run.script is _Script.UNSPACED and len(run.text) > 1:
                pieces.update(((pair, False), None) for pair in run.tokens()[:-1])
            else:
                pieces[(run.text, run.script is _Script.UNSPACED)] = None
        return list(pieces)[:_MAX_TOKENS]

    def match(self, texts: Iterable[tuple[str, bool]]) -> TextMatch | None:
        """Judge the texts written about one photo, each with whether it is a name; None if they do not mean the query."""
        if self.is_empty:
            return None
        judged = [self._touched_parts(text, is_name) for text, is_name in texts]
        if {one for parts in judged for part in parts for one in part.found}.issuperset(self._required):
            exact = any(part.runs == self._sequence for parts in judged for part in parts)
            where = tuple(at for at, parts in enumerate(judged) if any(part.found for part in parts))
            return TextMatch(Grade.EXACT if exact else Grade.COMPLETE, frozenset(run.text for run in self._required), where)
        shared = [{span for part in parts for span, _ in part.shared} for parts in judged]
        in_all = self._meant_by(set().union(*shared))
        half_of_query = self._weight > 0 and in_all >= max(_WORD_WEIGHT, _SHARE * self._weight)
        where = tuple(
            at for at, parts in enumerate(judged) if any(part.means_it for part in parts) or (half_of_query and shared[at])
        )
        return TextMatch(Grade.PARTIAL, frozenset().union(*(shared[at] for at in where)), where) if where else None

    def _touched_parts(self, text: str, is_name: bool) -> list[_Part]:
        """List the parts of a text that have anything of the query; the others, most of them, cost a look alone."""
        touched = []
        for piece in name_parts(text) if is_name else (text,):
            folded = _folded(piece, is_name=is_name)
            part = self._parts.get(folded)
            if part is None:
                if not self._touches.search(folded):
                    continue
                part = self._parts[folded] = _Part(self._required, folded)
            touched.append(part)
        return touched

    def _meant_by(self, shared: set[str]) -> int:
        """Count how much of the query's meaning lies in what it shares with texts."""
        pairs = {span[at : at + 2] for span in shared for at in range(len(span) - 1)}
        total = 0
        for run in self._required:
            if run.script is not _Script.UNSPACED:
                total += run.weight() if run.text in shared else 0
                continue
            covered = [False] * len(run.text)
            for at in range(len(run.text) - 1):
                if run.text[at : at + 2] in pairs:
                    covered[at : at + 2] = [True, True]
            total += sum(meant and there for meant, there in zip(run.meaning(), covered, strict=True))
        return total


def _shared(run: _Run, asked: Sequence[_Run]) -> list[tuple[str, int]]:
    """List what a run of a text shares with a query, each with how many characters of it mean something."""
    if run.script is not _Script.UNSPACED:
        return [(run.text, run.weight())] if run.weight() and run in asked else []
    unspaced = [one for one in asked if one.script is _Script.UNSPACED]
    if run.weight() and any(_says(one, run.text) for one in unspaced):
        return [(run.text, max(run.weight(), _WORD_WEIGHT))]
    asked_pairs = {pair for one in unspaced for pair in _meaningful_pairs(one).values()}
    spans: list[str] = []
    end = -1
    for at in sorted(at for at, pair in _meaningful_pairs(run).items() if pair in asked_pairs):
        if at == end:
            spans[-1] += run.text[at + 1]
        else:
            spans.append(run.text[at : at + 2])
        end = at + 1
    return [(span, len(span)) for span in spans]


def _says(asked: _Run, text: str) -> bool:
    """Tell whether a run of the query has the text in it where at least one of the characters means something."""
    at = asked.text.find(text)
    return at >= 0 and any(asked.meaning()[at : at + len(text)])


def _contains(run: _Run, asked: _Run) -> bool:
    return run.script is asked.script and (asked.text in run.text if asked.script is _Script.UNSPACED else asked.text == run.text)


def _meaningful_pairs(run: _Run) -> dict[int, str]:
    """Map positions to pairs of neighbouring characters that both mean something."""
    meaning = run.meaning()
    return {at: run.text[at : at + 2] for at in range(len(run.text) - 1) if meaning[at] and meaning[at + 1]}


def _folded(text: str, *, is_name: bool) -> str:
    """Make widths and letter case alike (Unicode NFKC and case folding), and drop what cameras write before numbers."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _CAMERA_PREFIX.sub("", folded) if is_name else folded


@lru_cache(maxsize=8192)
def _runs(folded: str) -> tuple[_Run, ...]:
    return tuple(_run(match) for match in _RUN.finditer(folded))


def _run(match: re.Match[str]) -> _Run:
    if match["unspaced"]:
        return _Run(_Script.UNSPACED, match["unspaced"])
    if match["digits"]:
        return _Run(_Script.DIGITS, match["digits"])
    return _Run(_Script.WORD, match[0])
