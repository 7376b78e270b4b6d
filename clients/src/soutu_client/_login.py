"""How a client is known to the service, and the service to it: the token and the home's authority."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from soutu_client._errors import InvalidInputError
from soutu_client._language import Language, Text

if TYPE_CHECKING:
    from soutu_client._saved_login import SavedLogin

__all__ = [
    "ALLOW_PLAINTEXT_VARIABLE",
    "AUTHORITY_VARIABLE",
    "TOKEN_FILE_VARIABLE",
    "TOKEN_VARIABLE",
    "Login",
    "checked_authority",
    "checked_token",
]

TOKEN_VARIABLE = "SOUTU_TOKEN"  # noqa: S105 - names of variables
TOKEN_FILE_VARIABLE = "SOUTU_TOKEN_FILE"  # noqa: S105
AUTHORITY_VARIABLE = "SOUTU_AUTHORITY"
ALLOW_PLAINTEXT_VARIABLE = "SOUTU_ALLOW_PLAINTEXT"

_NO_TOKEN = Text(
    zh="这不是令牌：应是一行字母、数字和符号，以 soutu_ 开头",
    en="this is no token: it is one line of letters, digits and signs, and begins with soutu_",
)
_NO_AUTHORITY = Text(
    zh="文件 {path} 里没有证书：请用 soutu-certificates 生成的 ca.pem",
    en="the file {path} holds no certificate: use the ca.pem that soutu-certificates made",
)


@dataclass(frozen=True)
class Login:
    """What a connection needs beside the address.

    Attributes:
        token: Says who calls; empty: nobody.
        authority: Certificates (PEM) by which the service is known; None: the system's, and no TLS unless the address says so.
        allow_plaintext: Whether the token may go to another machine unencrypted.
    """

    token: str = field(default="", repr=False)
    authority: bytes | None = field(default=None, repr=False)
    allow_plaintext: bool = False

    @classmethod
    def of(
        cls,
        *,
        token: str | None,
        authority: str | Path | None,
        allow_plaintext: bool | None,
        environment: Mapping[str, str],
        language: Language,
        saved: SavedLogin | None = None,
    ) -> Self:
        """Gather what is given, else what the environment says, else what ``soutu login`` kept for the same address.

        Raises:
            InvalidInputError: The token or the authority cannot be one.
            OSError: A file cannot be read.
        """
        if token is None:
            token = environment.get(TOKEN_VARIABLE, "")
            file = environment.get(TOKEN_FILE_VARIABLE, "")
            if not token.strip() and file:
                token = Path(file).expanduser().read_text(encoding="utf-8", errors="replace")
            elif not token.strip() and saved is not None:
                token = saved.token
        authority = authority or environment.get(AUTHORITY_VARIABLE) or None
        if allow_plaintext is None:
            allow_plaintext = environment.get(ALLOW_PLAINTEXT_VARIABLE, "").strip().lower() in {"1", "true", "yes", "on"}
        certificates = _read_authority(authority, language)
        if certificates is None and saved is not None and saved.authority:
            certificates = saved.authority.encode()
        return cls(checked_token(token.strip(), language), certificates, allow_plaintext)

    @staticmethod
    def has_token(token: str | None, environment: Mapping[str, str]) -> bool:
        """Whether it is given who calls, nobody included."""
        return token is not None or any(environment.get(name, "").strip() for name in (TOKEN_VARIABLE, TOKEN_FILE_VARIABLE))

    @staticmethod
    def has_authority(authority: str | Path | None, environment: Mapping[str, str]) -> bool:
        """Whether an authority is given."""
        return bool(authority or environment.get(AUTHORITY_VARIABLE))

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What each call carries (RFC 6750)."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def checked_token(token: str, language: Language) -> str:
    """Return the token; gRPC would repeat one with other characters in its error.

    Raises:
        InvalidInputError: It cannot be one.
    """
    if token and not re.fullmatch(r"[\x21-\x7e]{1,512}", token):
        raise InvalidInputError(_NO_TOKEN.to(language), reason="BAD_TOKEN")
    return token


def _read_authority(path: str | Path | None, language: Language) -> bytes | None:
    if path is None:
        return None
    return checked_authority(Path(path).expanduser().read_bytes(), path, language)


def checked_authority(data: bytes, path: str | Path, language: Language) -> bytes:
    """Return certificates (PEM) that a file holds; gRPC would write lines of its own about others, and time out.

    Raises:
        InvalidInputError: They are none.
    """
    import ssl  # noqa: PLC0415 - slow to load, and most homes of one machine need none

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInputError(_NO_AUTHORITY.to(language).format(path=path), reason="BAD_AUTHORITY") from error
    return data
