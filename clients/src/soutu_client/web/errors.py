"""Errors as the HTTP API tells them: ``{"reason": …, "message": …}``, one line for people, never more."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

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
    NotTrustedError,
    SoutuError,
    UnavailableError,
)
from soutu_client._language import Text
from soutu_client.web.callers import language_of
from soutu_client.web.description import allowed_methods

__all__ = ["Problem", "answer_errors", "problem_response"]

_logger = logging.getLogger(__name__)

_STATUSES: dict[type[SoutuError], int] = {
    InvalidInputError: 400,
    NotAuthenticatedError: 401,
    NotAllowedError: 403,
    NotFoundError: 404,
    NotReadyError: 409,
    BusyError: 429,
    DataLossError: 500,
    InternalError: 500,
    NotSupportedError: 501,
    NotTrustedError: 502,
    CallCancelledError: 503,
    UnavailableError: 503,
    CallTimeoutError: 504,
}
_BAD_REQUEST = Text(zh="这个请求写得不对：{where}", en="the request cannot be right: {where}")
_NO_SUCH_PAGE = Text(zh="没有这个地址", en="there is nothing at this address")
_WRONG_METHOD = Text(zh="这个地址不能这样用", en="this address is not used in this way")
_FAILED = Text(zh="网页服务内部出错，详情见它的日志", en="the web server failed; its log says more")


class Problem(BaseModel):
    """What went wrong: ``reason`` for programs, ``message`` for people."""

    reason: str
    message: str


def problem_response(status: int, reason: str, message: str) -> JSONResponse:
    """Return an answer that tells of an error."""
    return JSONResponse(Problem(reason=reason, message=message).model_dump(), status_code=status)


def answer_errors(application: FastAPI) -> None:
    """Have an application answer all errors so."""

    @application.exception_handler(SoutuError)
    def of_soutu(_request: Request, error: SoutuError) -> JSONResponse:
        status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)
        if error.reason == "TOO_LARGE":
            status = 413
        return problem_response(status, error.reason, error.message)

    @application.exception_handler(RequestValidationError)
    def of_validation(request: Request, error: RequestValidationError) -> JSONResponse:
        allowed = allowed_methods(application, request.url.path)
        if allowed and request.method not in allowed:  # "GET /api/photos/delete" is none of a photo called "delete"
            return of_http(request, HTTPException(405))
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str | int))[:80] or str(first["loc"][0])
        return problem_response(400, "BAD_REQUEST", _BAD_REQUEST.to(language_of(request)).format(where=where))

    @application.exception_handler(UnicodeEncodeError)
    def of_no_text(request: Request, _error: UnicodeEncodeError) -> JSONResponse:
        """Half a surrogate pair is no text (RFC 8259, section 8.2): a message cannot hold it."""
        return problem_response(400, "BAD_REQUEST", _BAD_REQUEST.to(language_of(request)).format(where="Unicode"))

    @application.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 413:
            return problem_response(413, "TOO_LARGE", error.detail)
        text = _WRONG_METHOD if error.status_code == 405 else _NO_SUCH_PAGE if error.status_code == 404 else _BAD_REQUEST
        message = text.to(language_of(request)).format(where=error.status_code)
        answer = problem_response(error.status_code, f"HTTP_{error.status_code}", message)
        answer.headers.update(error.headers or {})
        if error.status_code == 405:  # the framework names those of the first route that fits
            answer.headers["allow"] = ", ".join(allowed_methods(application, request.url.path)) or answer.headers.get("allow", "")
        return answer

    @application.exception_handler(ClientDisconnect)
    def of_leaving(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    @application.exception_handler(Exception)
    def of_bug(request: Request, error: Exception) -> JSONResponse:
        _logger.error("a request failed", exc_info=error)
        return problem_response(500, "INTERNAL", _FAILED.to(language_of(request)))
