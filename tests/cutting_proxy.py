"""A TCP proxy on loopback that cuts connections, when a test says so."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from loopback_ports import free_address
from patience import PATIENCE

__all__ = ["CuttingProxy", "cutting_proxy"]


class CuttingProxy:
    """Hands connections on to ``target`` (host:port) from ``address``.

    While ``cut_after_bytes`` is set, a connection that has sent so many to the target is cut on both sides, and no other is let
    in until ``mend``. With ``loses_answers`` it is cut later: when the target answers.
    """

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = host, int(port)
        self.address = free_address()
        self.cut_after_bytes: int | None = None
        self.loses_answers = False
        self.cut = threading.Event()
        at, number = self.address.split(":")
        self._listener = socket.create_server((at, int(number)))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def mend(self) -> None:
        self.cut_after_bytes = None
        self.loses_answers = False
        self.cut.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.cut.is_set():
                _reset(client)
                continue
            server = socket.create_connection(self._target)
            sent = [0]
            for source, sink, is_upwards in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, sent, is_upwards), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, sent: list[int], is_upwards: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sent[0] += len(data) if is_upwards else 0
                limit = self.cut_after_bytes
                if limit is not None and sent[0] > limit and is_upwards != self.loses_answers:
                    self.cut.set()
                    break
                sink.sendall(data)
        _reset(source)
        _reset(sink)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def cutting_proxy(target: str) -> Iterator[CuttingProxy]:
    """Stand in front of a server until the block ends."""
    proxy = CuttingProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
