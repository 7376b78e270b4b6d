"""Finds the search services that announce themselves in the home's network (mDNS): the only module of the client with zeroconf.

Anybody in the network can announce a service. So one that was found is used by itself only by who knows the home's authority: the
service has to show a certificate by it before anything is sent. Others are told what was found, and choose.
"""

from __future__ import annotations

import importlib.util
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from soutu_client._errors import InvalidInputError
from soutu_client._language import Language, Text

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf

__all__ = ["DISCOVERY_VARIABLE", "FoundService", "can_discover", "find_services", "only_service"]

DISCOVERY_VARIABLE = "SOUTU_DISCOVERY"
"""``off``; or the address of the one interface to look on; else all are looked on."""

_SERVICE_TYPE = "_soutu._tcp.local."
_OFF = frozenset({"off", "0", "no", "false"})
_LOOK_SECONDS = 1.5
_MORE_SECONDS = 0.5
"""How long others may take to answer after the first."""
_ASK_MILLISECONDS = 1000
_CONNECT_SECONDS = 0.5
_MOST = 20
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""What is announced is a stranger's: a name with ``plain://`` in front would switch encryption off."""

_SEVERAL = Text(
    zh="家里有几个搜图服务：{found}。请用 --address 或 SOUTU_ADDRESS 选一个",
    en="there are several soutu services in this home: {found}; choose one with --address or SOUTU_ADDRESS",
)


@dataclass(frozen=True)
class FoundService:
    """A service that announces itself. Nothing of it is proven.

    Attributes:
        address: ``host:port`` that this machine reaches it at.
        version: As it says.
        is_tls: Whether it says that it is encrypted.
    """

    address: str
    version: str
    is_tls: bool


def can_discover(environment: Mapping[str, str]) -> bool:
    """Say whether the network may and can be asked."""
    return environment.get(DISCOVERY_VARIABLE, "").lower() not in _OFF and importlib.util.find_spec("zeroconf") is not None


def only_service(default: str, environment: Mapping[str, str], language: Language) -> str | None:
    """Return the address of the home's service; None where there is none, or one on this machine, at its usual address.

    Args:
        default: ``host:port`` of a service on this machine, which goes before all.
        environment: The variables.
        language: Of the message.

    Raises:
        InvalidInputError: There are several.
    """
    if not can_discover(environment):
        return None
    host, _, port = default.rpartition(":")
    if not environment.get(DISCOVERY_VARIABLE) and _answers(host, int(port)):
        return None
    found = find_services(environment)
    if len(found) > 1:
        addresses = ", ".join(sorted(each.address for each in found))
        raise InvalidInputError(_SEVERAL.to(language).format(found=addresses), reason="SEVERAL_FOUND")
    return found[0].address if found else None


def find_services(environment: Mapping[str, str]) -> list[FoundService]:
    """Ask the network for about a second, and return who answered. A network that cannot be asked has nobody."""
    from zeroconf import Error, InterfaceChoice, IPVersion, ServiceBrowser, Zeroconf  # noqa: PLC0415 - slow to load, and optional

    interface = environment.get(DISCOVERY_VARIABLE, "")
    names: dict[str, None] = {}
    answered = threading.Event()

    def note(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del zeroconf, service_type, state_change
        if len(names) < _MOST:
            names[name] = None
        answered.set()

    try:
        zeroconf = Zeroconf(interfaces=[interface] if interface else InterfaceChoice.All, ip_version=IPVersion.V4Only)
    except (OSError, Error, ValueError):
        return []
    try:
        browser = ServiceBrowser(zeroconf, _SERVICE_TYPE, handlers=[note])
        if answered.wait(_LOOK_SECONDS):
            time.sleep(_MORE_SECONDS)
        browser.cancel()
        return [found for name in list(names) if (found := _described(zeroconf, name)) is not None]
    finally:
        zeroconf.close()


def _described(zeroconf: Zeroconf, name: str) -> FoundService | None:
    service = zeroconf.get_service_info(_SERVICE_TYPE, name, timeout=_ASK_MILLISECONDS)
    if service is None or not service.port:
        return None
    told = service.decoded_properties
    for host in ((service.server or "").rstrip("."), *service.parsed_addresses()):
        if _HOST.fullmatch(host) and _answers(host, service.port):  # a name first: the certificate is for it; not all know .local
            return FoundService(f"{host}:{service.port}", told.get("version") or "", told.get("tls") == "yes")
    return None


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (OSError, UnicodeError):
        return False
    return True
