"""Tells the home's network where a service is, by mDNS (RFC 6762) and DNS-SD (RFC 6763): the only module that knows zeroconf.

What is told is the address, the version and whether it is encrypted: no secret, and nothing of the library. Run by itself, it
tells of a service in a container, whose own packets do not leave its network:
``python -m soutu_services.runtime.announcement nas.local 8401``.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import ifaddr
from cryptography import x509
from zeroconf import Error, InterfaceChoice, IPVersion, NonUniqueNameException, ServiceInfo, Zeroconf

from soutu_services.runtime.addresses import Address
from soutu_services.runtime.language import Text, language_of_environment
from soutu_services.runtime.version import service_version

__all__ = ["AUTO", "OFF", "SERVICE_TYPE", "Announcement", "announced_host", "main"]

SERVICE_TYPE: Final = "_soutu._tcp.local."
AUTO, OFF = "auto", "off"

_logger = logging.getLogger(__name__)
_STOP_SECONDS = 5.0
_LOOK_SECONDS = 5.0
"""How soon an address that changed is announced."""
_ARGUMENTS = 2
_HOW = Text(
    zh="用法：python -m soutu_services.runtime.announcement 名字.local 端口",
    en="usage: python -m soutu_services.runtime.announcement NAME.local PORT",
)


class Announcement:
    """An announcement that lasts until it is closed. What goes wrong with it is logged, and keeps nobody from serving.

    The machine's addresses are looked at again and again: it may be given another, or its first only after the service started.

    Args:
        address: Where the service listens.
        host: Name of the machine, in ``.local``.
        is_tls: Whether it is spoken to with TLS.
        interface: Address of the one interface to announce on; ``auto``: all that the service listens on.
        look_seconds: How often the addresses are looked at.
    """

    def __init__(
        self, address: Address, *, host: str, is_tls: bool, interface: str = AUTO, look_seconds: float = _LOOK_SECONDS
    ) -> None:
        self._address = address
        self._host = host
        self._is_tls = is_tls
        self._interface = interface
        self._look_seconds = look_seconds
        self._zeroconf: Zeroconf | None = None
        self._stop = threading.Event()
        # Asking the network whether the name is free takes more than a second, for which no service should wait.
        self._thread = threading.Thread(target=self._keep_announced, name="announcement", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take the announcement back."""
        self._stop.set()
        self._thread.join(_STOP_SECONDS)
        self._take_back()

    def _keep_announced(self) -> None:
        announced: list[str] | None = None
        tried: list[str] | None = None
        while True:
            reached_at = _addresses(self._address, self._interface)
            if reached_at != announced:
                self._take_back()
                is_done = self._announce(reached_at, is_quiet=reached_at == tried)
                announced, tried = reached_at if is_done else None, reached_at
            if self._stop.wait(self._look_seconds):
                return

    def _take_back(self) -> None:
        taken, self._zeroconf = self._zeroconf, None
        if taken is not None:
            taken.close()  # says goodbye for what is registered

    def _announce(self, reached_at: Sequence[str], *, is_quiet: bool) -> bool:
        """Announce, and say whether that is done: a network that is not ready at start may be later."""
        if not reached_at:
            _logger.warning("the service is not announced: this machine has no address in a network")
            return True
        try:
            self._zeroconf = Zeroconf(
                interfaces=InterfaceChoice.All if self._interface == AUTO else [self._interface], ip_version=IPVersion.V4Only
            )
            self._zeroconf.register_service(self._service(reached_at), allow_name_change=True)
            where = ", ".join(reached_at)
            _logger.info("announced as %s:%d (mDNS, %s) at %s", self._host, self._address.port, SERVICE_TYPE, where)
        except (OSError, ValueError, Error, NonUniqueNameException) as error:
            if not is_quiet:
                _logger.warning("the service cannot be announced by mDNS (%s); clients need its address", error)
            return not isinstance(error, OSError)
        return True

    def _service(self, addresses: Sequence[str]) -> ServiceInfo:
        instance = self._host.removesuffix(".local").replace(".", "-")
        return ServiceInfo(
            SERVICE_TYPE,
            f"{instance}.{SERVICE_TYPE}",
            port=self._address.port,
            server=f"{self._host}.",
            parsed_addresses=list(addresses),
            properties={"version": service_version(), "tls": "yes" if self._is_tls else "no"},
        )


def announced_host(certificate: Path | None) -> str:
    """Return the name that a machine is announced by: the first in ``.local`` that its certificate is for, else its own."""
    if certificate is not None:
        try:
            held = x509.load_pem_x509_certificate(certificate.read_bytes())
            names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        except (OSError, ValueError, x509.ExtensionNotFound):
            names = []
        for name in names:
            if name.endswith(".local"):
                return name
    return f"{socket.gethostname().partition('.')[0] or 'soutu'}.local"


def _addresses(address: Address, interface: str) -> list[str]:
    if interface != AUTO:
        return [interface]
    try:
        if not ipaddress.ip_address(address.host).is_unspecified:
            return [address.host] if ":" not in address.host else []
    except ValueError:
        pass
    found = sorted(str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4)
    return [each for each in found if not (ipaddress.ip_address(each).is_loopback or ipaddress.ip_address(each).is_link_local)]


def main(arguments: Sequence[str]) -> int:
    """Announce an encrypted service of this machine until told to stop; return the exit status."""
    name, port = (*arguments, "", "")[:_ARGUMENTS]
    # As SOUTU_HOST and SOUTU_SEARCH_PUBLISH are written.
    host, port = next((each for each in name.split(",") if each.endswith(".local")), ""), port.rpartition(":")[2]
    if len(arguments) != _ARGUMENTS or not host or not port.isdecimal():
        sys.stderr.write(_HOW.to(language_of_environment(os.environ)) + "\n")
        return 2
    logging.basicConfig(level=logging.INFO)
    interface = os.environ.get("SOUTU_SEARCH_ANNOUNCE") or AUTO
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    announcement = Announcement(Address("0.0.0.0", int(port)), host=host, is_tls=True, interface=interface)  # noqa: S104 - told, not bound
    asked.wait()
    announcement.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
