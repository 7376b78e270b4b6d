"""Texts that people read, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["METADATA_KEY", "Language", "Text", "preferred_language"]

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
