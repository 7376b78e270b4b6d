"""Certificates for tests: a home's authority, another one, and the kinds of certificates that clients must refuse."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from soutu_services.certificates.certificate_folder import CertificateFolder
from soutu_services.certificates.host_names import LOCAL_NAMES
from soutu_services.runtime.tls import TlsSettings

_numbers = itertools.count()


@dataclass(frozen=True)
class HomeCertificates:
    """``authority`` vouches for what ``machine`` returns; ``stranger`` is the authority of another home."""

    root: Path

    @property
    def authority(self) -> Path:
        return self.root / "home" / "ca.pem"

    @property
    def stranger(self) -> Path:
        CertificateFolder.open(self.root / "stranger")
        return self.root / "stranger" / "ca.pem"

    def machine(self, *names: str, now: datetime | None = None) -> TlsSettings:
        """Return the files of a machine that is reached by these names; none: by those of loopback."""
        authority = CertificateFolder.open(self.root / "home").authority
        certificate, key = authority.issue(names or LOCAL_NAMES, now=now)
        folder = self.root / f"machine-{next(_numbers)}"
        folder.mkdir()
        (folder / "certificate.pem").write_bytes(certificate)
        (folder / "key.pem").write_bytes(key)
        return TlsSettings(certificate=folder / "certificate.pem", key=folder / "key.pem", authority=self.authority)

    def ended_machine(self) -> TlsSettings:
        """Return the files of a machine whose certificate has ended."""
        return self.machine(now=datetime.now(UTC) - timedelta(days=1000))
