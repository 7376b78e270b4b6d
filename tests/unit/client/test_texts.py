"""The texts of the command line, in both languages."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import soutu_client.cli
from soutu_client._language import preferred_language
from soutu_client.cli.group import COMMANDS
from soutu_client.cli.texts import CATALOGUE, Texts, language_asked_for
from soutu_client.models import TakenOrigin

FOLDER = Path(soutu_client.cli.__file__).parent


def asked_keys() -> Iterator[tuple[str, set[str] | None]]:
    """Yield each key in the source with the placeholders it is given; None: they are not known from the source."""
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                if name in ("text", "count") and node.args:
                    given = {keyword.arg or "" for keyword in node.keywords} | ({"n"} if name == "count" else set())
                    for key in literals(node.args[0]):
                        yield key, given


def literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_every_key_that_is_asked_for_exists_and_gets_its_placeholders() -> None:
    asked = list(asked_keys())
    assert len(asked) > 150
    for key, given in asked:
        assert key in CATALOGUE, key
        if given is not None:
            assert placeholders(CATALOGUE[key][0]) <= given, key


def test_both_languages_have_the_same_placeholders() -> None:
    for key, (zh, en) in CATALOGUE.items():
        assert zh.strip(), key
        assert en.strip(), key
        for form in en.split("|"):
            allowed = {"n"} if "|" in en else set()  # "this photo" needs no number
            assert placeholders(zh) - allowed <= placeholders(form) <= placeholders(zh), key


def test_chinese_is_chinese_and_english_is_english() -> None:
    for key, (zh, en) in CATALOGUE.items():
        assert not re.search(r"[\u4e00-\u9fff]", en), key
        shown = re.sub(r"\{[^}]*\}", "", zh)
        assert re.search(r"[\u4e00-\u9fff]", zh) or not re.search(r"[a-z]{3}", shown), key


def test_no_text_is_dead() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py") if "catalogue" not in path.name)
    stems = ("exit.", *re.findall(r"f[\"']([a-z_]+\.[._a-z]*)\{", source))
    known = {f"{name}.short" for name in COMMANDS}
    dead = [key for key in CATALOGUE if not re.search(f"[\"']{re.escape(key)}[\"']", source) and key not in known]
    dead = [key for key in dead if not key.startswith(stems)]
    assert dead == []


def test_every_origin_of_a_time_has_a_text_here_and_on_the_page() -> None:
    page = (FOLDER.parent / "web" / "static" / "js" / "strings.js").read_text(encoding="utf-8")
    for origin in TakenOrigin:
        assert f"show.taken_{origin.value.lower()}" in CATALOGUE
        assert origin is TakenOrigin.EXIF or f"  origin{origin.value}: [" in page


def test_counts_choose_the_form() -> None:
    english, chinese = Texts("en"), Texts("zh")
    assert english.count("delete.purge_done", 1) == "1 photo removed for good"
    assert english.count("delete.purge_done", 1234) == "1,234 photos removed for good"
    assert chinese.count("delete.purge_done", 1) == "已彻底清除 1 张"
    assert english.count("add.not_tried", 2, why="a|b").startswith("2 files are left: a|b. Run")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"SOUTU_LANGUAGE": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"SOUTU_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"SOUTU_LANGUAGE": "fr", "LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_comes_from_the_environment(environment: dict[str, str], language: str) -> None:
    assert preferred_language(environment) == language


def test_the_option_for_the_language_wins_wherever_it_stands() -> None:
    assert language_asked_for(["search", "狗", "--language", "zh"], {"LANG": "en_US"}) == "zh"
    assert language_asked_for(["--language=en", "search", "狗"], {"LANG": "zh_CN"}) == "en"
    assert language_asked_for(["search", "--", "--language", "zh"], {"LANG": "en_US"}) == "en"
