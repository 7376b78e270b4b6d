"""Texts in the language that was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from soutu_client._language import Language, preferred_language
from soutu_client.cli.access_catalogue import ACCESS
from soutu_client.cli.feedback_catalogue import FEEDBACK
from soutu_client.cli.help_catalogue import HELP
from soutu_client.cli.import_catalogue import IMPORT
from soutu_client.cli.interactive_catalogue import INTERACTIVE
from soutu_client.cli.message_catalogue import MESSAGES
from soutu_client.cli.watch_catalogue import WATCH

__all__ = ["CATALOGUE", "Texts", "language_asked_for"]

CATALOGUE: dict[str, tuple[str, str]] = {**HELP, **MESSAGES, **ACCESS, **IMPORT, **WATCH, **INTERACTIVE, **FEEDBACK}
"""Every text of the command line: key → (Chinese, English), with the same placeholders in both."""


class Texts:
    """Gives texts by their keys."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def text(self, key: str, **values: object) -> str:
        """Return a text with its placeholders filled in."""
        return self._template(key).format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """Return a text that counts: where English has one form for 1 and one for all else, they are parted by ``|``."""
        one, _, many = self._template(key).partition("|")
        return (many if many and number != 1 else one).format(n=f"{number:,}", **values)

    def _template(self, key: str) -> str:
        zh, en = CATALOGUE[key]
        return zh if self.language == "zh" else en


def language_asked_for(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """Return the language of ``--language`` anywhere on the command line, else of the environment.

    It is looked for before the command line is understood, since the help and the errors are in it too.
    """
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name == "--language":
            value = value if equals else next(iter(arguments[position + 1 :]), "")
            if value in ("zh", "en"):
                return cast("Language", value)
    return preferred_language(environment)
