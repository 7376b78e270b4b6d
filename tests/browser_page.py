"""The web page's server for tests, in this process."""

from __future__ import annotations

import threading
import time

import uvicorn

from patience import PATIENCE
from soutu_client.web.application import create_application
from soutu_client.web.settings import WebSettings


class WebServer:
    """The page's server in a thread, which can go away and come back on its address."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self.url = f"http://{settings.listen}"
        self.start()

    def start(self) -> None:
        application = create_application(self._settings)
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                host=self._settings.host,
                port=self._settings.port,
                log_level="error",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()
        give_up_at = time.monotonic() + PATIENCE
        while not self._server.started:
            assert self._thread.is_alive() and time.monotonic() < give_up_at, "the page's server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
