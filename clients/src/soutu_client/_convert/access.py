"""Tokens and what they allow."""

from __future__ import annotations

from collections.abc import Iterable

from soutu.search.v1 import access_service_pb2

from soutu_client._convert.values import member, when
from soutu_client.access_models import Access, FolderAccess, NewToken, Scope, Token, TokenPage

__all__ = [
    "access",
    "access_request",
    "create_request",
    "new_token",
    "revoke_request",
    "revoked",
    "token_page",
    "tokens_request",
]


def access_request() -> access_service_pb2.GetAccessRequest:
    """Return a request for what the caller may do."""
    return access_service_pb2.GetAccessRequest()


def access(message: access_service_pb2.GetAccessResponse) -> Access:
    """Return what the caller may do."""
    return Access(name=message.name, scope=_scope(message.scope), folders=_folders(message.folders))


def create_request(*, name: str, scope: Scope, folders: Iterable[FolderAccess]) -> access_service_pb2.CreateTokenRequest:
    """Return a request for a token."""
    return access_service_pb2.CreateTokenRequest(
        name=name,
        scope=access_service_pb2.Scope.Value(f"SCOPE_{scope.value}" if scope is not Scope.UNKNOWN else "SCOPE_UNSPECIFIED"),
        folders=[access_service_pb2.FolderAccess(source=each.source, folder=each.folder) for each in folders],
    )


def new_token(message: access_service_pb2.CreateTokenResponse) -> NewToken:
    """Return a new token with its secret."""
    return NewToken(token=_token(message.token), secret=message.secret)


def tokens_request(*, page_size: int, page_token: str) -> access_service_pb2.ListTokensRequest:
    """Return a request for a page of tokens."""
    return access_service_pb2.ListTokensRequest(page_size=page_size, page_token=page_token)


def token_page(message: access_service_pb2.ListTokensResponse) -> TokenPage:
    """Return a page of tokens."""
    return TokenPage(tokens=tuple(_token(each) for each in message.tokens), next_page_token=message.next_page_token)


def revoke_request(token_id: str) -> access_service_pb2.RevokeTokenRequest:
    """Return a request to end a token."""
    return access_service_pb2.RevokeTokenRequest(token_id=token_id)


def revoked(message: access_service_pb2.RevokeTokenResponse) -> Token:
    """Return the token that was ended."""
    return _token(message.token)


def _token(message: access_service_pb2.Token) -> Token:
    return Token(
        token_id=message.token_id,
        name=message.name,
        scope=_scope(message.scope),
        folders=_folders(message.folders),
        created_at=when(message, "create_time"),
        used_at=when(message, "use_time"),
        revoked_at=when(message, "revoke_time"),
    )


def _scope(value: int) -> Scope:
    return member(Scope, access_service_pb2.Scope.DESCRIPTOR, value, "SCOPE_") or Scope.UNKNOWN


def _folders(messages: Iterable[access_service_pb2.FolderAccess]) -> tuple[FolderAccess, ...]:
    return tuple(FolderAccess(folder=each.folder, source=each.source) for each in messages)
