"""What keeps the house from running, as one line for people."""

from __future__ import annotations

from soutu_services.runtime.language import Text

__all__ = ["HomeProblem"]


class HomeProblem(Exception):  # noqa: N818 - it is told to a person, and is not always an error of the program
    """Something a person has to change before the house can run.

    Attributes:
        text: One line that says what is wrong and what to do.
    """

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)
