"""The texts of the frame, in both languages."""

import re
import string
from pathlib import Path

import soutu_client.frame
from soutu_client.frame.slide import Slide
from soutu_client.frame.text_catalogue import TEXTS

FOLDER = Path(soutu_client.frame.__file__).parent


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_both_languages_have_the_same_placeholders() -> None:
    for key, text in TEXTS.items():
        assert text.zh.strip() and text.en.strip(), key
        assert placeholders(text.zh) == placeholders(text.en), key


def test_chinese_is_chinese_and_english_is_english() -> None:
    for key, text in TEXTS.items():
        assert not re.search(r"[\u3000-\u9fff]", text.en), key
        assert re.search(r"[\u4e00-\u9fff]", text.zh), key


def test_no_text_is_dead_and_none_is_missing() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py") if path.name != "text_catalogue.py")
    asked = set(
        re.findall(r'"((?:settings|display|extra|font|cache|phone|buttons|turn|screen|list|bar|query|page)\.\w+)"', source)
    )
    asked |= {f"bar.{each}" for each in ("like", "pause", "go", "search", "next")}
    asked |= {f"query.{each}" for each in ("random", "on_this_day", "favourites", "newest")}
    assert asked == set(TEXTS)


def test_lines_of_a_photo_are_for_people() -> None:
    slide = Slide("0" * 32, taken="2019-05-03T10:00", place="青岛", latitude=-36.0671, longitude=120.3826)
    assert slide.date_line("zh") == "2019年5月3日"
    assert slide.date_line("en") == "3 May 2019"
    assert slide.place_line() == "青岛 · 36.07°S 120.38°E"
    assert Slide("0" * 32).date_line("zh") == Slide("0" * 32).place_line() == ""
