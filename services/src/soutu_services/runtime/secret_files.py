"""Secrets from the settings: written there, or, better, in a file that only the service may read."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from soutu_services.runtime.settings import InvalidSettings

__all__ = ["read_secrets"]

_MOST_BYTES = 64 << 10


def read_secrets(given: SecretStr | None, file: Path | None, *, variable: str) -> tuple[SecretStr, ...]:
    """Return the secrets of a setting and its file: one a line, or with spaces between them.

    Args:
        given: What the variable holds; None: nothing.
        file: What ``{variable}_FILE`` names; None: nothing.
        variable: Name of the variable, for the message.

    Raises:
        InvalidSettings: the file cannot be read, or one of both is set but empty, or not ASCII.
    """
    words: list[str] = []
    for name, text in ((variable, given.get_secret_value() if given else None), (f"{variable}_FILE", _text_of(file, variable))):
        if text is None:
            continue
        if not text.strip() or not text.isascii():
            raise InvalidSettings(
                "BAD_SETTINGS", zh=f"{name} 里没有令牌，或有 ASCII 以外的字符", en=f"{name} holds no token, or no ASCII"
            )
        words += text.split()
    return tuple(SecretStr(word) for word in words)


def _text_of(file: Path | None, variable: str) -> str | None:
    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            return stream.read(_MOST_BYTES).decode("latin-1")
    except OSError as error:
        raise InvalidSettings(
            "BAD_SETTINGS",
            zh=f"{variable}_FILE 所指的文件读不出来（{error.strerror}）",
            en=f"the file that {variable}_FILE names cannot be read ({error.strerror})",
        ) from error
