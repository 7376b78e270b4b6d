"""Which version runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["service_version"]


def service_version() -> str:
    """Return the version of the installed services; "0" when they run from the source tree."""
    try:
        return version("soutu-services")
    except PackageNotFoundError:
        return "0"
