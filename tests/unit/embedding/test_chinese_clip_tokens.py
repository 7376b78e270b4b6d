from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from soutu_services.embedding.chinese_clip.tokens import BertTokens, of_like_length, padded
from soutu_services.embedding.chinese_clip.torch_model import vocabulary_path


@pytest.fixture(scope="module")
def tokens() -> BertTokens:
    return BertTokens(vocabulary_path())


def cn_clip_ids(text: str, context_length: int = 52) -> list[int]:
    from cn_clip.clip import _tokenizer

    pieces = _tokenizer.convert_tokens_to_ids(_tokenizer.tokenize(text))[: context_length - 2]
    return [_tokenizer.vocab["[CLS]"], *pieces, _tokenizer.vocab["[SEP]"]]


def test_every_kind_of_character_gives_the_tokens_of_cn_clip(tokens: BertTokens) -> None:
    points = [*range(0x3400), *range(0x4DB0, 0x4E10), *range(0x9FF0, 0xD800, 3), *range(0xE000, 0xE010), *range(0xF8F0, 0x10000)]
    points += range(0x10000, 0x20000, 9)
    edges = (0x2A6DF, 0x2A700, 0x2B73F, 0x2B740, 0x2B81F, 0x2B820, 0x2CEAF, 0x2CEB0, 0x2F800, 0x2FA1F, 0x2FA20, 0xE0001, 0x10FFFF)
    points += [edge + step for edge in edges for step in (-1, 0, 1) if edge + step <= sys.maxunicode]
    text = " ".join(f"a{chr(point)}B" for point in points)
    limit = 10 * len(points)
    assert tokens.ids(text, limit).tolist() == cn_clip_ids(text, limit)


def test_random_texts_give_the_tokens_of_cn_clip(tokens: BertTokens) -> None:
    source = random.Random(5)
    words = vocabulary_path().read_text(encoding="utf-8").split()
    unusual = ("雪", "é", "İ", "ß", "ﬁ", "🎂", "👨\u200d👩\u200d👧", "\u3000", "\u2028", "\u00a0", "\x00", "。", "don't", " ")
    parts = (*unusual, "a" * 150, "b" * 201)
    for _ in range(200):
        text = "".join(source.choice((source.choice(words), source.choice(parts))) for _ in range(source.randrange(30)))
        assert tokens.ids(text).tolist() == cn_clip_ids(text), text


def test_long_texts_are_cut_to_52_tokens(tokens: BertTokens) -> None:
    assert len(tokens.ids("狗" * 500)) == 52
    assert tokens.ids("狗" * 500)[-1] == tokens.ids("狗")[-1]


def test_vocabularies_without_special_tokens_are_refused(tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n狗\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[CLS\]"):
        BertTokens(vocabulary)


def test_batches_are_filled_up_to_their_longest_text() -> None:
    batch = padded([np.array([1, 2, 3]), np.array([4])])
    assert batch.tolist() == [[1, 2, 3], [4, 0, 0]]


def test_texts_of_like_length_are_grouped_where_that_costs_less() -> None:
    def costs(groups: list[list[int]], pass_tokens: int) -> int:
        return sum(len(group) * max(len(batch[at]) for at in group) + pass_tokens for group in groups)

    batch = [np.ones(length, dtype=np.int64) for length in (12, 40, 3, 12, 13, 14, 4, 52, 12, 11)]
    for pass_tokens in (0, 1, 16, 40, 1000):
        groups = of_like_length(batch, pass_tokens=pass_tokens)
        assert sorted(at for group in groups for at in group) == list(range(10))
        by_length = sorted(range(10), key=lambda at: len(batch[at]))
        every_cut = (
            [by_length[:first], by_length[first:second], by_length[second:]] for first in range(10) for second in range(first, 10)
        )
        best = min(costs([group for group in cut if group], pass_tokens) for cut in every_cut)
        assert costs(groups, pass_tokens) <= best
    assert len(of_like_length(batch, pass_tokens=1000)) == 1
    assert len(of_like_length(batch[:1] * 32, pass_tokens=0)) == 1
    assert of_like_length([], pass_tokens=16) == []
