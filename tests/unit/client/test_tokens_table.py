from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from rich.console import Console

from soutu_client.access_models import FolderAccess, Scope, Token
from soutu_client.cli.commands.tokens_command import _table
from soutu_client.cli.session import Session
from soutu_client.cli.texts import Texts


class _Texts:
    def __init__(self, language: Any) -> None:
        self.texts = Texts(language)
        self.text = self.texts.text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_narrow_terminal_hides_nothing_of_a_token(language: str) -> None:
    then = datetime(2026, 11, 24, 3, 5, tzinfo=UTC)
    token = Token("0123456789abcdef", "客人", Scope.READ, (FolderAccess("photos", "旅行"),), then, then, then)
    console = Console(width=80)
    with console.capture() as shown:
        console.print(_table(cast(Session, _Texts(language)), [token]))
    for seen in ("0123456789abcdef", "客人", "旅行"):
        assert seen in shown.get()
