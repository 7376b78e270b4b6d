"""Errors in settings."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from soutu_services.runtime.settings import InvalidSettings, load_settings


class Inner(BaseModel):
    size: int = 1


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SOUTU_T_", env_nested_delimiter="__")
    port: int = Field(1, ge=1)
    secret: int = 0
    inner: Inner = Inner()
    names: list[str] = []


def test_reads_the_environment_and_lets_what_is_given_win(monkeypatch):
    monkeypatch.setenv("SOUTU_T_PORT", "5")
    monkeypatch.setenv("SOUTU_T_INNER__SIZE", "7")
    settings = load_settings(Settings, secret=3)
    assert (settings.port, settings.inner.size, settings.secret) == (5, 7, 3)


def test_names_every_wrong_variable_in_one_line_without_its_value(monkeypatch):
    monkeypatch.setenv("SOUTU_T_PORT", "0")
    monkeypatch.setenv("SOUTU_T_SECRET", "hunter2")
    monkeypatch.setenv("SOUTU_T_INNER__SIZE", "big")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(Settings)
    for text in (caught.value.text.zh, caught.value.text.en):
        assert "SOUTU_T_PORT" in text
        assert "SOUTU_T_SECRET" in text
        assert "SOUTU_T_INNER__SIZE" in text
        assert "hunter2" not in text
        assert "\n" not in text


def test_what_is_no_json_is_one_line_too(monkeypatch):
    monkeypatch.setenv("SOUTU_T_NAMES", "a,b")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(Settings)
    assert "names" in caught.value.text.en
    assert "\n" not in caught.value.text.en
