"""Health calls, which need no token: bounded from their start, so that a stranger cannot keep the workers from all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from soutu_services.runtime.access import FULL_ACCESS
from soutu_services.runtime.call_shares import CallShares, client_of
from soutu_services.runtime.errors import InvalidInput, SoutuError

__all__ = ["HealthCalls", "request_missing"]

_ALL = "all"


class HealthCalls:
    """Bounds the health calls whose request has not arrived: each holds a worker until it does, and it may never.

    Args:
        most: Of all machines together; one machine may have half of them, so that it leaves some to the others.
    """

    def __init__(self, most: int) -> None:
        self._all = CallShares(most)
        self._of_machines = CallShares(max(1, most // 2))

    def bounded(self, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        """Return a handler of one request as one of a stream of requests, which is the same on the wire and starts at once."""
        behaviour: Any = handler.unary_stream if handler.response_streaming else handler.unary_unary

        def answer(requests: Iterator[Any], context: grpc.ServicerContext, *send: Any) -> Any:
            try:
                with self._all.share(_ALL), self._of_machines.share(client_of(FULL_ACCESS, context)):
                    request = next(requests, None)
                if request is None:
                    raise request_missing()
            except SoutuError as refusal:
                context.abort(refusal.status, refusal.text.en)
            return behaviour(request, context, *send)

        if not handler.response_streaming:
            return grpc.stream_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)
        # Watch sends its answers from wherever the health changes, and keeps no worker in between.
        answer.experimental_non_blocking = getattr(behaviour, "experimental_non_blocking", False)  # type: ignore[attr-defined]
        return grpc.stream_stream_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def request_missing() -> InvalidInput:
    """Return the error of a call that ends before its request."""
    return InvalidInput("REQUEST_MISSING", zh="请求没有内容，请检查客户端", en="the call brought no request; check the client")
