"""Structured logs: one line for people or one JSON object a record, on standard error."""

from __future__ import annotations

import json as json_module
import logging
import sys
from datetime import UTC, datetime

from soutu_services.runtime.request_ids import current_request_id

__all__ = ["configure_logging"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _OfRequest(logging.Filter):
    """Notes with each record what request it was logged for, if for any and if it does not say so itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        request_id = current_request_id()
        if request_id and not hasattr(record, "request_id"):
            record.request_id = request_id
        return True


class _JsonFormatter(logging.Formatter):
    """One JSON object a line; what is passed as ``extra`` becomes members of it."""

    def format(self, record: logging.LogRecord) -> str:
        members: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        members.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            members["traceback"] = self.formatException(record.exc_info)
        return json_module.dumps(members, ensure_ascii=False, default=str)


class _LineFormatter(logging.Formatter):
    """One line a record, with the traceback, if any, below it; ``extra`` follows as ``key=value``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        line = super().formatMessage(record)
        extra = [f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD]
        return " ".join([line, *extra])


def configure_logging(level: str, *, json: bool) -> None:
    """Send this process's logs to standard error.

    Callers never log credentials, queries or the bytes of photos. Libraries that log every request are kept to warnings.
    What is logged while a request is answered carries its id as ``request_id``.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        json: One JSON object a line instead of text for people.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_OfRequest())
    handler.setFormatter(_JsonFormatter() if json else _LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("PIL", "urllib3", "grpc"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(True)
