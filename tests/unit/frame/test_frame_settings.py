"""The frame's settings: the environment goes before the file, and what is not right is one line."""

from datetime import time
from pathlib import Path

import pytest

from soutu_client.frame.actions import Action
from soutu_client.frame.hours import Hours
from soutu_client.frame.settings import BadSettingError, FrameSettings


def load(tmp_path: Path, toml: str = "", **environment: str) -> FrameSettings:
    file = tmp_path / "soutu" / "frame.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(toml, encoding="utf-8")
    given = {f"SOUTU_FRAME_{name.upper()}": value for name, value in environment.items()}
    return FrameSettings.load({"XDG_CONFIG_HOME": str(tmp_path), **given}, "en")


def test_the_defaults_are_for_a_whole_screen_and_this_machine_alone(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.size is None
    assert settings.listen == ("127.0.0.1", 8405)
    assert settings.queries[0] == "随机"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'queries = ["海边", "相册；一"]\ninterval_seconds = 30\nshow = ["date"]\n[buttons]\nnext = 5\n',
        interval_seconds="7.5",
        listen="[::1]:9",
        night="22:30-07:00",
    )
    assert settings.queries == ("海边", "相册；一")
    assert settings.interval_seconds == 7.5
    assert settings.show == {"date"}
    assert settings.buttons == {Action.NEXT: 5}
    assert settings.listen == ("::1", 9)
    assert settings.night == Hours(time(22, 30), time(7))


def test_queries_of_the_environment_have_semicolons_between_them(tmp_path: Path) -> None:
    assert load(tmp_path, queries="孩子们在海边；去年的今天;random").queries == ("孩子们在海边", "去年的今天", "random")


def test_what_is_none_is_switched_off(tmp_path: Path) -> None:
    settings = load(tmp_path, listen="none", show="none")
    assert settings.listen is None
    assert settings.show == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interval_seconds", "soon"),
        ("interval_seconds", "0"),
        ("show", "caption,weather"),
        ("background", "pink"),
        ("size", "1080p"),
        ("night", "late"),
        ("night", "25:00-07:00"),
        ("listen", "8405"),
        ("listen", "0.0.0.0:70000"),
        ("buttons", "next=99"),
        ("buttons", "next=5,like=5"),
        ("most", "0"),
        ("log_level", "loud"),
        ("font", "~nobody-of-this-name/a.ttf"),
    ],
)
def test_a_setting_that_is_not_right_is_named_in_one_line(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(BadSettingError) as refused:
        load(tmp_path, **{name: value})
    assert f"SOUTU_FRAME_{name.upper()}" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "toml", ["interval = 3", "queries = 3", "interval_seconds = true", "address = 5", "not toml", "queries = [1]"]
)
def test_a_file_that_is_not_right_is_one_line(tmp_path: Path, toml: str) -> None:
    with pytest.raises(BadSettingError) as refused:
        load(tmp_path, toml)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match="does not exist"):
        load(tmp_path, config=str(tmp_path / "nothing.toml"))


@pytest.mark.parametrize(
    ("moment", "is_night"), [(time(22, 29), False), (time(22, 30), True), (time(3), True), (time(7), False), (time(12), False)]
)
def test_a_night_goes_over_midnight(moment: time, is_night: bool) -> None:
    assert (moment in Hours.read("22:30 - 7:00")) is is_night
    assert (moment in Hours.read("11:00-13:00")) is (moment == time(12))
