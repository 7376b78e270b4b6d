"""A module that is loaded when something of it is first asked for."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Later"]


class Later:
    """Stands for a module that most programs do not need: on a small machine loading it takes longer than a search.

    Unlike ``importlib.util.LazyLoader`` it can be used from several threads on every Python that is supported.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Load the module, and return what it has under this name."""
        return getattr(importlib.import_module(self._name), attribute)
