"""BERT's tokens (Devlin et al. 2018, arXiv:1810.04805) as cn_clip makes them, without cn_clip.

Basic tokenization (clean, split at CJK characters and punctuation, lower case, strip accents), then WordPiece by greedy longest
match. ``tokenizers`` gives other tokens than cn_clip for some 138,000 of Unicode's code points (private use, punctuation and
marks newer than its tables, CJK extension E) and brings a hub client along, hence these lines; the tests compare every code
point.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["CONTEXT_LENGTH", "CPU_PASS_TOKENS", "BertTokens", "TokenArray", "of_like_length", "padded"]

CONTEXT_LENGTH = 52
"""Longest input of the text tower in tokens, [CLS] and [SEP] included; what is beyond is cut, as cn_clip does."""
CPU_PASS_TOKENS = 16
"""What one more pass costs on a CPU, in tokens of a large one (``of_like_length``): with ViT-B-16 in int8 a pass over ten tokens
takes 12 ms by itself, and ten tokens more 6 ms. With a sentence of 40 tokens among 31 of 3 to 18 one pass takes 2.7 times as long
as three."""

TokenArray = npt.NDArray[np.int64]

_LONGEST_WORD = 200
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class BertTokens:
    """Turns texts into token ids. Safe to call from several threads at once."""

    def __init__(self, vocabulary: Path) -> None:
        """Read a vocabulary: one token a line, its number is its id.

        Raises:
            ValueError: a special token is missing.
            OSError: the file cannot be read.
        """
        with vocabulary.open(encoding="utf-8") as lines:
            self._ids = {line.strip(): number for number, line in enumerate(lines)}
        for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"):
            if token not in self._ids:
                raise ValueError(f"the vocabulary has no {token}")
        if self._ids["[PAD]"] != 0:
            raise ValueError("[PAD] is not the first token of the vocabulary")
        self._start, self._end = self._ids["[CLS]"], self._ids["[SEP]"]

    def ids(self, text: str, context_length: int = CONTEXT_LENGTH) -> TokenArray:
        """Return a text's token ids at its own length, between [CLS] and [SEP].

        Returns:
            Shape (n,) with 2 <= n <= context_length; n is 2 if the text holds nothing that is seen.
        """
        pieces: list[int] = []
        for word in _words(text):
            pieces.extend(self._word_pieces(word))
            if len(pieces) >= context_length - 2:
                break
        return np.array([self._start, *pieces[: context_length - 2], self._end], dtype=np.int64)

    def _word_pieces(self, word: str) -> list[int]:
        if len(word) > _LONGEST_WORD:
            return [self._ids["[UNK]"]]
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self._ids.get(prefix + word[start:end])
                if piece is not None:
                    pieces.append(piece)
                    start = end
                    break
            else:
                return [self._ids["[UNK]"]]
        return pieces


def padded(batch: Sequence[TokenArray]) -> TokenArray:
    """Stack token ids of different lengths, filled up with [PAD] to the longest: shape (len(batch), longest)."""
    stacked = np.zeros((len(batch), max(len(ids) for ids in batch)), dtype=np.int64)
    for row, ids in zip(stacked, batch, strict=True):
        row[: len(ids)] = ids
    return stacked


def of_like_length(batch: Sequence[TokenArray], *, pass_tokens: int) -> list[list[int]]:
    """Group texts so that filling each up to the longest of its group, and running each group by itself, costs least.

    Args:
        batch: Token ids of texts.
        pass_tokens: How many tokens more in a pass take as long as one more pass.

    Returns:
        Positions in ``batch``, each in one group.
    """
    order = sorted(range(len(batch)), key=lambda at: len(batch[at]))
    lengths = [len(batch[at]) for at in order]
    if not lengths or sum(lengths[-1] - length for length in lengths) <= pass_tokens:
        return [order] if order else []
    least, begins = [0], [0]  # of the first texts: what they cost, and where their last group begins
    for end in range(1, len(order) + 1):
        costs = [least[begin] + (end - begin) * lengths[end - 1] + pass_tokens for begin in range(end)]
        least.append(min(costs))
        begins.append(costs.index(least[-1]))
    groups, end = [], len(order)
    while end:
        groups.append(order[begins[end] : end])
        end = begins[end]
    return groups


def _words(text: str) -> Iterator[str]:
    for chunk in "".join(_cleaned(text)).split():
        plain = "".join(char for char in unicodedata.normalize("NFD", chunk.lower()) if unicodedata.category(char) != "Mn")
        yield from "".join(f" {char} " if _is_punctuation(char) else char for char in plain).split()


def _cleaned(text: str) -> Iterator[str]:
    """Drop what is not seen, make every space one kind, and set CJK characters apart."""
    for char in text:
        category = unicodedata.category(char)
        if char in "\t\n\r" or category == "Zs":
            yield " "
        elif char == "\ufffd" or category in ("Cc", "Cf"):
            continue
        elif any(first <= ord(char) <= last for first, last in _CJK):
            yield f" {char} "
        else:
            yield char


def _is_punctuation(char: str) -> bool:
    return char in _ASCII_PUNCTUATION or unicodedata.category(char).startswith("P")
