"""Keeps photos coming: asks the service in a thread of its own, and bears that it is away."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from soutu_client._errors import (
    DataLossError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    NotReadyError,
    SoutuError,
)
from soutu_client._language import Language
from soutu_client._os_errors import describe_os_error
from soutu_client.client import Client
from soutu_client.frame.kept_lists import KeptLists
from soutu_client.frame.photo_list import photos_of
from soutu_client.frame.picture_cache import PictureCache
from soutu_client.frame.query import Query
from soutu_client.frame.slide import Slide
from soutu_client.frame.text_catalogue import say

__all__ = ["Supplied", "Supply"]

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_EMPTY_SECONDS = 60.0
"""How soon a query without photos is asked again."""
_MOST_LOST = 1000


@dataclass(frozen=True)
class Supplied:
    """What there is to show.

    Attributes:
        query: Whose photos they are.
        slides: The photos; while the service is away and the query is new, whatever is kept.
        is_loading: Whether the service has not answered yet.
        is_away: Whether it cannot be reached, or does not let the frame in.
        problem: Why, in a line; or why it refuses this query.
        notice: Something to say for a moment.
        version: Grows with each change.
    """

    query: Query
    slides: tuple[Slide, ...] = ()
    is_loading: bool = True
    is_away: bool = False
    problem: str = ""
    notice: str = ""
    version: int = 0


class Supply:
    """The service, as the frame needs it. Methods return at once.

    Args:
        connect: Makes a client; it is made again after each failure, so that a service is found at another address too.
        cache: Where pictures are kept.
        lists: Where lists are kept.
        query: What to begin with.
        language: Of messages.
        most: Photos of a query.
        refresh_seconds: How often they are asked for again.
        is_large: Whether pictures are to be larger than 512 pixels.
        on_change: Called in the thread when there is something new.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        cache: PictureCache,
        lists: KeptLists,
        query: Query,
        *,
        language: Language,
        most: int,
        refresh_seconds: float,
        is_large: bool,
        on_change: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._cache, self._lists = cache, lists
        self._language: Language = language
        self._most, self._refresh_seconds = most, refresh_seconds
        self._is_large = is_large
        self._on_change = on_change
        self._chance = random.Random()  # noqa: S311 - which photo comes next is no secret
        self._changed = threading.Condition()
        self._client: Client | None = None
        self._is_stopped = False
        self._likes = lists.likes()
        self._wanted: tuple[Slide, ...] = ()
        self._lost: dict[str, None] = {}
        self._due = 0.0
        self._day = date.min
        self._pause = 0.0
        self._state = Supplied(query, tuple(lists.read(query.text)))
        self._thread = threading.Thread(target=self._run, name="supply", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 3.0) -> None:
        """Ask no more; a call in flight ends."""
        with self._changed:
            self._is_stopped = True
            client = self._client
            self._changed.notify_all()
        if client is not None:
            client.close()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    @property
    def state(self) -> Supplied:
        """What there is to show now."""
        with self._changed:
            return self._state

    def choose(self, query: Query) -> None:
        """Show another query's photos."""
        kept = tuple(self._lists.read(query.text))
        with self._changed:
            is_away, problem = self._state.is_away, self._state.problem
            if is_away and not kept:
                kept = tuple(self._cache.slides())
            self._state = Supplied(query, kept, True, is_away, problem if is_away else "", "", self._state.version + 1)
            self._wanted = ()
            self._due, self._pause = 0.0, min(self._pause, _FIRST_PAUSE_SECONDS)
            self._changed.notify_all()

    def want(self, slides: Sequence[Slide]) -> None:
        """Say which pictures come next; they are fetched ahead."""
        with self._changed:
            self._wanted = tuple(slides)
            self._changed.notify_all()

    def like(self, slide: Slide, is_one: bool) -> None:
        """Make a photo a favourite, or not; the service hears of it when it can."""
        with self._changed:
            self._likes.pop(slide.photo_id, None)
            self._likes[slide.photo_id] = is_one
            self._lists.keep_likes(self._likes)
            self._mark(slide.photo_id, is_one)
            self._changed.notify_all()

    def lose(self, photo_id: str) -> None:
        """Do without a picture that cannot be shown, until the photos are asked for again."""
        self._cache.drop(photo_id)
        with self._changed:
            if len(self._lost) < _MOST_LOST:
                self._lost[photo_id] = None

    # In the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._is_stopped:
                    return
                job = self._next_job()
                if job is None:
                    self._changed.wait(max(min(self._due - time.monotonic(), 30.0), 0.05))
                    continue
            try:
                job()
            except SoutuError as error:
                self._rest(error.message)
            except OSError as error:
                self._rest(describe_os_error(error, self._language))
            except Exception as error:  # noqa: BLE001 - a frame on the wall is not to stand still for an answer of a kind
                _log.debug("supply", exc_info=True)
                self._rest(say(self._language, "turn.failed", why=type(error).__name__))
            else:
                self._pause = 0.0

    def _next_job(self) -> Callable[[], None] | None:
        if self._likes:
            return self._tell_like
        if self._state.is_away or time.monotonic() >= self._due or date.today() != self._day:
            return self._ask_list
        missing = next(
            (each for each in self._wanted if each.photo_id not in self._lost and each.photo_id not in self._cache), None
        )
        return None if missing is None else lambda: self._fetch(missing)

    def _rest(self, problem: str) -> None:
        """Say that the service is away, and wait before it is tried again: at most a minute, and a little longer each time."""
        with self._changed:
            if self._is_stopped:
                return
            client, self._client = self._client, None
            state = self._state
            if not (state.is_away and state.problem == problem and not state.is_loading):
                slides = state.slides or tuple(self._cache.slides())
                self._state = replace(
                    state, slides=slides, is_loading=False, is_away=True, problem=problem, notice="", version=state.version + 1
                )
                _log.warning("%s", problem)
        if client is not None:
            client.close()
        self._on_change()
        with self._changed:
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            until = time.monotonic() + self._pause * self._chance.uniform(0.8, 1.2)
            pause = self._pause
            while not self._is_stopped and self._pause >= pause and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _service(self) -> Client:
        if self._client is None:
            client = self._connect()
            with self._changed:
                self._client = client
                if self._is_stopped:
                    client.close()
        return self._client

    def _ask_list(self) -> None:
        with self._changed:
            query = self._state.query
        today = date.today()
        problem = ""
        slides: list[Slide] = []
        try:
            slides = photos_of(self._service(), query, today=today, most=self._most, chance=self._chance)
        except (InvalidInputError, NotFoundError, NotReadyError) as error:
            if self._client is None:  # it is the connection's settings that are not right
                raise
            problem = error.message
        if not problem:
            self._lists.keep(query.text, slides)
        with self._changed:
            if self._state.query != query:
                return
            self._day = today
            self._due = time.monotonic() + (self._refresh_seconds if slides else min(self._refresh_seconds, _EMPTY_SECONDS))
            self._lost.clear()
            self._state = Supplied(query, tuple(slides), False, False, problem, "", self._state.version + 1)
        self._on_change()

    def _fetch(self, slide: Slide) -> None:
        try:
            picture = self._service().thumbnail(slide.photo_id, large=self._is_large)
        except (NotFoundError, DataLossError, NotReadyError):
            self.lose(slide.photo_id)
        else:
            self._cache.keep(slide, picture.image)
        self._on_change()

    def _tell_like(self) -> None:
        with self._changed:
            photo_id, is_one = next(iter(self._likes.items()))
        notice = ""
        try:
            self._service().annotate([photo_id], favourite=is_one)
        except NotAllowedError:
            notice = say(self._language, "screen.like_refused")
        except NotFoundError:
            pass
        with self._changed:
            if self._likes.get(photo_id) is is_one:
                del self._likes[photo_id]
                self._lists.keep_likes(self._likes)
            if notice:
                self._mark(photo_id, not is_one)
                self._state = replace(self._state, notice=notice)
        if notice:
            self._on_change()

    def _mark(self, photo_id: str, is_one: bool) -> None:
        state = self._state
        slides = tuple(replace(each, favourite=is_one) if each.photo_id == photo_id else each for each in state.slides)
        self._state = replace(state, slides=slides, version=state.version + 1)
