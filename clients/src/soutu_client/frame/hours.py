"""Hours of the night, in which the screen is dimmed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

__all__ = ["Hours"]

_WRITTEN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—]\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True)
class Hours:
    """From one time of the day to another, over midnight where the first is the later one."""

    begin: time
    end: time

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what ``22:30-07:00`` says.

        Raises:
            ValueError: It says something else.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            raise ValueError(text)
        first, second, third, fourth = map(int, found.groups())
        return cls(time(first, second), time(third, fourth))

    def __contains__(self, moment: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end
