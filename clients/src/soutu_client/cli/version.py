"""The version of this client."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["client_version"]


def client_version() -> str:
    """Return the version of the installed distribution; empty when it runs from a source tree."""
    try:
        return version("soutu-client")
    except PackageNotFoundError:
        return ""
