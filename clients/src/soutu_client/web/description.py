"""The API's description of itself (OpenAPI 3.1), and what follows from it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import StringConstraints

__all__ = ["PageToken", "allowed_methods", "describe"]

PageToken = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[A-Za-z0-9_=-]*$")]
"""Where a page of a list begins; empty: the first."""

# The clock of the place where a photo was taken: no time zone belongs to it, and RFC 3339's date-time would want one.
_LOCAL_TIME = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$",
    "title": "Local Time",
    "description": "Date and time on the clock of the place where it was taken.",
    "examples": ["2019-05-01T12:30:00"],
}


def describe(application: FastAPI) -> None:
    """Have an application describe itself as its answers are."""
    made = application.openapi

    def description() -> dict[str, Any]:
        found = made()
        found["components"]["schemas"]["Taken"]["properties"]["local_time"] = _LOCAL_TIME
        return found

    application.openapi = description  # type: ignore[method-assign]


def allowed_methods(application: FastAPI, path: str) -> list[str]:
    """Return by which methods a path of the API can be asked (RFC 9110, section 10.2.1); none: it is no path of the API."""
    paths = application.openapi()["paths"]
    if path not in paths:
        path = next((one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)), "")
    return sorted(method.upper() for method in paths.get(path, {}))
