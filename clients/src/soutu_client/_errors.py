"""Errors that the SDK raises, each with its gRPC status.

    SoutuError
    ├── InvalidInputError      INVALID_ARGUMENT: what was sent cannot be right
    │   └── FileChangedError   (no status): the file changed while it was read
    ├── NotFoundError          NOT_FOUND
    ├── NotReadyError          FAILED_PRECONDITION: something else must be done first
    ├── NotAuthenticatedError  UNAUTHENTICATED: no token, or one that is not valid
    ├── NotAllowedError        PERMISSION_DENIED: the token does not allow this
    ├── NotTrustedError        (no status): TLS with the service does not come about, or is missing
    ├── BusyError              RESOURCE_EXHAUSTED: a queue or a disk is full
    ├── CallTimeoutError       DEADLINE_EXCEEDED; also a TimeoutError
    ├── UnavailableError       UNAVAILABLE: the service, or what it needs, does not answer
    ├── DataLossError          DATA_LOSS: stored bytes are gone or are not what they were
    ├── NotSupportedError      UNIMPLEMENTED: the service is older than this client
    ├── CallCancelledError     CANCELLED: the client was closed
    └── InternalError          INTERNAL and any other

A file that cannot be read raises the ``OSError`` of the operating system.
"""

from __future__ import annotations

__all__ = [
    "BusyError",
    "CallCancelledError",
    "CallTimeoutError",
    "DataLossError",
    "FileChangedError",
    "InternalError",
    "InvalidInputError",
    "NotAllowedError",
    "NotAuthenticatedError",
    "NotFoundError",
    "NotReadyError",
    "NotSupportedError",
    "NotTrustedError",
    "SoutuError",
    "UnavailableError",
]


class SoutuError(Exception):
    """Something went wrong that a person or a program can react to.

    Attributes:
        reason: For programs, upper case with underscores, for instance ``PHOTO_NOT_FOUND``; unchanged between versions.
        message: One line for people, in the client's language.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class InvalidInputError(SoutuError):
    """What was sent cannot be right, whatever the state of the service."""


class FileChangedError(InvalidInputError):
    """A file changed while it was read."""


class NotFoundError(SoutuError):
    """What was named does not exist."""


class NotReadyError(SoutuError):
    """Not possible in the present state; something else must be done first."""


class NotAuthenticatedError(SoutuError):
    """The service does not know who calls: no token was presented, or one that is not valid."""


class NotAllowedError(SoutuError):
    """The token does not allow this."""


class NotTrustedError(SoutuError):
    """The service cannot prove that it is the one that is meant, or the connection would not be encrypted. Nothing was sent."""


class BusyError(SoutuError):
    """A queue or a disk is full; less, or later."""


class CallTimeoutError(SoutuError, TimeoutError):
    """The answer did not come before the deadline."""


class UnavailableError(SoutuError):
    """The service, or something it needs, does not answer now."""


class DataLossError(SoutuError):
    """Stored bytes are gone or are not what they were."""


class NotSupportedError(SoutuError):
    """The service does not know this call: it is older than the client."""


class CallCancelledError(SoutuError):
    """The call was ended by closing the client."""


class InternalError(SoutuError):
    """The service failed in a way that it did not foresee; its log says more."""
