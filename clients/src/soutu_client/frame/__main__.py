"""``soutu-frame``: show photos until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

from soutu_client._language import Language, preferred_language
from soutu_client._os_errors import describe_os_error
from soutu_client.frame.allocator import give_pictures_back
from soutu_client.frame.query import BadQueryError, Query, read_query
from soutu_client.frame.settings import PREFIX, BadSettingError, FrameSettings
from soutu_client.frame.text_catalogue import say

__all__ = ["main"]

_NEEDED = ("pygame", "segno")


def main() -> int:
    """Show photos until interrupted; return the exit status: 2 for settings that are not right, 1 without a display."""
    language = preferred_language(os.environ)
    try:
        settings = FrameSettings.load(os.environ, language)
        queries = _queries(settings, language)
    except BadSettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("soutu_client.frame").setLevel(settings.log_level.upper())
    give_pictures_back()
    try:
        from soutu_client.frame.display.window import NoDisplayError  # noqa: PLC0415 - what takes long comes after the settings
        from soutu_client.frame.frame import Frame  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write(say(language, "extra.missing", name=error.name) + "\n")
        return 2
    try:
        frame = Frame(settings, queries, language, os.environ)
    except NoDisplayError as error:
        sys.stderr.write(say(language, "display.none", why=error) + "\n")
        return 1
    except OSError as error:  # the user has no home, and no folder is given
        sys.stderr.write(say(language, "cache.none", why=describe_os_error(error, language)) + "\n")
        return 2

    def stop(number: int, where: FrameType | None) -> None:
        del number, where
        frame.stop()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    return 0 if frame.run() else 1


def _queries(settings: FrameSettings, language: Language) -> list[Query]:
    queries = []
    for text in settings.queries:
        try:
            queries.append(read_query(text, language))
        except BadQueryError as error:
            why = f"{text[:40]}: {error}"
            raise BadSettingError(say(language, "settings.bad", name=f"{PREFIX}QUERIES", why=why)) from None
    return queries


if __name__ == "__main__":
    sys.exit(main())
