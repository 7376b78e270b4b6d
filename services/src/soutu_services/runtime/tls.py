"""TLS: the certificate that a server shows, and the authority by which clients know it."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import grpc
from cryptography import x509
from prometheus_client import Gauge
from pydantic import BaseModel, ConfigDict, Field, model_validator

from soutu_services.runtime.errors import FailedPrecondition

__all__ = ["PlaintextRefused", "ServerCertificate", "TlsProblem", "TlsSettings", "read_authority", "verifying_context"]

_SOON = timedelta(days=30)
_EXPIRES = Gauge("soutu_tls_certificate_expires_seconds", "When the server's certificate ends, in seconds since 1970.")
_logger = logging.getLogger(__name__)


class TlsProblem(FailedPrecondition):
    """A certificate, a key or an authority cannot be used."""


class PlaintextRefused(FailedPrecondition):
    """What goes to or comes from other machines would not be encrypted."""


class TlsSettings(BaseModel):
    """Where the files of a machine are, as ``soutu-certificates`` makes them; all are PEM. Unset: no TLS.

    Attributes:
        certificate: The server's certificate, and those between it and the authority.
        key: The certificate's private key, not encrypted.
        authority: Certificate of the home's authority, by which other services are known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Path | None = Field(None, description="The server's certificate (PEM).")
    key: Path | None = Field(None, description="Its private key (PEM).")
    authority: Path | None = Field(None, description="Certificate of the authority by which other services are known (PEM).")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate needs its key, and a key its certificate: set both")
        return self


class ServerCertificate:
    """A server's certificate and key, read again when the files change: a renewed one serves without a restart."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files.

        Raises:
            TlsProblem: they cannot be used.
        """
        self._certificate = certificate
        self._key = key
        self._lock = threading.Lock()
        self._stamp = self._stamp_now()
        self._configuration = self._read()
        self._context = self._make_context()

    @classmethod
    def of(cls, settings: TlsSettings | None) -> ServerCertificate | None:
        """Read what the settings name; None if they name nothing.

        Raises:
            TlsProblem: the files cannot be used.
        """
        if settings is None or settings.certificate is None or settings.key is None:
            return None
        return cls(settings.certificate, settings.key)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for a gRPC server."""
        return grpc.dynamic_ssl_server_credentials(self._configuration, self._renewed)

    def wrap(self, connection: socket.socket) -> ssl.SSLSocket:
        """Return an accepted connection as one of TLS; the handshake is left to the first read."""
        self._renewed()
        with self._lock:
            context = self._context
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def _renewed(self) -> grpc.ServerCertificateConfiguration:
        """Return what to show to the next client. Files that cannot be used are left alone: the old ones serve on."""
        with self._lock:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._configuration, self._context = self._read(), self._make_context()
                    _logger.info("the certificate was renewed")
                except TlsProblem as problem:
                    _logger.error("the new certificate cannot be used, the old one serves on: %s", problem)
            return self._configuration

    def _stamp_now(self) -> tuple[object, ...]:
        stamp: list[object] = []
        for path in (self._certificate, self._key):
            try:
                found = path.stat()
                stamp += [found.st_mtime_ns, found.st_size, found.st_ino]
            except OSError:
                stamp.append(None)
        return tuple(stamp)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate, key = _read(self._certificate, "CERTIFICATE"), _read(self._key, "KEY")
        try:
            ends = x509.load_pem_x509_certificates(certificate)[0].not_valid_after_utc
        except (ValueError, IndexError):
            raise _unusable("CERTIFICATE", zh="里没有可用的证书", en="holds no certificate") from None
        self._make_context()
        _EXPIRES.set(ends.timestamp())
        left = ends - datetime.now(UTC)
        if left < timedelta(0):
            raise _unusable(
                "CERTIFICATE", zh=f"里的证书已于 {ends:%Y-%m-%d} 过期", en=f"holds a certificate that ended on {ends:%Y-%m-%d}"
            )
        if left < _SOON:
            _logger.warning("the certificate ends on %s; renew it with soutu-certificates", f"{ends:%Y-%m-%d}")
        return grpc.ssl_server_certificate_configuration([(key, certificate)])

    def _make_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key, password=lambda: b"")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise _unusable(
                "KEY", zh="里的私钥不能用，或不属于这张证书", en="holds no usable key, or that of another certificate"
            ) from error
        return context


def read_authority(path: Path, variable: str = "TLS__AUTHORITY") -> bytes:
    """Read an authority's certificates.

    Args:
        path: The file.
        variable: Setting that names it, for the message.

    Raises:
        TlsProblem: it cannot be read, or holds none.
    """
    data = _read(path, variable)
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        found = []
    if not found:
        raise _unusable(variable, zh="里没有可用的证书", en="holds no certificate")
    return data


def verifying_context(authority: Path | None, variable: str = "TLS__AUTHORITY") -> ssl.SSLContext:
    """Return how a client verifies a server: by the system's authorities, and by the home's if it is given.

    Raises:
        TlsProblem: the file cannot be used.
    """
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(cadata=read_authority(authority, variable).decode("ascii", "ignore"))
    return context


def _read(path: Path, variable: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(variable, zh=f"读不出来（{error.strerror}）", en=f"cannot be read ({error.strerror})") from error


def _unusable(variable: str, *, zh: str, en: str) -> TlsProblem:
    name = variable if "__" in variable else f"TLS__{variable}"
    return TlsProblem(
        "TLS_FILE_UNUSABLE",
        zh=f"设置 SOUTU_…_{name} 所指的文件{zh}；请检查路径，或用 soutu-certificates 重新生成",
        en=f"the file that the setting SOUTU_…_{name} names {en}; check its path, or make a new one with soutu-certificates",
    )
