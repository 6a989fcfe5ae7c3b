"""Certificates for HTTPS: the user's own, or a generated development certificate.

Source: "Customizing the TLS certificate" is AWS_CA_BUNDLE for boto3 and the AWS CLI, NODE_EXTRA_CA_CERTS for Node.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

NAMES = ("localhost", "*.localhost", "emulator", "host.docker.internal")
ADDRESSES = ("127.0.0.1", "::1")
DAYS = 365
CERTIFICATE, KEY = "certificate.pem", "key.pem"


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's TLS context. Raises OSError (ssl.SSLError) for unreadable files or a key that does not match."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    # a connection closed without close_notify is fine: HTTP's framing shows whether a body is complete
    made.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return made


def development_certificate(folder: Path) -> tuple[Path, Path]:
    """Paths of a certificate and key in `folder`, generated unless those there are valid for another day.

    The certificate is self-signed: trusting the file trusts this emulator on this machine only.
    """
    from cryptography import x509

    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() and key.exists():
        until = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
        if until > datetime.now(UTC) + timedelta(days=1):
            return certificate, key
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pair = _make()
    for path, data, mode in ((key, pair[1], 0o600), (certificate, pair[0], 0o644)):
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    return certificate, key


def _make() -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "neo-emulator, for development")])
    alternatives = [x509.DNSName(text) for text in NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ADDRESSES]
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    begin = datetime.now(UTC) - timedelta(minutes=5)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*alternatives, *addresses]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
