"""A service as a program: settings from the environment, logs, an exit status and, when it is not 0, one line that says why."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Literal, TypeVar

from pydantic_settings import BaseSettings

from soutu_services.runtime.blas import use_one_blas_thread
from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text, language_of_environment
from soutu_services.runtime.logs import configure_logging
from soutu_services.runtime.settings import load_settings

__all__ = ["RESTART_STATUS", "ProgramSettings", "RestartNeeded", "run_program"]

RESTART_STATUS = 75
"""Exit status of a service that ended by itself to be started again (EX_TEMPFAIL of sysexits.h)."""

_logger = logging.getLogger(__name__)
_INTERRUPTED = 130
_RESTART = Text(zh="服务已停止，需要重新启动", en="the service has ended; it is to be started again")


class RestartNeeded(Exception):  # noqa: N818 - it is an order, not an error
    """The service has ended, and is to be started again by whatever watches over it."""


class ProgramSettings(BaseSettings):
    """What every service can be told.

    Attributes:
        log_level: What is logged.
        log_format: Lines for people or JSON objects.
    """

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"


_Settings = TypeVar("_Settings", bound=ProgramSettings)


def run_program(kind: type[_Settings], serve: Callable[[_Settings], None]) -> int:
    """Serve until told to stop.

    Args:
        kind: Class of the settings, which are read from the environment.
        serve: Serves; a ``SoutuError`` says why it cannot, ``RestartNeeded`` that it is to be started again.

    Returns:
        The exit status; when it is not 0, one line on standard error says why.
    """
    try:
        settings = load_settings(kind)
        configure_logging(settings.log_level, json=settings.log_format == "json")
        use_one_blas_thread()
        serve(settings)
    except SoutuError as error:
        _logger.debug("cannot serve", exc_info=error)
        sys.stderr.write(error.text.to(language_of_environment(os.environ)) + "\n")
        return 1
    except RestartNeeded:
        sys.stderr.write(_RESTART.to(language_of_environment(os.environ)) + "\n")
        return RESTART_STATUS
    except KeyboardInterrupt:  # before it served
        return _INTERRUPTED
    return 0
