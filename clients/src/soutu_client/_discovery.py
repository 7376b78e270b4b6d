"""Finds the search services that announce themselves in the home's network (mDNS): the only module of the client with zeroconf.

Anybody in the network can announce a service. So one that was found is used by itself only by who knows the home's authority, and
only if it shows a certificate by it. Others are told what was found, and choose.
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

from soutu_client._channel import Endpoint
from soutu_client._errors import InvalidInputError
from soutu_client._language import Language, Text

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf

__all__ = ["DISCOVERY_VARIABLE", "Discovery", "FoundService", "can_discover", "find_services"]

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
_AGAIN_SECONDS = 10.0
"""How long after one look the next may be taken."""
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
        name: Name of its machine, as it says; empty where that is none.
    """

    address: str
    version: str
    is_tls: bool
    name: str = ""


def can_discover(environment: Mapping[str, str]) -> bool:
    """Say whether the network may and can be asked."""
    return environment.get(DISCOVERY_VARIABLE, "").lower() not in _OFF and importlib.util.find_spec("zeroconf") is not None


class Discovery:
    """Finds the home's service for a client that was given no address, and finds it again when it has moved.

    Args:
        default: ``host:port`` of a service on this machine, which goes before all.
        authority: The home's (PEM).
        environment: The variables.
        language: Of messages.
    """

    def __init__(self, default: str, authority: bytes, environment: Mapping[str, str], language: Language) -> None:
        self._default = default
        self._authority = authority
        self._environment = environment
        self._language = language
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()

    def first(self) -> Endpoint | None:
        """Return where the home's service is; None where there is none, or one on this machine, at its usual address.

        Where just one announces itself it is returned whatever it shows, so that the first call tells what is wrong with it.

        Raises:
            InvalidInputError: There are several.
        """
        host, _, port = self._default.rpartition(":")
        if not self._environment.get(DISCOVERY_VARIABLE) and _answers(host, int(port)):
            return None
        found = find_services(self._environment)
        known = self._known(found)
        if len(known) == 1:
            return known[0]
        if len(found) > 1:
            addresses = ", ".join(sorted(each.target for each in known) or sorted(each.address for each in found))
            raise InvalidInputError(_SEVERAL.to(self._language).format(found=addresses), reason="SEVERAL_FOUND")
        return Endpoint(found[0].address, is_tls=True, authority=self._authority) if found else None

    def again(self) -> Endpoint | None:
        """Return where the home's service is now, after a call could not reach it; None: not known, or asked a moment ago."""
        with self._lock:
            if time.monotonic() - self._looked_at < _AGAIN_SECONDS:
                return None
            known = self._known(find_services(self._environment))
            self._looked_at = time.monotonic()
        return known[0] if len(known) == 1 else None

    def _known(self, found: list[FoundService]) -> list[Endpoint]:
        """Choose those that show a certificate by the home's authority, for where they are or for their machine's name."""
        from soutu_client._tls_probe import is_known  # noqa: PLC0415 - loads ssl

        known = []
        for service in found:
            for name in dict.fromkeys(("", service.name)):
                endpoint = Endpoint(service.address, is_tls=True, authority=self._authority, known_as=name)
                if is_known(endpoint):
                    known.append(endpoint)
                    break
        return known


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
    server = (service.server or "").rstrip(".")
    own_name = server if _HOST.fullmatch(server) else ""
    for host in (own_name, *service.parsed_addresses()):  # a name first, which stays when addresses change; not all know .local
        if _HOST.fullmatch(host) and _answers(host, service.port):
            return FoundService(f"{host}:{service.port}", told.get("version") or "", told.get("tls") == "yes", own_name)
    return None


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (OSError, UnicodeError):
        return False
    return True
