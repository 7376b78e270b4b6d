"""From gRPC's errors to the SDK's."""

from __future__ import annotations

import grpc

from soutu_client._channel import Endpoint
from soutu_client._errors import (
    BusyError,
    CallCancelledError,
    CallTimeoutError,
    DataLossError,
    InternalError,
    InvalidInputError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    NotReadyError,
    NotSupportedError,
    SoutuError,
    UnavailableError,
)
from soutu_client._language import Language, Text

__all__ = ["closed_error", "error_from_call", "timeout_error"]

_REASON_METADATA_KEY = "soutu-reason"
"""Trailing metadata key under which the services give the error's reason."""

_BY_STATUS: dict[grpc.StatusCode, type[SoutuError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInputError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInputError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: NotReadyError,
    grpc.StatusCode.UNAUTHENTICATED: NotAuthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: BusyError,
    grpc.StatusCode.DEADLINE_EXCEEDED: CallTimeoutError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DATA_LOSS: DataLossError,
    grpc.StatusCode.UNIMPLEMENTED: NotSupportedError,
    grpc.StatusCode.CANCELLED: CallCancelledError,
}

# Statuses that gRPC itself makes carry its own words, which help nobody: these stand in for them.
_OWN_TEXTS: dict[type[SoutuError], tuple[str, Text]] = {
    UnavailableError: (
        "UNREACHABLE",
        Text(
            zh="连不上搜索服务 {address}：请确认它已启动，地址和端口正确（soutu doctor 可以检查）",
            en="cannot reach the search service at {address}: check that it runs and that address and port are right"
            " (soutu doctor helps)",
        ),
    ),
    CallTimeoutError: (
        "DEADLINE_EXCEEDED",
        Text(
            zh="搜索服务 {address} 没有在规定时间内回答：请稍后再试，或放宽时限",
            en="the search service at {address} did not answer in time: try again later, or allow more time",
        ),
    ),
    BusyError: (
        "BUSY",
        Text(zh="搜索服务 {address} 正忙：请稍后再试", en="the search service at {address} is busy: try again later"),
    ),
    NotSupportedError: (
        "NOT_SUPPORTED",
        Text(
            zh="{address} 上的服务不支持这个操作：请把它升级到与客户端相同的版本",
            en="the service at {address} does not support this: update it to the client's version",
        ),
    ),
    CallCancelledError: ("CANCELLED", Text(zh="操作已取消", en="the call was cancelled")),
    InternalError: (
        "INTERNAL",
        Text(zh="搜索服务 {address} 内部出错：请查看它的日志", en="the search service at {address} failed: its log says more"),
    ),
}

_TLS_HINTS = ("handshake", "SSL", "TSI_", "Verification", "certificate", "Socket closed", "reset")

_TOO_LARGE = Text(zh="一次发送或接收的数据太大：请减少数量", en="too much data in one message: send or ask for less at a time")


def error_from_call(error: grpc.RpcError, *, endpoint: Endpoint, language: Language, is_closed: bool) -> SoutuError:
    """Return the SDK's error for a failed call.

    A call that is cancelled although the client was not closed was cut off by a service that stops.

    The message is the service's own where the error comes from the service (it then names its reason), and the SDK's where
    gRPC made it up, for instance because nothing listens at the endpoint. Where gRPC hints that TLS is the reason, the service is
    asked, since its own words help nobody.
    """
    status = error.code()
    if status is grpc.StatusCode.CANCELLED and not is_closed:
        status = grpc.StatusCode.UNAVAILABLE
    kind = _BY_STATUS.get(status, InternalError)
    details = error.details() or ""
    for pair in error.trailing_metadata() or ():
        if pair.key == _REASON_METADATA_KEY:
            return kind(details, reason=str(pair.value))
    if kind is BusyError and "larger than max" in details:
        return InvalidInputError(_TOO_LARGE.to(language), reason="MESSAGE_TOO_LARGE")
    if kind is UnavailableError and any(hint in details for hint in _TLS_HINTS):
        from soutu_client._tls_probe import tls_problem  # noqa: PLC0415 - loads ssl

        problem = tls_problem(endpoint, language)
        if problem is not None:
            return problem
    if kind in _OWN_TEXTS:
        reason, text = _OWN_TEXTS[kind]
        return kind(text.to(language).format(address=endpoint.target), reason=reason)
    return kind(details, reason=status.name)


def closed_error(language: Language) -> CallCancelledError:
    """Return the error of a call on a client that was closed."""
    reason, text = _OWN_TEXTS[CallCancelledError]
    return CallCancelledError(text.to(language), reason=reason)


def timeout_error(*, endpoint: Endpoint, language: Language) -> CallTimeoutError:
    """Return the error of calls that together took longer than they may."""
    reason, text = _OWN_TEXTS[CallTimeoutError]
    return CallTimeoutError(text.to(language).format(address=endpoint.target), reason=reason)
