"""Errors that the services tell their callers, each with its gRPC status.

Message texts tell a person what to do, in one line, in both languages, and never hold a path of the server, a key or a traceback.
Anything that is not a ``SoutuError`` becomes ``INTERNAL`` with a fixed message; its traceback goes to the log.

    SoutuError
    ├── InvalidInput          INVALID_ARGUMENT
    ├── NotAuthenticated      UNAUTHENTICATED
    ├── NotAllowed            PERMISSION_DENIED
    ├── NotFound              NOT_FOUND
    ├── FailedPrecondition    FAILED_PRECONDITION
    ├── Overloaded            RESOURCE_EXHAUSTED
    ├── DeadlinePassed        DEADLINE_EXCEEDED
    ├── Unavailable           UNAVAILABLE
    └── DataLoss              DATA_LOSS
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from soutu_services.runtime.language import Text

__all__ = [
    "REASON_METADATA_KEY",
    "DataLoss",
    "DeadlinePassed",
    "FailedPrecondition",
    "InvalidInput",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "Overloaded",
    "SoutuError",
    "Unavailable",
]

REASON_METADATA_KEY = "soutu-reason"
"""Trailing metadata key under which a program finds the error's reason."""


class SoutuError(Exception):
    """An error that a caller can do something about.

    Attributes:
        reason: For programs, upper case with underscores, for instance ``PHOTO_NOT_FOUND``; unchanged between versions.
        text: For people.
    """

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL

    def __init__(self, reason: str, *, zh: str, en: str) -> None:
        super().__init__(f"{reason}: {en}")
        self.reason = reason
        self.text = Text(zh=zh, en=en)


class InvalidInput(SoutuError):
    """What the caller sent cannot be right, whatever the state of the service."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class NotAuthenticated(SoutuError):
    """The caller presented no token, or one that is not valid."""

    status = grpc.StatusCode.UNAUTHENTICATED


class NotAllowed(SoutuError):
    """The caller's token does not allow this."""

    status = grpc.StatusCode.PERMISSION_DENIED


class NotFound(SoutuError):
    """What the caller named does not exist."""

    status = grpc.StatusCode.NOT_FOUND


class FailedPrecondition(SoutuError):
    """Not possible in the present state; something else must be done first."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class Overloaded(SoutuError):
    """A queue or a disk is full; less, or later."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED


class DeadlinePassed(SoutuError):
    """The caller's deadline passed before the work was begun."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class Unavailable(SoutuError):
    """Something this service needs does not answer now."""

    status = grpc.StatusCode.UNAVAILABLE


class DataLoss(SoutuError):
    """Stored bytes are gone or are not what they were."""

    status = grpc.StatusCode.DATA_LOSS
