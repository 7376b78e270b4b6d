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
_ARGUMENTS = 2
_HOW = Text(
    zh="用法：python -m soutu_services.runtime.announcement 名字.local 端口",
    en="usage: python -m soutu_services.runtime.announcement NAME.local PORT",
)


class Announcement:
    """An announcement that lasts until it is closed. What goes wrong with it is logged, and keeps nobody from serving.

    Args:
        address: Where the service listens.
        host: Name of the machine, in ``.local``.
        is_tls: Whether it is spoken to with TLS.
        interface: Address of the one interface to announce on; ``auto``: all that the service listens on.
    """

    def __init__(self, address: Address, *, host: str, is_tls: bool, interface: str = AUTO) -> None:
        self._address = address
        self._host = host
        self._is_tls = is_tls
        self._interface = interface
        self._zeroconf: Zeroconf | None = None
        # Asking the network whether the name is free takes more than a second, for which no service should wait.
        self._thread = threading.Thread(target=self._announce, name="announcement", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take the announcement back."""
        self._thread.join(_STOP_SECONDS)
        if self._zeroconf is not None:
            self._zeroconf.close()  # says goodbye for what is registered

    def _announce(self) -> None:
        reached_at = _addresses(self._address, self._interface)
        if not reached_at:
            _logger.warning("the service is not announced: this machine has no address in a network")
            return
        try:
            self._zeroconf = Zeroconf(
                interfaces=InterfaceChoice.All if self._interface == AUTO else [self._interface], ip_version=IPVersion.V4Only
            )
            self._zeroconf.register_service(self._service(reached_at), allow_name_change=True)
            _logger.info("announced as %s:%d (mDNS, %s)", self._host, self._address.port, SERVICE_TYPE)
        except (OSError, ValueError, Error, NonUniqueNameException) as error:
            _logger.warning("the service cannot be announced by mDNS (%s); clients need its address", error)

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
    found = (str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4)
    return [each for each in found if not (ipaddress.ip_address(each).is_loopback or ipaddress.ip_address(each).is_link_local)]


def main(arguments: Sequence[str]) -> int:
    """Announce an encrypted service of this machine until told to stop; return the exit status."""
    name, port = (*arguments, "", "")[:_ARGUMENTS]
    host, port = name.partition(",")[0], port.rpartition(":")[2]  # as SOUTU_HOST and SOUTU_SEARCH_PUBLISH are written
    if len(arguments) != _ARGUMENTS or not host.endswith(".local") or not port.isdecimal():
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
