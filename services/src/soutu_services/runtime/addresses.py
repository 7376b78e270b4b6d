"""Addresses that a service listens on: ``host:port``, ``[IPv6]:port``; port 0 takes a free one."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

from soutu_services.runtime.errors import FailedPrecondition, InvalidInput

__all__ = ["Address", "CannotListen", "PortInUse", "cannot_listen", "check_free"]


class PortInUse(FailedPrecondition):
    """Another program listens on the address."""


class CannotListen(FailedPrecondition):
    """The address is not one of this machine, or may not be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``host:port``.

        Raises:
            InvalidInput: it is none.
        """
        host, colon, port = text.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise InvalidInput(
                "BAD_ADDRESS",
                zh=f"监听地址“{text}”写得不对，应为 主机:端口，例如 127.0.0.1:8401。",
                en=f'The address to listen on, "{text}", must be host:port, for instance 127.0.0.1:8401.',
            )
        return cls(host, int(port))

    def with_port(self, port: int) -> Address:
        """Return the same host with another port."""
        return Address(self.host, port)

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check_free(address: Address) -> None:
    """Raise when nothing can listen on the address now.

    Asked before gRPC binds it, since gRPC neither says why it cannot nor keeps from writing to stderr.

    Raises:
        PortInUse: another program listens on it.
        CannotListen: the host is unknown here, or the port may not be used.
    """
    if address.port == 0:
        return
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            probe.listen(1)
    except OSError as error:
        raise cannot_listen(address, error) from error


def cannot_listen(address: Address, error: OSError) -> PortInUse | CannotListen:
    """Say why an address cannot be bound."""
    if error.errno == errno.EADDRINUSE:
        return PortInUse(
            "PORT_IN_USE",
            zh=f"地址 {address} 已被别的程序占用。请关闭那个程序，或在设置里换一个端口。",
            en=f"Another program uses {address} already. Stop it, or set another port.",
        )
    return CannotListen(
        "CANNOT_LISTEN",
        zh=f"无法监听地址 {address}：它不是本机的地址，或没有权限使用这个端口。请在设置里换一个。",
        en=f"Cannot listen on {address}: it is no address of this machine, or the port is not allowed. Set another one.",
    )
