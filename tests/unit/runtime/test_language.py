"""Choosing between Chinese and English."""

from __future__ import annotations

import pytest

from soutu_client import _language
from soutu_services.runtime.language import Text, language_of_environment, named, preferred_language


@pytest.mark.parametrize(
    ("accept", "language"),
    [("zh-CN,en;q=0.5", "zh"), ("en", "en"), ("fr, en;q=0.8, zh", "en"), ("", "zh"), (None, "zh"), ("fr", "zh"), ("EN-us", "en")],
)
def test_the_first_known_language_wins_and_chinese_is_the_default(accept, language):
    assert preferred_language(accept) == language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"SOUTU_LANGUAGE": "fr", "LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "SOUTU_LANGUAGE": "en"}, "en"),
    ],
)
def test_the_environment_chooses_the_language_of_a_programs_own_messages(environment, language):
    assert language_of_environment(environment) == language


@pytest.mark.parametrize(
    "environment",
    [{}, {"LANG": "C.UTF-8"}, {"LANG": "fr_FR"}, {"SOUTU_LANGUAGE": "ZH-cn"}, {"SOUTU_LANGUAGE": "x"}, {"LC_ALL": "zh"}],
)
def test_the_services_and_the_client_choose_the_same_language(environment):
    assert language_of_environment(environment) == _language.preferred_language(environment)


def test_a_text_is_in_both_languages():
    text = Text(zh="你好", en="hello")
    assert (text.to("zh"), text.to("en")) == ("你好", "hello")


def test_what_a_caller_sent_stands_in_a_message_on_one_line_and_short() -> None:
    assert named("相册\n\x1b[31m") == "相册??[31m"
    assert named("x" * 1000) == "x" * 64
