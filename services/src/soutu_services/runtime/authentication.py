"""Who calls: bearer tokens in the metadata of a call (RFC 6750, section 2.1), and whether the token allows the method."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Protocol

from pydantic import SecretStr

from soutu_services.runtime.access import FULL_ACCESS, Access, Scope
from soutu_services.runtime.errors import NotAllowed, NotAuthenticated

__all__ = [
    "AUTHORIZATION_KEY",
    "Anyone",
    "Authenticator",
    "SharedSecrets",
    "authorization",
    "bearer_secret",
    "check_scope",
    "secret_digest",
    "token_invalid",
    "token_missing",
]

AUTHORIZATION_KEY = "authorization"
"""gRPC metadata key of the token."""

_SCHEME = "bearer "
_SCOPE_NAMES = {Scope.READ: ("查看", "read"), Scope.WRITE: ("修改", "write"), Scope.ADMIN: ("管理", "admin")}


class Authenticator(Protocol):
    """Says what the caller of a call may do."""

    def authenticate(self, secret: str | None) -> Access:
        """Return what the holder of a secret (None: none was presented) may do.

        Called for each call on the one thread that takes calls in: it must answer from memory.

        Raises:
            NotAuthenticated: a secret is needed, or this one is not valid.
        """

    def is_valid(self, access: Access) -> bool:
        """Say whether what was allowed still is; asked in the middle of streams."""

    def note_use(self, access: Access) -> None:
        """Remember that a token is used; called before each call's handler, on its thread. Must not fail."""


class Anyone:
    """Asks for no token; what is presented is not looked at."""

    def authenticate(self, secret: str | None) -> Access:
        """Allow everything."""
        del secret
        return FULL_ACCESS

    def is_valid(self, access: Access) -> bool:
        """Say that nothing is taken back."""
        del access
        return True

    def note_use(self, access: Access) -> None:
        """Remember nothing."""


class SharedSecrets:
    """Takes any of a few secrets from the settings; all of them may do everything. Keeps their digests alone."""

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        self._digests = tuple(secret_digest(secret.get_secret_value()) for secret in secrets)

    def authenticate(self, secret: str | None) -> Access:
        """Allow everything to who knows a secret.

        Raises:
            NotAuthenticated: none was presented, or another.
        """
        if secret is None:
            raise token_missing()
        presented = secret_digest(secret)
        if sum(hmac.compare_digest(presented, digest) for digest in self._digests) == 0:  # looks at all, whichever it is
            raise token_invalid()
        return FULL_ACCESS

    def is_valid(self, access: Access) -> bool:
        """Say that nothing is taken back while the process runs."""
        del access
        return True

    def note_use(self, access: Access) -> None:
        """Remember nothing."""


def secret_digest(secret: str) -> bytes:
    """Return what is kept of a secret, 32 bytes.

    Plain SHA-256 is right here, where a password would need salt and a slow hash: a token is 256 random bits, so nobody can try
    them all, no two are alike, and each call can afford it.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def bearer_secret(metadata: Sequence[tuple[str, str | bytes]] | None) -> str | None:
    """Return the token that a call presents; None if it presents none. Anything that is no bearer token is a wrong one."""
    values = [value for key, value in metadata or () if key == AUTHORIZATION_KEY]
    if not values:
        return None
    value = values[0] if isinstance(values[0], str) else values[0].decode("ascii", "replace")
    if len(values) > 1 or not value.lower().startswith(_SCHEME):
        return ""
    return value[len(_SCHEME) :].strip()


def authorization(secret: str) -> tuple[str, str]:
    """Return the metadata that presents a token."""
    return AUTHORIZATION_KEY, f"Bearer {secret}"


def check_scope(access: Access, needed: Scope) -> None:
    """Raise unless a caller may call a method.

    Raises:
        NotAllowed: the method needs a greater scope.
    """
    if access.scope < needed:
        (zh, en), (has_zh, has_en) = _SCOPE_NAMES[needed], _SCOPE_NAMES[access.scope]
        raise NotAllowed(
            "SCOPE_TOO_SMALL",
            zh=f"令牌“{access.name}”的权限是“{has_zh}”，这项操作需要“{zh}”；请向管理员要一个权限更大的令牌",
            en=f'the token "{access.name}" allows "{has_en}", and this needs "{en}"; ask the administrator for a token that does',
        )


def token_missing() -> NotAuthenticated:
    """Return the error of a call that presents no token where one is needed."""
    return NotAuthenticated(
        "TOKEN_MISSING",
        zh="这个服务需要令牌：请向管理员要一个，再设置 SOUTU_TOKEN（或用 --token-file）",
        en="this service needs a token: ask the administrator for one and set SOUTU_TOKEN (or use --token-file)",
    )


def token_invalid() -> NotAuthenticated:
    """Return the error of a call whose token is unknown or was revoked; which of the two is nobody's business."""
    return NotAuthenticated(
        "TOKEN_INVALID",
        zh="令牌无效或已被收回：请向管理员要一个新的",
        en="the token is not valid or was revoked: ask the administrator for a new one",
    )
