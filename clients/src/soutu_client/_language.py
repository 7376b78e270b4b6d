"""Chinese or English: which one a person wants."""

from __future__ import annotations

import locale
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["LANGUAGE_VARIABLE", "Language", "Text", "preferred_language"]

Language = Literal["zh", "en"]

LANGUAGE_VARIABLE = "SOUTU_LANGUAGE"


@dataclass(frozen=True)
class Text:
    """One text in both languages."""

    zh: str
    en: str

    def to(self, language: Language) -> str:
        """Return the text in one language."""
        return self.zh if language == "zh" else self.en


def preferred_language(environment: Mapping[str, str]) -> Language:
    """Return the language of ``SOUTU_LANGUAGE``, else of the locale: Chinese for ``zh*``, English for all others.

    The locale is the first of ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` that is set (POSIX.1-2017, section 8.2); where none
    is, as on Windows, the system's own.
    """
    for variable in (LANGUAGE_VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(variable, "").strip().lower()
        if value and (variable != LANGUAGE_VARIABLE or value.startswith(("zh", "en"))):
            return "zh" if value.startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
