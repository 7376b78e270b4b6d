"""Calls to the search service: each with a deadline, a language, and the SDK's own errors."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from soutu.search.v1 import access_service_pb2_grpc, library_service_pb2_grpc, photo_service_pb2_grpc, search_service_pb2_grpc

from soutu_client._call_errors import closed_error, error_from_call, timeout_error
from soutu_client._channel import Endpoint, endpoint_of, open_channel
from soutu_client._errors import CallTimeoutError, SoutuError, UnavailableError
from soutu_client._language import Language
from soutu_client._login import Login

__all__ = ["Calls"]

_REQUEST_ID_KEY = "soutu-request-id"  # the services' logs name it

_LOST = frozenset({"UNREACHABLE", "DEADLINE_EXCEEDED"})
"""Reasons of errors that gRPC made, not the service."""

Q = TypeVar("Q")
R = TypeVar("R")


class Calls:
    """A channel, its stubs, and how each kind of call is made.

    Args:
        address: Where the service is, written or found.
        timeout_seconds: How long a call may take.
        language: Of messages.
        login: Token and authority.
        find_again: Asked where the service is now, after a call could not reach it; None: not known.
    """

    def __init__(
        self,
        address: str | Endpoint,
        *,
        timeout_seconds: float,
        language: Language,
        login: Login | None = None,
        find_again: Callable[[], Endpoint | None] | None = None,
    ) -> None:
        login = login or Login()
        self.timeout_seconds = timeout_seconds
        self.language = language
        self._find_again = find_again
        self._is_closed = False
        self._left: list[grpc.Channel] = []
        self._moving = threading.Lock()
        self._of_every_call = (("accept-language", language), *login.metadata)
        self._connect(address if isinstance(address, Endpoint) else endpoint_of(address, login, language))

    def _connect(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._channel = open_channel(endpoint)
        self.photos = photo_service_pb2_grpc.PhotoServiceStub(self._channel)
        self.search = search_service_pb2_grpc.SearchServiceStub(self._channel)
        self.access = access_service_pb2_grpc.AccessServiceStub(self._channel)
        self.library = library_service_pb2_grpc.LibraryServiceStub(self._channel)

    @property
    def address(self) -> str:
        """``host:port`` of the service."""
        return self.endpoint.target

    def close(self) -> None:
        """Close the channel; calls in flight end as cancelled."""
        with self._moving:
            self._is_closed = True
            for channel in (self._channel, *self._left):
                channel.close()

    def unary(self, method: grpc.UnaryUnaryMultiCallable[Q, R], request: Q, *, timeout_seconds: float | None = None) -> R:
        """Make a call with one answer."""
        with self._own_errors():
            return method(request, timeout=timeout_seconds or self.timeout_seconds, metadata=self._metadata())

    def sending(self, method: grpc.StreamUnaryMultiCallable[Q, R], requests: Iterator[Q], *, timeout_seconds: float) -> R:
        """Make a call that streams to the service. ``requests`` must not raise: gRPC would only log it."""
        with self._own_errors():
            return method(requests, timeout=timeout_seconds, metadata=self._metadata())

    def receiving(self, method: grpc.UnaryStreamMultiCallable[Q, R], request: Q, *, timeout_seconds: float) -> Generator[R]:
        """Make a call that streams from the service. Closing the iterator ends the call."""
        with self._own_errors():
            call = method(request, timeout=timeout_seconds, metadata=self._metadata())
            try:
                yield from call
            finally:
                call.cancel()

    def timed_out(self) -> CallTimeoutError:
        """Return the error of calls that together took longer than they may."""
        return timeout_error(endpoint=self.endpoint, language=self.language)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        """Make a call's metadata, with an id of its own."""
        return (*self._of_every_call, (_REQUEST_ID_KEY, uuid.uuid4().hex))

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            told = error_from_call(error, endpoint=self.endpoint, language=self.language, is_closed=self._is_closed)
            self._follow(told)
            raise told from None
        except ValueError:
            if self._is_closed:  # gRPC's way to say so
                raise closed_error(self.language) from None
            raise

    def _follow(self, error: SoutuError) -> None:
        """Connect to where the service is now, if this error may mean that it has moved. Calls that run stay where they are."""
        is_lost = isinstance(error, UnavailableError | CallTimeoutError) and error.reason in _LOST
        found = self._find_again() if is_lost and self._find_again is not None and not self._is_closed else None
        if found is None:
            return
        with self._moving:
            if found != self.endpoint and not self._is_closed:
                self._left.append(self._channel)
                self._connect(found)
