"""The access service on the wire: translates and delegates."""

from __future__ import annotations

import grpc
from soutu.search.v1 import access_service_pb2, access_service_pb2_grpc

from soutu_services.runtime.access import FolderAccess, Scope
from soutu_services.runtime.calls import access_of
from soutu_services.runtime.errors import InvalidInput
from soutu_services.runtime.server import ServedService
from soutu_services.search.access_control import AccessControl
from soutu_services.search.catalog.tokens import Token
from soutu_services.search.servicer_messages import timestamp
from soutu_services.search.servicer_requests import page_size_from

__all__ = ["served_access"]

_SCOPES = {
    Scope.READ: access_service_pb2.SCOPE_READ,
    Scope.WRITE: access_service_pb2.SCOPE_WRITE,
    Scope.ADMIN: access_service_pb2.SCOPE_ADMIN,
}
_SCOPE_OF = {value: scope for scope, value in _SCOPES.items()}


class _AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    def __init__(self, control: AccessControl) -> None:
        self._control = control

    def CreateToken(  # noqa: N802
        self, request: access_service_pb2.CreateTokenRequest, context: grpc.ServicerContext
    ) -> access_service_pb2.CreateTokenResponse:
        del context
        scope = _SCOPE_OF.get(request.scope)
        if scope is None:
            raise InvalidInput(
                "BAD_SCOPE", zh="令牌的权限应是 read、write、admin 之一", en="a token's scope is one of read, write and admin"
            )
        folders = [FolderAccess(folder.source, folder.folder) for folder in request.folders]
        token, secret = self._control.create(name=request.name, scope=scope, folders=folders)
        return access_service_pb2.CreateTokenResponse(token=_message(token), secret=secret)

    def ListTokens(  # noqa: N802
        self, request: access_service_pb2.ListTokensRequest, context: grpc.ServicerContext
    ) -> access_service_pb2.ListTokensResponse:
        del context
        limit = page_size_from(request.page_size, default=50, most=200)
        tokens, page_token = self._control.list_page(limit=limit, page_token_text=request.page_token)
        return access_service_pb2.ListTokensResponse(tokens=map(_message, tokens), next_page_token=page_token)

    def RevokeToken(  # noqa: N802
        self, request: access_service_pb2.RevokeTokenRequest, context: grpc.ServicerContext
    ) -> access_service_pb2.RevokeTokenResponse:
        del context
        return access_service_pb2.RevokeTokenResponse(token=_message(self._control.revoke(request.token_id)))

    def GetAccess(  # noqa: N802
        self, request: access_service_pb2.GetAccessRequest, context: grpc.ServicerContext
    ) -> access_service_pb2.GetAccessResponse:
        access = access_of(context)
        return access_service_pb2.GetAccessResponse(
            name=access.name, scope=_SCOPES[access.scope], folders=map(_folder_message, access.folders)
        )


def _message(token: Token) -> access_service_pb2.Token:
    return access_service_pb2.Token(
        token_id=token.token_id,
        name=token.name,
        scope=_SCOPES[token.scope],
        folders=map(_folder_message, token.folders),
        create_time=timestamp(token.created_at),
        use_time=timestamp(token.used_at),
        revoke_time=timestamp(token.revoked_at),
    )


def _folder_message(folder: FolderAccess) -> access_service_pb2.FolderAccess:
    return access_service_pb2.FolderAccess(source=folder.source, folder=folder.folder)


def served_access(control: AccessControl) -> ServedService:
    """Make the access service to be served."""
    servicer = _AccessServicer(control)
    name = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"].full_name
    return ServedService(
        name,
        lambda server: access_service_pb2_grpc.add_AccessServiceServicer_to_server(servicer, server),
        {
            "CreateToken": Scope.ADMIN,
            "ListTokens": Scope.ADMIN,
            "RevokeToken": Scope.ADMIN,
            "GetAccess": Scope.READ,
        },
    )
