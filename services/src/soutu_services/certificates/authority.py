"""The home's certificate authority: a key that only signs certificates of the home's machines (RFC 5280)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "certificate_names", "pem_of"]

_AUTHORITY_LIFE = timedelta(days=3650)
_MACHINE_LIFE = timedelta(days=800)
"""Some systems take no certificate that lives longer than 825 days."""
_CLOCK_SKEW = timedelta(days=1)
"""How late a machine's clock may be, for instance that of a Raspberry Pi, which has no battery, right after its start."""


class Authority:
    """An authority that can sign.

    Attributes:
        certificate: What everyone may know.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def make(cls) -> Self:
        """Make a new one, for ten years. It signs certificates of machines, and none of further authorities."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"soutu home {x509.random_serial_number():x}"[:24])])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def read(cls, certificate: bytes, key: bytes) -> Self:
        """Read one from PEM.

        Raises:
            ValueError: it is none, or the key is another's.
        """
        read = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != read.public_key():
            raise ValueError("the key is not that of the certificate")
        return cls(read, private)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, not encrypted: whoever reads it can pose as any machine of the home."""
        return _key_pem(self._key)

    def has_signed(self, certificate: x509.Certificate) -> bool:
        """Say whether a certificate is by this authority."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def issue(self, names: Sequence[str], *, now: datetime | None = None) -> tuple[bytes, bytes]:
        """Make a key and a certificate for a machine.

        Args:
            names: Its DNS names and IP addresses.
            now: When it begins; None: now.

        Returns:
            The certificate and the key, as PEM.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        begins = now or datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins - _CLOCK_SKEW)
            .not_valid_after(min(begins + _MACHINE_LIFE, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return pem_of(certificate), _key_pem(key)


def certificate_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the names and addresses that a certificate is for."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*held.get_values_for_type(x509.DNSName), *(str(each) for each in held.get_values_for_type(x509.IPAddress)))


def pem_of(certificate: x509.Certificate) -> bytes:
    """Write a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
