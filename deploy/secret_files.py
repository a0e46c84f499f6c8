"""Secrets as files, which compose lays into the containers that need them, and the certificate of the proxy.

The folder is for its owner alone; the files in it can be read by whoever gets into it, because a container's user has
a number of its own and compose hands a file out as it lies.
"""

import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GENERATED = {"secret_key": 48, "postgres_password": 24, "redis_password": 24}  # bytes of chance
BY_HAND = ("openai_api_key",)  # empty until somebody puts it there
SOON = timedelta(days=30)


def make(folder: Path) -> None:
    """Make those that are missing; leave the others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, size in GENERATED.items():
        if not (folder / name).exists():
            write(folder / name, secrets.token_urlsafe(size) + "\n")
    for name in BY_HAND:
        if not (folder / name).exists():
            write(folder / name, "")


def write(path: Path, text: str | bytes, mode: int = 0o444) -> None:
    """A new file in place of an old one, never half written."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fresh.write_bytes(text.encode() if isinstance(text, str) else text)
    fresh.chmod(mode)
    os.replace(fresh, path)


def certificate(folder: Path, site: str, cards: str) -> None:
    """Where no certificate lies in tls/, one of an authority of our own, whose certificate browsers must be given.

    Ours is made anew a month before it ends, and when the names changed. Any other one is left alone.
    """
    tls = folder / "tls"
    tls.mkdir(exist_ok=True)
    tls.chmod(0o755)
    mine, there = folder / "own-authority.key", tls / "app.crt"
    if there.exists() and (not mine.exists() or not _is_due(there, {site, f"*.{cards}"})):
        return
    key, authority = _authority(mine, tls / "authority.crt")
    own = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        _empty(site, now, timedelta(days=397))
        .issuer_name(authority.subject)
        .public_key(own.public_key())
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(site), x509.DNSName(f"*.{cards}")]), critical=False
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write(tls / "app.key", _pem_of(own))
    write(there, made.public_bytes(serialization.Encoding.PEM))


def _authority(key_path: Path, cert_path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    if key_path.exists() and cert_path.exists():
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, x509.load_pem_x509_certificate(cert_path.read_bytes())
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = _empty("Vibe, of this machine", now, timedelta(days=3650))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vibe, of this machine")])
    cert = (
        made.issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write(key_path, _pem_of(key), mode=0o400)  # never in tls/, which the proxy sees
    write(cert_path, cert.public_bytes(serialization.Encoding.PEM))
    return key, cert


def _empty(name: str, now: datetime, lasts: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + lasts)
    )


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _is_due(path: Path, names: set[str]) -> bool:
    there = x509.load_pem_x509_certificate(path.read_bytes())
    if there.issuer.rfc4514_string() != "CN=Vibe\\, of this machine":
        return False
    told = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        set(told.get_values_for_type(x509.DNSName)) != names
        or there.not_valid_after_utc < datetime.now(UTC) + SOON
    )
