"""Asking the sources' stores whether they answer, for people who look for a fault."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait

from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Text
from soutu_services.search.buckets import Source
from soutu_services.search.objects import StoreUnavailable

__all__ = ["StoreQuestions"]


class StoreQuestions:
    """Asks each source's store whether it answers, once at a time, however many want to know. Thread safe.

    Args:
        sources: The sources by name.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._asked: dict[str, Future[Text | None]] = {}
        self._lock = threading.Lock()

    def problems(self, *, seconds: float) -> dict[str, Text]:
        """Ask all of them at once, wait so long at most, and say what is wrong with which.

        A question that is still open from before is waited for, not asked again: a store that never answers costs one thread.
        """
        asked = {name: self._asking(source) for name, source in self._sources.items()}
        wait(asked.values(), timeout=seconds)
        answers = {name: one.result() if one.done() else StoreUnavailable().text for name, one in asked.items()}
        return {name: text for name, text in answers.items() if text is not None}

    def _asking(self, source: Source) -> Future[Text | None]:
        with self._lock:
            running = self._asked.get(source.name)
            if running is not None and not running.done():
                return running
            answer = self._asked[source.name] = Future[Text | None]()
            threading.Thread(target=_ask, args=(source, answer), name=f"ask-{source.name}", daemon=True).start()
            return answer


def _ask(source: Source, answer: Future[Text | None]) -> None:
    try:
        source.store.check()
    except SoutuError as error:
        answer.set_result(error.text)
    except BaseException as error:  # a bug: whoever waits is told
        answer.set_exception(error)
        raise
    else:
        answer.set_result(None)
