"""The page's server as a process, for tests that measure it or break it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from pathlib import Path

from loopback_ports import free_address
from patience import PATIENCE, eventually

__all__ = ["WebProcess"]


class WebProcess:
    """``soutu-web`` in front of a search service. ``peak_bytes`` is of Linux alone."""

    def __init__(self, service: str, **environment: str) -> None:
        self.listen = free_address()
        self._connections: list[http.client.HTTPConnection] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        environment = {**clean, "SOUTU_ADDRESS": service, "SOUTU_WEB_LISTEN": self.listen, **environment}
        self._process = subprocess.Popen([sys.executable, "-m", "soutu_client.web"], env=environment, stderr=subprocess.DEVNULL)
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            connection = self.connect()
            connection.request("GET", "/api/session")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def connect(self) -> http.client.HTTPConnection:
        self._connections.append(http.client.HTTPConnection(self.listen, timeout=PATIENCE))
        return self._connections[-1]

    @property
    def url(self) -> str:
        return f"http://{self.listen}"

    @property
    def peak_bytes(self) -> int:
        """Most memory that it ever held."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self._process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) << 10

    def stop(self) -> None:
        for connection in self._connections:
            connection.close()
        self._process.terminate()
        self._process.wait(PATIENCE)
