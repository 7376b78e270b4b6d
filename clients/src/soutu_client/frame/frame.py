"""All parts of the frame together, and the loop that drives them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from soutu_client._language import Language
from soutu_client._os_errors import describe_os_error
from soutu_client.client import Client
from soutu_client.frame.buttons import Buttons, NoButtonsError
from soutu_client.frame.display.fitting import fitted
from soutu_client.frame.display.painter import Painter
from soutu_client.frame.display.typeface import Typeface
from soutu_client.frame.display.window import Window
from soutu_client.frame.kept_lists import KeptLists
from soutu_client.frame.kiosk import Kiosk
from soutu_client.frame.phone_server import PhoneServer
from soutu_client.frame.picture_cache import PictureCache
from soutu_client.frame.query import Query
from soutu_client.frame.screen import Screen
from soutu_client.frame.settings import FrameSettings
from soutu_client.frame.slideshow import Slideshow
from soutu_client.frame.supply import Supply
from soutu_client.frame.text_catalogue import say

__all__ = ["Frame"]

_log = logging.getLogger(__name__)
_FAILURES_IN_A_ROW = 20
"""Turns that fail one after another until it is over with the program, and systemd's turn."""
_FAILURE_SECONDS = 1.0
_SMALL_SCREEN = 640
"""Pixels that the service's small rendition is enough for."""


class Frame:
    """A frame that runs until it is stopped. All but ``stop`` belongs to one thread.

    Args:
        settings: All of them.
        queries: What can be chosen; the first is shown.
        language: Of messages, and of the screen if there is a font for it.
        environment: The variables.

    Raises:
        NoDisplayError: There is no screen.
        FileNotFoundError: There is nowhere to keep pictures.
    """

    def __init__(
        self, settings: FrameSettings, queries: Sequence[Query], language: Language, environment: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._language: Language = language
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._host = ""
        folder = settings.cache_in(environment)
        with ExitStack() as made:
            self.window = window = Window(settings.size)
            made.callback(window.close)
            typeface = Typeface.find(settings.font)
            if not typeface.has_chinese:
                self._warn("font.none")
            spoken: Language = language if typeface.has_chinese else "en"
            self.cache = cache = PictureCache(folder / "pictures", settings.cache_bytes)
            if cache.problem is not None:
                self._warn("cache.none", why=describe_os_error(cache.problem, language))
            self.supply = Supply(
                lambda: self._connect(spoken),
                cache,
                KeptLists(folder),
                queries[0],
                language=spoken,
                most=settings.most,
                refresh_seconds=settings.refresh_seconds,
                is_large=max(window.size) > _SMALL_SCREEN,
                on_change=self._wake.set,
            )
            phone = self._phone(queries, spoken)
            if phone is not None:
                made.callback(phone.close)
            size, is_blurred = window.size, settings.background == "blur"
            self.slideshow = slideshow = Slideshow(
                self.supply,
                cache,
                lambda image: fitted(image, size, is_blurred=is_blurred),
                interval_seconds=settings.interval_seconds,
                fade_seconds=settings.fade_seconds,
                wake=self._wake.set,
                clock=time.monotonic,
            )
            made.callback(slideshow.close)
            self.kiosk = Kiosk(
                window=window,
                screen=Screen(window, Painter(window.surface, typeface, spoken), spoken),
                slideshow=slideshow,
                supply=self.supply,
                settings=settings,
                language=spoken,
                queries=queries,
                notice="" if typeface.has_chinese else say(spoken, "screen.no_font"),
                phone=phone,
                wake=self._wake.set,
                service_host=lambda: self._host,
            )
            try:
                made.enter_context(Buttons(settings.buttons, self.kiosk.press))
            except NoButtonsError as error:
                self._warn("buttons.none", why=error)
            self._made = made.pop_all()

    def stop(self) -> None:
        """Have ``run`` return."""
        self._stopped.set()
        self._wake.set()

    def run(self) -> bool:
        """Show photos until ``stop`` is called or a person ends it, and say whether that was the reason."""
        failures = 0
        self.start()
        try:
            while not (self._stopped.is_set() or self.kiosk.is_over) and failures < _FAILURES_IN_A_ROW:
                try:
                    self.turn()
                    failures = 0
                except Exception as error:  # noqa: BLE001 - a frame on the wall is not to go black for one picture
                    failures += 1
                    self._warn("turn.failed", why=type(error).__name__)
                    _log.debug("turn", exc_info=True)
                    self._stopped.wait(_FAILURE_SECONDS)
        finally:
            self.close()
        return failures < _FAILURES_IN_A_ROW

    def start(self) -> None:
        """Begin to ask the service."""
        self.supply.start()

    def turn(self) -> None:
        """Do what is to be done now, and wait until there may be more: a twentieth of a second at most."""
        seconds = self.kiosk.turn()
        self._wake.wait(seconds)
        self._wake.clear()

    def close(self) -> None:
        """End all of it."""
        self.supply.stop()
        self._made.close()

    def _connect(self, language: Language) -> Client:
        settings = self._settings
        token = settings.token_file.read_text(encoding="utf-8", errors="replace").strip() if settings.token_file else None
        client = Client(settings.address or None, token=token, authority=settings.authority, language=language)
        self._host = client.address.rpartition(":")[0].strip("[]")
        return client

    def _phone(self, queries: Sequence[Query], language: Language) -> PhoneServer | None:
        if self._settings.listen is None:
            return None
        host, port = self._settings.listen
        try:
            return PhoneServer(host, port, queries=queries, language=language, choose=self.supply.choose)
        except OSError as error:
            self._warn("phone.cannot_listen", listen=f"{host}:{port}", why=describe_os_error(error, self._language))
            return None

    def _warn(self, key: str, **values: object) -> None:
        _log.warning("%s", say(self._language, key, **values))
