"""Connections to the search service, one for each token and language."""

from __future__ import annotations

import threading
from collections import OrderedDict

from soutu_client._language import Language
from soutu_client.client import Client
from soutu_client.web.settings import WebSettings

__all__ = ["ClientPool"]

_MOST = 32


class ClientPool:
    """Hands out clients, and keeps those that were asked for last. Thread safe. Close it at the end.

    Args:
        settings: Where the search service is.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._clients: OrderedDict[tuple[str, Language], Client] = OrderedDict()
        self._lock = threading.Lock()

    def client(self, token: str, language: Language) -> Client:
        """Return the client of a token ("" for none).

        Raises:
            InvalidInputError: It cannot be a token.
            NotTrustedError: The token would leave this machine unencrypted.
        """
        key = token, language
        with self._lock:
            if key in self._clients:
                self._clients.move_to_end(key)
                return self._clients[key]
            made = Client(self._settings.address or None, token=token, authority=self._settings.authority, language=language)
            self._clients[key] = made
            # One that is left out closes itself once the calls that use it have ended: nothing else holds it then.
            if len(self._clients) > _MOST:
                self._clients.popitem(last=False)
            return made

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), OrderedDict()
        for client in clients:
            client.close()
