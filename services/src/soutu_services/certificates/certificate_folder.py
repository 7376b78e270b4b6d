"""The folder of a home's certificates: the authority on top, a folder for each machine below, ready to be copied to it.

It holds the token as well by which the search service and the embedding services know each other.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from soutu_services.certificates.authority import Authority, certificate_names, pem_of
from soutu_services.certificates.host_names import LOCAL_NAMES, folder_name
from soutu_services.runtime.errors import FailedPrecondition

__all__ = [
    "AUTHORITY_FILE",
    "AUTHORITY_KEY_FILE",
    "CERTIFICATE_FILE",
    "KEY_FILE",
    "TOKEN_FILE",
    "CertificateFolder",
    "Issued",
    "Outcome",
    "unusable_folder",
    "write_whole",
]

AUTHORITY_FILE = "ca.pem"
AUTHORITY_KEY_FILE = "ca-key.pem"
CERTIFICATE_FILE = "certificate.pem"
KEY_FILE = "key.pem"
TOKEN_FILE = "embedding-token"  # noqa: S105 - a file's name

_TOKEN_BYTES = 32
RENEW_BEFORE = timedelta(days=90)
"""A certificate that ends sooner is made anew."""


class Outcome(Enum):
    """What became of a machine's certificate."""

    MADE = "made"
    RENEWED = "renewed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Issued:
    """A machine's certificate.

    Attributes:
        folder: Holds it, its key, the authority's certificate and the token between the services.
        names: Names and addresses that it is for.
        ends_at: When it ends.
        outcome: What was done.
    """

    folder: Path
    names: tuple[str, ...]
    ends_at: datetime
    outcome: Outcome


class CertificateFolder:
    """An authority and its machines' certificates in a folder."""

    def __init__(self, root: Path, authority: Authority, *, is_new: bool) -> None:
        self.root = root
        self.authority = authority
        self.is_new = is_new

    @classmethod
    def open(cls, root: Path) -> CertificateFolder:
        """Open a folder, with a new authority if it has none; one that is there is never replaced.

        Raises:
            FailedPrecondition: half of the authority is missing or damaged, it has ended, or the folder cannot be written.
        """
        certificate, key = root / AUTHORITY_FILE, root / AUTHORITY_KEY_FILE
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for half, other in ((certificate, key), (key, certificate)):
                if half.exists() and not other.exists():
                    raise FailedPrecondition(
                        "AUTHORITY_INCOMPLETE",
                        zh=f"{root} 里有 {half.name} 却没有 {other.name}：请把它找回来；要从头开始，就换一个空文件夹",
                        en=f"{root} holds {half.name} but not {other.name}: put it back, or begin anew in an empty folder",
                    )
            if not certificate.exists():
                authority = Authority.make()
                write_whole(key, authority.key_pem, private=True)
                write_whole(certificate, pem_of(authority.certificate), private=False)
                return cls(root, authority, is_new=True)
            authority = Authority.read(certificate.read_bytes(), key.read_bytes())
        except OSError as error:
            raise unusable_folder(root, error) from error
        except ValueError as error:
            raise FailedPrecondition(
                "AUTHORITY_DAMAGED",
                zh=f"{root} 里的 {AUTHORITY_FILE} 和 {AUTHORITY_KEY_FILE} 已损坏或不是一对：请从备份恢复，或换空文件夹重来",
                en=f"{AUTHORITY_FILE} and {AUTHORITY_KEY_FILE} in {root} are damaged or no pair: restore them, or begin anew "
                "in an empty folder",
            ) from error
        if authority.certificate.not_valid_after_utc < datetime.now(UTC):
            raise FailedPrecondition(
                "AUTHORITY_ENDED",
                zh=f"{root} 里的证书机构已过期：请换一个空文件夹重新开始，再把新的 {AUTHORITY_FILE} 发给每台机器",
                en=f"the authority in {root} has ended: begin anew in an empty folder, and give out its {AUTHORITY_FILE}",
            )
        return cls(root, authority, is_new=False)

    def issue(self, names: Sequence[str]) -> Issued:
        """Have a certificate for a machine: kept if it is good for a while and for all the names, else made anew.

        Names that it had before stay.

        Raises:
            FailedPrecondition: the folder cannot be written.
        """
        folder = self.root / folder_name(names)
        try:
            present = self._present(folder)
            wanted = tuple(dict.fromkeys([*names, *(certificate_names(present) if present else ()), *LOCAL_NAMES]))
            if present is not None and self._is_good(present, wanted) and _is_key_of(folder / KEY_FILE, present):
                self._copy_shared(folder)
                return Issued(folder, wanted, present.not_valid_after_utc, Outcome.KEPT)
            certificate, key = self.authority.issue(wanted)
            folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(folder / KEY_FILE, key, private=True)
            write_whole(folder / CERTIFICATE_FILE, certificate, private=False)
            self._copy_shared(folder)
        except OSError as error:
            raise unusable_folder(folder, error) from error
        ends_at = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
        return Issued(folder, wanted, ends_at, Outcome.MADE if present is None else Outcome.RENEWED)

    def machines(self) -> Iterator[tuple[str, ...]]:
        """Yield the names of the machines that have a certificate."""
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            present = self._present(folder)
            names = tuple(name for name in certificate_names(present) if name not in LOCAL_NAMES) if present else ()
            if names:
                yield tuple(sorted(names, key=lambda name, own=folder.name: folder_name([name]) != own))  # type: ignore[misc]

    def _present(self, folder: Path) -> x509.Certificate | None:
        try:
            return x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def _is_good(self, certificate: x509.Certificate, names: Sequence[str]) -> bool:
        ends = certificate.not_valid_after_utc
        lasts = ends - datetime.now(UTC) > RENEW_BEFORE or ends >= self.authority.certificate.not_valid_after_utc
        return lasts and set(names) <= set(certificate_names(certificate)) and self.authority.has_signed(certificate)

    def _copy_shared(self, folder: Path) -> None:
        """Put into a machine's folder what all machines have."""
        token = self.root / TOKEN_FILE
        if not token.exists():
            write_whole(token, f"soutu_{secrets.token_urlsafe(_TOKEN_BYTES)}\n".encode(), private=True)
        shared = ((AUTHORITY_FILE, pem_of(self.authority.certificate), False), (TOKEN_FILE, token.read_bytes(), True))
        for name, data, private in shared:
            copy = folder / name
            if not copy.exists() or copy.read_bytes() != data:
                write_whole(copy, data, private=private)


def _is_key_of(path: Path, certificate: x509.Certificate) -> bool:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return False
    return key.public_key() == certificate.public_key()


def write_whole(path: Path, data: bytes, *, private: bool) -> None:
    """Write a file whole or not at all; a private one was never readable to others."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def unusable_folder(path: Path, error: OSError) -> FailedPrecondition:
    """Say why a folder cannot be used."""
    return FailedPrecondition(
        "FOLDER_UNUSABLE",
        zh=f"文件夹 {path} 不能用（{error.strerror}）：请检查权限和磁盘空间，或换一个",
        en=f"the folder {path} cannot be used ({error.strerror}): check permissions and space, or name another",
    )
