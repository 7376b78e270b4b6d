"""Run the search service: ``python -m soutu_services.search``. Its settings come from the environment."""

from __future__ import annotations

import logging
import sys

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.announcement import Announcement, announced_host
from soutu_services.runtime.program import RestartNeeded, run_program
from soutu_services.runtime.server import check_listening, serve_until_signal, start_server
from soutu_services.search.service import SearchService
from soutu_services.search.settings import SearchSettings

__all__ = ["main", "serve"]

_PACKAGE = "soutu.search.v1"
_logger = logging.getLogger("soutu_services.search")


def serve(settings: SearchSettings) -> None:
    """Open the library and serve until SIGTERM or Ctrl-C.

    Raises:
        SoutuError: the library cannot be opened, or an address cannot be listened on.
        RestartNeeded: a backup was restored, and takes over at the next start.
    """
    check_listening(settings.server)  # before the library, which may take long to open
    if not settings.needs_tokens and not Address.parse(settings.listen).is_loopback:
        _logger.warning("WARNING: SOUTU_SEARCH_TOKENS=off: anyone in the network can see, change and delete every photo")
    service = SearchService(settings)
    announcement: Announcement | None = None
    try:
        service.start()
        server = start_server(service.served, service.server_settings, package=_PACKAGE, authenticator=service.access)
        if settings.is_announced:
            announcement = _announcement(settings, Address.parse(server.address))
        serve_until_signal(
            server,
            on_ready=lambda: _logger.info("ready on %s", server.address),
            on_drain=service.drain,
            asked=service.asked,
        )
    finally:
        if announcement is not None:
            announcement.close()
        service.close()
    if service.restart.is_set():
        raise RestartNeeded


def _announcement(settings: SearchSettings, address: Address) -> Announcement:
    certificate = settings.tls.certificate
    return Announcement(
        address, host=announced_host(certificate), is_tls=certificate is not None, interface=str(settings.announce)
    )


def main() -> int:
    """Serve; return the exit status, with one line on standard error when it is not 0."""
    return run_program(SearchSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
