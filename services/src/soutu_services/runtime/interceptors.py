"""The one interceptor: who calls is checked, errors become statuses in the caller's language, calls are counted and timed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import grpc

from soutu_services.runtime.access import Access, Scope
from soutu_services.runtime.authentication import Anyone, Authenticator, bearer_secret, check_scope, token_invalid
from soutu_services.runtime.call_shares import CallShares, client_of
from soutu_services.runtime.calls import language_of, seconds_left, set_access
from soutu_services.runtime.errors import REASON_METADATA_KEY, SoutuError
from soutu_services.runtime.health_calls import HealthCalls, request_missing
from soutu_services.runtime.language import Text
from soutu_services.runtime.metrics import CALL_SECONDS, CALLS, CALLS_IN_PROGRESS, REFUSALS
from soutu_services.runtime.request_ids import request_id_of, working_on

__all__ = ["INTERNAL_REASON", "CallInterceptor"]

INTERNAL_REASON = "INTERNAL"
"""Reason that goes with an error nobody foresaw."""

_HEALTH = "/grpc.health."  # open to all, not counted: probes are noise
_REFLECTION = "/grpc.reflection."

_Handler = grpc.RpcMethodHandler
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_logger = logging.getLogger(__name__)


class CallInterceptor(grpc.ServerInterceptor):
    """Stands around every call but the health's, whether it takes or returns one message or a stream."""

    def __init__(
        self,
        scopes: Mapping[str, Scope] | None = None,
        authenticator: Authenticator | None = None,
        *,
        calls_per_client: int = 1 << 30,
        health_calls: int = 1 << 30,
    ) -> None:
        """Set who may call what.

        Args:
            scopes: What each method needs, by its full name (``/soutu.search.v1.SearchService/SearchPhotos``). A method that is
                missing here needs ADMIN.
            authenticator: Says who calls; None: anyone may do everything.
            calls_per_client: Calls that one client may have under way.
            health_calls: Health calls that may wait for their request, of all clients together.
        """
        self._scopes = scopes or {}
        self._authenticator = authenticator or Anyone()
        self._shares = CallShares(calls_per_client)
        self._health = HealthCalls(health_calls)
        self._running = 0
        self._ended = threading.Condition()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until no call runs and every answer is sent; return whether that came true in time."""
        with self._ended:
            return self._ended.wait_for(lambda: self._running == 0, timeout_seconds)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler[_Request, _Response] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler[_Request, _Response] | None:
        """Check who calls, then wrap the handler of the call.

        The check is here, before a byte of the request is read: whoever may not call cannot make the service read or parse it.
        Every handler is one of a stream of requests, which is the same on the wire: so the call is counted, and bounded, from its
        start, and not only once its request has arrived.
        """
        method = handler_call_details.method
        if method.startswith(_HEALTH):
            health = continuation(handler_call_details)
            return None if health is None else self._health.bounded(health)
        try:
            access = self._authenticator.authenticate(bearer_secret(handler_call_details.invocation_metadata))
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            check_scope(access, self._scope_of(method))
        except SoutuError as refusal:
            return self._refusing(method, refusal)
        behaviour: Callable[[Any, grpc.ServicerContext], Any] | None
        if handler.response_streaming:
            behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
            assert behaviour is not None
            stream = self._streaming(method, access, behaviour if handler.request_streaming else _of_one_request(behaviour))
            return grpc.stream_stream_rpc_method_handler(stream, handler.request_deserializer, handler.response_serializer)
        behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
        assert behaviour is not None
        single = self._single(method, access, behaviour if handler.request_streaming else _of_one_request(behaviour))
        return grpc.stream_unary_rpc_method_handler(single, handler.request_deserializer, handler.response_serializer)

    def _scope_of(self, method: str) -> Scope:
        """Return what a method needs. Reflection tells no more than the protos do, but to nobody who may not call at all."""
        return Scope.READ if method.startswith(_REFLECTION) else self._scopes.get(method, Scope.ADMIN)

    def _refusing(self, method: str, refusal: SoutuError) -> _Handler[Any, Any]:
        """Return a handler that ends the call with an error: one for streams reads no request."""
        label = method if method in self._scopes else "unknown"  # or strangers could fill the metrics with names of their own

        def refuse(requests: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            del requests
            with self._observed(label, context):
                raise refusal
            yield

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _single(
        self, method: str, access: Access, behaviour: Callable[[Any, grpc.ServicerContext], Any]
    ) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            with self._observed(method, context), self._shares.share(client_of(access, context)):
                self._enter(access, context)
                return behaviour(request, context)

        return answer

    def _streaming(
        self, method: str, access: Access, behaviour: Callable[[Any, grpc.ServicerContext], Iterator[Any]]
    ) -> Callable[[Any, grpc.ServicerContext], Iterator[Any]]:
        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._observed(method, context), self._shares.share(client_of(access, context)):
                self._enter(access, context)
                messages = behaviour(request, context)
                try:
                    for message in messages:
                        if not self._authenticator.is_valid(access):  # a token that is revoked ends its streams as well
                            raise token_invalid()
                        yield message
                finally:
                    if isinstance(messages, Generator):
                        messages.close()

        return answer

    def _enter(self, access: Access, context: grpc.ServicerContext) -> None:
        set_access(context, access)
        self._authenticator.note_use(access)

    @contextmanager
    def _observed(self, method: str, context: grpc.ServicerContext) -> Iterator[None]:
        """Count, time and log what happens inside, and turn its errors into the call's status."""
        with working_on(request_id_of(context.invocation_metadata())) as request_id, self._counted(method, context, request_id):
            yield

    @contextmanager
    def _counted(self, method: str, context: grpc.ServicerContext, request_id: str) -> Iterator[None]:
        code = grpc.StatusCode.OK
        begun = time.perf_counter()
        in_progress = CALLS_IN_PROGRESS.labels(method)
        in_progress.inc()
        with self._ended:
            self._running += 2
        if not context.add_callback(self._one_less):  # called once the answer is sent, or nobody waits for it any more
            self._one_less()
        try:
            yield
            code = _code_set_by_handler(context) or code
        except GeneratorExit:  # the caller left in the middle of a stream
            code = _code_of_a_left_call(context)
            raise
        except Exception as error:
            set_code = _code_set_by_handler(context)
            if set_code is not None:  # the handler has called context.abort itself
                code = set_code
                raise
            if not context.is_active():  # nobody reads the answer; what broke in its handler is most likely just that
                code = _code_of_a_left_call(context)
                _logger.debug("%s: the caller left: %r", method, error)
                context.abort(code, "")
            if isinstance(error, SoutuError):
                code = error.status
                REFUSALS.labels(error.reason).inc()
                _logger.debug("%s refused: %s", method, error)
                _abort(context, code, error.reason, error.text)
            code = grpc.StatusCode.INTERNAL
            _logger.exception("%s failed", method)
            _abort(context, code, INTERNAL_REASON, _internal_text(request_id))
        finally:
            in_progress.dec()
            CALLS.labels(method, code.name).inc()
            seconds = time.perf_counter() - begun
            CALL_SECONDS.labels(method).observe(seconds)
            _logger.debug("%s ended with %s after %.3f s", method, code.name, seconds)
            self._one_less()

    def _one_less(self) -> None:
        """Note that a handler has ended, or that its call has: an answer is not sent yet when its handler ends."""
        with self._ended:
            self._running -= 1
            self._ended.notify_all()


def _of_one_request(behaviour: Callable[[Any, grpc.ServicerContext], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    """Make a handler of one request one of a stream of requests, of which it takes the first."""

    def answer(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        for request in requests:
            return behaviour(request, context)
        raise request_missing()

    return answer


def _internal_text(request_id: str) -> Text:
    return Text(
        zh=f"服务内部出错，原因已写入服务的日志（请求编号 {request_id}）。请稍后再试。",
        en=f"Something went wrong inside the service; its log says what (request {request_id}). Please try again later.",
    )


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, reason: str, text: Text) -> NoReturn:
    metadata: Any = ((REASON_METADATA_KEY, reason),)
    context.set_trailing_metadata(metadata)
    context.abort(code, text.to(language_of(context)))


def _code_set_by_handler(context: grpc.ServicerContext) -> grpc.StatusCode | None:
    code: grpc.StatusCode | None = context.code()  # type: ignore[attr-defined]  # the stubs lack it
    return code


def _code_of_a_left_call(context: grpc.ServicerContext) -> grpc.StatusCode:
    return grpc.StatusCode.DEADLINE_EXCEEDED if seconds_left(context) <= 0 else grpc.StatusCode.CANCELLED
