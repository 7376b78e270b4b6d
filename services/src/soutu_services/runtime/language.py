"""Texts that people read, in Chinese and English."""

from __future__ import annotations

import locale
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["METADATA_KEY", "Language", "Text", "language_of_environment", "named", "preferred_language"]

Language = Literal["zh", "en"]

METADATA_KEY = "accept-language"
"""gRPC metadata key with which a client asks for a language (RFC 9110, section 12.5.4)."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    zh: str
    en: str

    def to(self, language: Language) -> str:
        """Return the text in one language."""
        return self.zh if language == "zh" else self.en


_MOST_NAMED_CHARACTERS = 64


def named(sent: str) -> str:
    """Return what a caller sent as it may stand in a message: the beginning of it, on one line and without control characters."""
    return "".join(one if one.isprintable() else "?" for one in sent[:_MOST_NAMED_CHARACTERS])


def preferred_language(accept_language: str | None) -> Language:
    """Choose between Chinese and English from an Accept-Language value.

    The first of the two that is named wins; Chinese when neither is, since soutu is made for a Chinese-speaking home.
    Weights (``q=``) are ignored: clients list what they prefer first.
    """
    for part in (accept_language or "").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"


def language_of_environment(environment: Mapping[str, str]) -> Language:
    """Choose the language of a program's own messages, by the same rule as the client (``soutu_client``).

    ``SOUTU_LANGUAGE``, else the locale: Chinese for ``zh*``, English for all others. The locale is the first of ``LC_ALL``,
    ``LC_MESSAGES`` and ``LANG`` that is set (POSIX.1-2017, section 8.2); where none is, the system's own.
    """
    for variable in ("SOUTU_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(variable, "").strip().lower()
        if value and (variable != "SOUTU_LANGUAGE" or value.startswith(("zh", "en"))):
            return "zh" if value.startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
