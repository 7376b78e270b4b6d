"""A real S3 server for tests: ``rclone serve s3`` over a folder, on a free loopback port."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from loopback_ports import free_address
from patience import PATIENCE
from soutu_services.runtime.tls import TlsSettings
from soutu_services.search.settings import StoreSettings

_ACCESS_KEY = "soutu-test"
_SECRET_KEY = "only-for-tests"


@dataclass
class ObjectServer:
    """A running S3 server. ``folder`` holds one folder for each bucket."""

    folder: Path
    url: str
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    @property
    def settings(self) -> StoreSettings:
        return StoreSettings(url=self.url, access_key=_ACCESS_KEY, secret_key=SecretStr(_SECRET_KEY))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)

    def start_again(self) -> None:
        """Start a stopped server on the address it had."""
        self.process, self.url, self.log = _start(self.folder, self.url.removeprefix("http://"), read_only=False)


@contextmanager
def serve_folder(folder: Path, *, read_only: bool = False, tls: TlsSettings | None = None) -> Iterator[ObjectServer]:
    """Serve a folder's sub-folders as buckets until the block ends."""
    process, url, log = _start(folder, free_address(), read_only=read_only, tls=tls)
    server = ObjectServer(folder, url, process, log)
    try:
        yield server
    finally:
        server.stop()


def _start(
    folder: Path, address: str, *, read_only: bool, tls: TlsSettings | None = None
) -> tuple[subprocess.Popen[str], str, list[str]]:
    program = Path(sysconfig.get_path("scripts")) / "rclone"
    command = [
        str(program),
        "serve",
        "s3",
        "--addr",
        address,
        "--etag-hash",
        "",
        "--dir-cache-time",
        "1s",
        "--config",
        os.devnull,
    ]
    process = subprocess.Popen(
        [
            *command,
            *(["--read-only"] if read_only else []),
            *(["--cert", str(tls.certificate), "--key", str(tls.key)] if tls else []),
            str(folder),
        ],
        env={**os.environ, "RCLONE_AUTH_KEY": f'"{_ACCESS_KEY},{_SECRET_KEY}"'},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    log: list[str] = []
    started: list[str] = []
    is_known = threading.Event()

    def read_log() -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                log.append(line)
                found = re.search(r"Starting s3 server on \[(https?://[^/\]]+)/?\]", line)
                if found:
                    started.append(found[1])
                    is_known.set()
        is_known.set()

    threading.Thread(target=read_log, daemon=True).start()
    if not is_known.wait(PATIENCE) or not started:
        process.kill()
        process.wait(PATIENCE)
        raise RuntimeError(f"the S3 server did not start: {''.join(log)}")
    return process, started[0], log
