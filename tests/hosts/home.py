"""The home of the test: a NAS with the object store, the search service and the page, a GPU machine, and this client."""

from __future__ import annotations

import http.client
import io
import itertools
import json
import os
import socket
import ssl
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from compose_files import DEPLOY
from hosts.machine import Machine, Program
from hosts.network import BROADCAST, Network
from patience import PATIENCE
from soutu_client import Client
from soutu_services.certificates.certificate_folder import CertificateFolder
from soutu_services.certificates.installed_folder import install

__all__ = ["GPU_NAME", "MAC", "NAS_NAME", "Home"]

NAS_NAME, GPU_NAME = "nas.home", "gpu.home"
"""Names as a router gives them. The NAS is also ``nas.local``, which this client's system does not know: mDNS alone does."""
MAC = "02:00:00:00:00:03"
SAMPLES = DEPLOY / "samples"
_NAS_ADDRESS, _GPU_ADDRESS, _CLIENT_ADDRESS = "10.77.0.2", "10.77.0.3", "10.77.0.4"
_numbers = itertools.count(1)


@dataclass
class Home:
    """Machines, certificates and tokens in a folder; nothing runs yet."""

    folder: Path
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        self.network = Network(self.folder)
        client = self.network.host("", _CLIENT_ADDRESS)
        nas = self.network.host("nas", _NAS_ADDRESS)
        gpu = self.network.host("gpu", _GPU_ADDRESS)
        self.network.know({NAS_NAME: nas.address, GPU_NAME: gpu.address})
        authority = CertificateFolder.open(self.folder / "authority")
        for machine, names in (("nas", ["nas.local", NAS_NAME, nas.address]), ("gpu", ["gpu.local", GPU_NAME])):
            install(authority.issue(names), self.folder / machine)
        self.client, self.nas, self.gpu = client, self._nas(nas), self._gpu(gpu)
        self._wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._wire.bind(("", 9))  # all of the network hears a broadcast
        self._wire.setblocking(False)

    @property
    def authority(self) -> Path:
        """What the client knows the home by."""
        return self.folder / "nas" / "ca.pem"

    def connect(self, address: str | None, *, timeout_seconds: float = 8.0) -> Client:
        """Connect as a program on the client does; with no address it finds the home's service."""
        token = (self.folder / "data" / "admin-token").read_text().strip()
        return Client(address, token=token, authority=self.authority, timeout_seconds=timeout_seconds, language="en")

    def soutu(self, *arguments: str) -> Any:
        """Run the command on the client, told only the home's authority and the token, and return what it prints as JSON."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
        told = {"SOUTU_AUTHORITY": str(self.authority), "SOUTU_TOKEN_FILE": str(self.folder / "data" / "admin-token")}
        command = [str(Path(sysconfig.get_path("scripts")) / "soutu"), *arguments, "--json"]
        environment = {**own, **told, "SOUTU_LANGUAGE": "en", "HOME": str(self.folder)}
        ended = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def page(self, text: str, *, timeout_seconds: float = 10.0) -> list[str]:
        """Search on the page, as a phone does, and return the names that it finds."""
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(NAS_NAME, 8400, context=context, timeout=timeout_seconds)
        token = (self.folder / "data" / "admin-token").read_text().strip()
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request("POST", "/api/search", json.dumps({"terms": [{"text": text}]}).encode(), headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            assert answer.status == 200, told
            return [name["name"] for hit in told["hits"] for name in hit["photo"]["names"]]
        finally:
            connection.close()

    def pictures(self, folder: str, *names: str, scale: int = 1) -> Path:
        """Make real photos that the library does not have, in a folder of the client, so many times as large as the sample."""
        place = self.folder / "pictures" / folder
        place.mkdir(parents=True)
        for name in names:
            with Image.open(SAMPLES / "chelsea.jpg") as whole:
                edge = next(_numbers)
                part = whole.crop((edge, edge, whole.width - edge, whole.height - edge))
            out = io.BytesIO()
            part = part.resize((scale * part.width, scale * part.height))
            part.save(out, "JPEG", quality=90)
            (place / name).write_bytes(out.getvalue())
        return place

    def heard(self) -> list[bytes]:
        """Return what was broadcast to wake machines since the last time."""
        found = []
        while True:
            try:
                found.append(self._wire.recv(4096))
            except BlockingIOError:
                return found

    def _nas(self, host: Any) -> Machine:
        secrets, store = self.folder / "nas", self.folder / "store"
        store.mkdir()
        key = (secrets / "store-key").read_text().strip()
        serve = ("rclone", "serve", "s3", "--config", os.devnull, "--etag-hash", "", "--dir-cache-time", "1s")
        tls = _tls("SOUTU_SEARCH", secrets) | {"SOUTU_SEARCH_TLS__AUTHORITY": str(secrets / "ca.pem")}
        search = {
            **tls,
            "SOUTU_SEARCH_LISTEN": "0.0.0.0:8401",
            "SOUTU_SEARCH_METRICS_LISTEN": "",
            "SOUTU_SEARCH_DATA_FOLDER": str(self.folder / "data"),
            "SOUTU_SEARCH_STORE__URL": "http://127.0.0.1:8403",
            "SOUTU_SEARCH_STORE__ACCESS_KEY": "soutu",
            "SOUTU_SEARCH_STORE__SECRET_KEY_FILE": str(secrets / "store-key"),
            "SOUTU_SEARCH_STORE__FOLDER": str(store),
            "SOUTU_SEARCH_EMBEDDING_ADDRESS": f"{GPU_NAME}:8402",
            "SOUTU_SEARCH_EMBEDDING_TOKEN_FILE": str(secrets / "embedding-token"),
            "SOUTU_SEARCH_WAKE__MAC": MAC,
            "SOUTU_SEARCH_WAKE__BROADCAST": f"{BROADCAST}:9",
            "SOUTU_SEARCH_WAKE__MIN_PHOTOS": "2",
        }
        web = {
            **_tls("SOUTU_WEB", secrets),
            "SOUTU_WEB_LISTEN": "0.0.0.0:8400",
            "SOUTU_WEB_HOSTS": NAS_NAME,
            "SOUTU_ADDRESS": "127.0.0.1:8401",
            "SOUTU_AUTHORITY": str(secrets / "ca.pem"),
        }
        programs = (
            Program("store", (*serve, "--addr", "127.0.0.1:8403", str(store)), {"RCLONE_AUTH_KEY": f'"soutu,{key}"'}, "Starting"),
            Program("search", ("python", "-m", "soutu_services.search"), search, "ready on"),
            Program("web", ("python", "-m", "soutu_client.web"), web, "the page is at"),
        )
        return Machine(host, self.folder, programs)

    def _gpu(self, host: Any) -> Machine:
        secrets = self.folder / "gpu"
        embedding = {
            **_tls("SOUTU_EMBEDDING", secrets),
            "SOUTU_EMBEDDING_LISTEN": "0.0.0.0:8402",
            "SOUTU_EMBEDDING_METRICS_LISTEN": "",
            "SOUTU_EMBEDDING_TOKEN_FILE": str(secrets / "embedding-token"),
            "SOUTU_EMBEDDING_MODELS": "lite",
        }
        program = Program("embedding", ("python", "-m", "soutu_services.embedding"), embedding, "ready on")
        return Machine(host, self.folder, (program,))


def _tls(prefix: str, secrets: Path) -> Mapping[str, str]:
    return {
        f"{prefix}_TLS__CERTIFICATE": str(secrets / "certificate.pem"),
        f"{prefix}_TLS__KEY": str(secrets / "key.pem"),
    }
