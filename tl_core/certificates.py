"""TLS certificate of our own, for a network in which no authority vouches for this machine.

Browsers give a page the camera over HTTPS only. They warn of such a certificate once; the
fingerprint tells it from another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.files import write_whole
from tl_core.secret_files import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_LIFETIME = timedelta(days=397)
"""Browsers of Apple refuse certificates that are valid for longer than 398 days."""
_RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a certificate and its key, both PEM."""

    file: Path
    key: Path
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it."""


def ensure_certificate(folder: Path, names: list[str], addresses: list[str]) -> Certificate:
    """Return the folder's certificate for all these names and addresses; make one where needed.

    It is made anew when it lacks one of them, ends within a month or does not fit its key.

    Args:
        names: host names, such as `lab.local`.
        addresses: IP addresses.

    Raises:
        OSError: the folder cannot be read or written.
    """
    file = folder / "tls.crt"
    key = folder / "tls.key"
    known = _read(file, key)
    if known is None or not _is_good(known, {*names, *addresses}):
        known = _make(file, key, names, addresses)
    return Certificate(file, key, _fingerprint(known))


def _read(file: Path, key: Path) -> x509.Certificate | None:
    """Return the certificate, or None where it or its key is missing or damaged."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return certificate if private.public_key() == certificate.public_key() else None


def _is_good(certificate: x509.Certificate, wanted: set[str]) -> bool:
    from cryptography import x509

    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    covered = {
        *extension.get_values_for_type(x509.DNSName),
        *map(str, extension.get_values_for_type(x509.IPAddress)),
    }
    now = datetime.now(UTC)
    is_current = certificate.not_valid_before_utc <= now
    return (
        is_current
        and now + _RENEWED_BEFORE < certificate.not_valid_after_utc
        and {str(ip) for ip in wanted} <= covered
    )


def _make(file: Path, key: Path, names: list[str], addresses: list[str]) -> x509.Certificate:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(private, names, addresses)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # A crash between the two leaves a pair that does not fit, which is made anew at the next start.
    write_private(key, pem)
    write_whole(file, certificate.public_bytes(Encoding.PEM))
    return certificate


def _sign(
    private: EllipticCurvePrivateKey, names: list[str], addresses: list[str]
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TransferLab on this network")])
    alternatives = [
        *(x509.DNSName(name) for name in names),
        *(x509.IPAddress(ip_address(address)) for address in addresses),
    ]
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of students' devices are rarely right to the minute.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(private, hashes.SHA256())


def _fingerprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
