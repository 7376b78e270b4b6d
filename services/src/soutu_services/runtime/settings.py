"""Settings from the environment, with errors that a person can read."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from soutu_services.runtime.errors import InvalidInput

__all__ = ["InvalidSettings", "load_settings"]

_Settings = TypeVar("_Settings", bound=BaseSettings)


class InvalidSettings(InvalidInput):
    """The settings of a service cannot be right."""


def load_settings(kind: type[_Settings], **given: Any) -> _Settings:
    """Build settings from the environment and what is given, which wins.

    Args:
        kind: Class of the settings.
        **given: Values that do not come from the environment, for instance options of a command.

    Raises:
        InvalidSettings: one line that names every wrong variable; the values, which may be secrets, are not repeated.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        delimiter = str(kind.model_config.get("env_nested_delimiter") or "__")
        problems = []
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            name = delimiter.join(str(part) for part in detail["loc"] if isinstance(part, str))
            message = detail["msg"].removeprefix("Value error, ").replace("\n", " ")
            problems.append(f"{(prefix + name).upper()}: {message}" if name else message)
        joined = "; ".join(problems)
        raise InvalidSettings("BAD_SETTINGS", zh=f"设置有误：{joined}", en=f"Wrong settings: {joined}") from None
    except ValueError as error:  # pydantic-settings wraps what it cannot parse as JSON so
        raise InvalidSettings("BAD_SETTINGS", zh=f"设置有误：{error}", en=f"Wrong settings: {error}") from None
