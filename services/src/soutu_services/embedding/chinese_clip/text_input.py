"""From a text to the text tower's input, refusing what cannot be embedded."""

from __future__ import annotations

from soutu_services.embedding.chinese_clip.tokens import BertTokens, TokenArray
from soutu_services.embedding.encoder import ItemProblem, ItemRefused

__all__ = ["TEXT_CHARACTERS", "text_ids"]

TEXT_CHARACTERS = 2000
"""Longest text that is taken, in characters; the towers see its first 50 tokens."""

_SPECIAL_TOKENS = 2


def text_ids(tokens: BertTokens, text: str) -> TokenArray:
    """Return a text's token ids at its own length: shape (n,), 3 <= n <= 52.

    Raises:
        ItemRefused: EMPTY if nothing of it is seen, TOO_LARGE if it is longer than ``TEXT_CHARACTERS``.
    """
    if len(text) > TEXT_CHARACTERS:
        raise ItemRefused(
            ItemProblem.TOO_LARGE,
            zh=f"文字有 {len(text)} 个字符，超过上限 {TEXT_CHARACTERS} 个。",
            en=f"The text has {len(text)} characters; the limit is {TEXT_CHARACTERS}.",
        )
    ids = tokens.ids(text)
    if len(ids) == _SPECIAL_TOKENS:
        raise ItemRefused(ItemProblem.EMPTY, zh="文字是空的。", en="The text is empty.")
    return ids
