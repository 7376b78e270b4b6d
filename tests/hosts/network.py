"""A home's network: machines in network namespaces, a bridge between them, and what can happen to their links."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BROADCAST", "Host", "Network", "run"]

_SWITCH = "switch"
_PREFIX = 24
BROADCAST = "10.77.0.255"
_RUN_SECONDS = 30


def run(*words: str) -> None:
    """Run a program of the system.

    Raises:
        RuntimeError: it failed.
    """
    ended = subprocess.run(words, check=False, capture_output=True, text=True, timeout=_RUN_SECONDS)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(words)}: {ended.stderr.strip()}")


@dataclass
class Host:
    """A machine. ``namespace`` is empty for the one that this process is."""

    namespace: str
    port: str
    address: str

    def within(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs another one on this machine."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command] if self.namespace else list(command)

    def ip(self, *words: str) -> None:
        """Run ``ip`` on this machine."""
        run("ip", *(("-netns", self.namespace) if self.namespace else ()), *words)


@dataclass
class Network:
    """The network of this process's own namespaces, which has to be the root of them.

    Args:
        folder: Where files of the network are.
    """

    folder: Path
    _names: dict[str, str] = field(default_factory=dict)
    _relay: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        run("mount", "-t", "tmpfs", "none", "/run")
        (self.folder / "hosts").write_text("")
        (self.folder / "resolv.conf").write_text("")  # nobody is asked for a name
        for name in ("hosts", "resolv.conf"):
            run("mount", "--bind", str(self.folder / name), f"/etc/{name}")
        self.know({})
        run("ip", "netns", "add", _SWITCH)
        self._switch("link", "add", "bridge", "type", "bridge", "forward_delay", "0")
        self._switch("link", "set", "bridge", "up")

    def host(self, namespace: str, address: str) -> Host:
        """Add a machine; with an empty namespace, this process's own."""
        name = namespace or "client"
        host = Host(namespace, f"to-{name}", address)
        if namespace:
            run("ip", "netns", "add", namespace)
        host.ip("link", "set", "lo", "up")
        self._switch("link", "add", host.port, "type", "veth", "peer", "name", f"eth-{name}")
        to = f"/run/netns/{namespace}" if namespace else "1"  # 1: this process, the first of its namespace
        self._switch("link", "set", f"eth-{name}", "netns", to)
        host.ip("link", "set", f"eth-{name}", "name", "eth0")
        host.ip("address", "add", f"{address}/{_PREFIX}", "broadcast", BROADCAST, "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        self._switch("link", "set", host.port, "master", "bridge", "up")
        return host

    def cut(self, host: Host) -> None:
        """Take the link away: what is sent is lost, and nobody is told that connections are broken."""
        self._switch("link", "set", host.port, "down")

    def mend(self, host: Host) -> None:
        """Put the link back."""
        self._switch("link", "set", host.port, "up")

    def move(self, host: Host, address: str) -> None:
        """Give a machine another address, as a router may that was restarted."""
        host.ip("address", "flush", "dev", "eth0")
        host.ip("address", "add", f"{address}/{_PREFIX}", "broadcast", BROADCAST, "dev", "eth0")
        host.address = address

    def know(self, names: Mapping[str, str]) -> None:
        """Let names lead to addresses, as a router's DNS does."""
        self._names |= names
        lines = [f"{address} {name}" for name, address in {"localhost": "127.0.0.1", **self._names}.items()]
        (self.folder / "hosts").write_text("\n".join([*lines, ""]))

    def spoil(self, host: Host, *, milliseconds: int, loss: float) -> str:
        """Delay what passes a machine's link, each way, and lose a part of it; return by what.

        Args:
            host: The machine.
            milliseconds: Delay each way.
            loss: Part that is lost each way, 0 to 1.
        """
        netem = ("root", "netem", "delay", f"{milliseconds}ms", "loss", f"{100 * loss:g}%")
        try:
            run("tc", "-netns", _SWITCH, "qdisc", "add", "dev", host.port, *netem)
        except RuntimeError:  # this kernel has no netem
            self._put_relay_between(host, milliseconds, loss)
            return "a relay of frames"
        run("tc", *(("-netns", host.namespace) if host.namespace else ()), "qdisc", "add", "dev", "eth0", *netem)
        return "netem"

    def heal(self, host: Host) -> str:
        """Undo ``spoil``, and return what it lost, as far as it is known."""
        if self._relay is None:
            run("tc", "-netns", _SWITCH, "qdisc", "del", "dev", host.port, "root")
            run("tc", *(("-netns", host.namespace) if host.namespace else ()), "qdisc", "del", "dev", "eth0", "root")
            return "netem does not say how many were lost"
        told, _ = self._relay.communicate(timeout=_RUN_SECONDS)
        self._relay = None
        self._switch("link", "del", "relay-in")
        self._switch("link", "set", host.port, "master", "bridge")
        return told.decode().strip()

    def _put_relay_between(self, host: Host, milliseconds: int, loss: float) -> None:
        self._switch("link", "add", "relay-in", "type", "veth", "peer", "name", "relay-out")
        self._switch("link", "set", "relay-out", "master", "bridge", "up")
        self._switch("link", "set", "relay-in", "up")
        self._switch("link", "set", host.port, "nomaster")
        relay = [sys.executable, "-m", "hosts.relay", host.port, "relay-in", str(milliseconds), str(loss)]
        self._relay = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{_SWITCH}", *relay], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._relay.stdout is not None
        if self._relay.stdout.readline() != b"ready\n":
            raise RuntimeError("the relay did not start")

    def _switch(self, *words: str) -> None:
        run("ip", "-netns", _SWITCH, *words)
