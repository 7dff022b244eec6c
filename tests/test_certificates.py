"""Certificate of our own: for these names, for now, its key for the owner alone."""

import os
import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from tl_core import certificates
from tl_core.certificates import ensure_certificate

NAMES = ["lab", "lab.local"]
ADDRESSES = ["192.168.1.5", "fd00::5"]


@pytest.fixture
def made(tmp_path):
    return ensure_certificate(tmp_path, NAMES, ADDRESSES)


def test_it_stands_for_names_and_addresses(made):
    certificate = x509.load_pem_x509_certificate(made.file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ADDRESSES
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert timedelta(days=300) < lifetime < timedelta(days=398)


def test_a_server_takes_it(made):
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.file, made.key)
    der = ssl.PEM_cert_to_DER_cert(made.file.read_text())
    import hashlib

    assert made.fingerprint.replace(":", "") == hashlib.sha256(der).hexdigest().upper()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_its_key_is_for_the_owner_alone(made):
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_it_is_kept_while_it_serves(tmp_path, made):
    assert ensure_certificate(tmp_path, NAMES, ADDRESSES) == made
    assert ensure_certificate(tmp_path, NAMES[:1], ADDRESSES[1:]) == made


def test_a_new_address_is_covered_by_a_new_one(tmp_path, made):
    renewed = ensure_certificate(tmp_path, NAMES, ["10.0.0.9"])
    assert renewed.fingerprint != made.fingerprint
    assert ensure_certificate(tmp_path, NAMES, ["10.0.0.9"]) == renewed


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_what_is_missing_or_damaged_is_made_anew(tmp_path, made, name, content):
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert ensure_certificate(tmp_path, NAMES, ADDRESSES).fingerprint != made.fingerprint


def test_a_key_of_another_certificate_is_noticed(tmp_path, made):
    other = ensure_certificate(tmp_path / "other", NAMES, ADDRESSES)
    made.key.write_bytes(other.key.read_bytes())
    assert ensure_certificate(tmp_path, NAMES, ADDRESSES).fingerprint != made.fingerprint


def test_it_is_renewed_a_month_before_it_ends(tmp_path, made, monkeypatch):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(days=370)

    monkeypatch.setattr(certificates, "datetime", Later)
    assert ensure_certificate(tmp_path, NAMES, ADDRESSES).fingerprint != made.fingerprint
