from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soutu_services.search.words import Grade, QueryWords, index_tokens


def grade(query: str, text: str, *, is_name: bool = True) -> Grade | None:
    match = QueryWords(query).match([(text, is_name)])
    return match.grade if match else None


def test_text_without_spaces_is_cut_into_overlapping_pairs() -> None:
    assert index_tokens("奶奶生日", is_name=True) == ["奶奶", "奶生", "生日", "日"]
    assert index_tokens("狗") == ["狗"]
    assert index_tokens("狗abc12猫咪") == ["狗", "abc", "12", "猫咪", "咪"]


def test_names_lose_extension_and_camera_prefix() -> None:
    assert index_tokens("旅行/IMG_1234.JPG", is_name=True) == ["旅行", "行", "1234"]
    assert index_tokens("DSC00042.ARW", is_name=True) == ["00042"]
    assert index_tokens("mmexport1556712345678.jpg", is_name=True) == ["1556712345678"]
    assert index_tokens("imgs/Panda.png", is_name=True) == ["imgs", "panda"]
    assert index_tokens(".hidden", is_name=True) == ["hidden"]
    assert index_tokens("img.jpg") == ["img", "jpg"], "only names are treated so"


def test_widths_and_letter_case_do_not_matter() -> None:
    assert index_tokens("ＡＢＣ１２ ﾈｺ Straße É") == ["abc", "12", "ネコ", "コ", "strasse", "é"]


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("奶奶", "奶奶.jpg", Grade.EXACT),
        ("奶奶", "奶奶/IMG_1.jpg", Grade.EXACT),
        ("奶奶", "奶奶生日.jpg", Grade.COMPLETE),
        ("奶奶生日.jpg", "2019/奶奶生日.jpg", Grade.EXACT),
        ("奶奶 生日", "奶奶/生日快乐.jpg", Grade.COMPLETE),
        ("奶奶过生日的时候", "奶奶生日.jpg", Grade.PARTIAL),
        ("奶奶过生日的时候", "2019/奶奶生日蛋糕.jpg", Grade.PARTIAL),
        ("去年过年的时候", "过年.jpg", Grade.PARTIAL),
        ("我们在上海外滩散步", "上海/IMG_2.jpg", Grade.PARTIAL),
        ("狗", "雪地里的狗.jpg", Grade.COMPLETE),
        ("狗", "狗年吉祥.jpg", Grade.COMPLETE),
        ("1234", "IMG_1234.JPG", Grade.EXACT),
        ("IMG_1234", "IMG_1234.JPG", Grade.EXACT),
        ("grandma birthday", "Grandma_Birthday_2019.jpg", Grade.COMPLETE),
        ("grandma's birthday party at the lake", "grandma birthday.jpg", Grade.PARTIAL),
        ("a dog running in the snow", "Dog.jpg", Grade.PARTIAL),
        ("猫 cat", "cat/猫.jpg", Grade.COMPLETE),
    ],
)
def test_finds_what_is_meant(query: str, text: str, expected: Grade) -> None:
    assert grade(query, text) is expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("奶奶过生日的时候", "小时候.jpg"),
        ("奶奶过生日的时候", "的时.jpg"),
        ("奶奶过生日的时候", "吃饭的时候.jpg"),
        ("两只狗在一块草地上", "在一起.jpg"),
        ("两只狗在一块草地上", "我们在一家店.jpg"),
        ("一个男人和一个女人", "一个人.jpg"),
        ("我的狗", "我的.jpg"),
        ("在雪地里奔跑的狗", "雪地摩托车比赛集锦.jpg"),
        ("去年夏天", "2019年5月1日.jpg"),
        ("a man in the park", "in the car.jpg"),
        ("a photo of my dog", "photo.jpg"),
        ("3个人在海边", "3.jpg"),
        ("1234", "IMG_12345.JPG"),
        ("cat", "category.jpg"),
        ("奶奶", "奶.jpg"),
        ("jpg", "a.jpg"),
        ("img", "IMG_0001.jpg"),
        ("", "a.jpg"),
        ("。，！", "a.jpg"),
    ],
)
def test_shares_something_without_meaning_it(query: str, text: str) -> None:
    assert grade(query, text) is None


def test_words_may_be_spread_over_what_is_written_about_a_photo() -> None:
    match = QueryWords("奶奶 生日").match([("IMG_1.jpg", True), ("奶奶", False), ("生日快乐", False)])
    assert match is not None
    assert (match.grade, match.texts) == (Grade.COMPLETE, (1, 2))


def test_half_of_a_long_caption_is_not_needed_if_the_sentence_lies_in_it() -> None:
    caption = "那天奶奶在厨房里包饺子，我们几个孩子在旁边捣乱，爷爷坐在沙发上看电视，窗外下着大雪"
    assert grade("包饺子的奶奶", caption, is_name=False) is Grade.PARTIAL
    assert grade("爷爷骑自行车去公园钓鱼", caption, is_name=False) is None


STRANGE = (
    "奶生日狗的在一ネｺが가ไท々〇𠮷ßİée\u0301abcXYZ0129٣²½Ⅷ \t\n\x00\"'*^:()+-_{}%/\\.,。！😀👨\u200d\u202e\ufeff\ud7ff\U0010ffff"
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(STRANGE, max_size=40), st.text(STRANGE, max_size=40))
def test_any_text_is_safe_and_found_by_itself(query: str, text: str) -> None:
    words = QueryWords(query)
    words.match([(text, True), (text, False)])
    tokens = {token for token, _ in words.tokens()}
    assert all(token.isalnum() or len(token) <= 2 for token in tokens), "nothing of FTS5's syntax gets through"
    if not words.is_empty:
        match = words.match([(query, False)])
        assert match is not None
        assert match.grade is not Grade.PARTIAL


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="奶生日狗的在一ab12 /", min_size=1, max_size=12), st.text(alphabet="奶生日狗的在一ab12 /", max_size=12))
def test_whatever_matches_is_among_the_candidates(query: str, text: str) -> None:
    words = QueryWords(query)
    match = words.match([(text, False)])
    indexed = index_tokens(text)

    def is_there(token: str, is_prefix: bool) -> bool:
        return any(one.startswith(token) if is_prefix else one == token for one in indexed)

    if match is not None:
        assert any(is_there(*token) for token in words.tokens())
    if match is not None and match.grade is not Grade.PARTIAL:
        assert all(is_there(*token) for token in words.every_token())


def test_texts_twice_as_long_take_about_twice_the_work() -> None:
    def steps(repeats: int) -> int:
        """Count what Python does to judge a long text by a long query."""
        count = 0

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal count
            frame.f_trace_opcodes = True
            count += 1
            return trace

        words = QueryWords("奶奶生日" * repeats)
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            words.match([("奶奶过生日在家吃蛋糕" * repeats, False)])
        finally:
            sys.settrace(before)
        return count

    assert 0 < steps(200) < 3 * steps(100)
