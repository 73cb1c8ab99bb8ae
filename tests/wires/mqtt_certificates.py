"""A small authority for TLS tests: ECDSA certificates for a broker on 127.0.0.1 and for a controller."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Writes PEM files into `folder`: `ca.pem`, and for each name `<name>.pem` and `<name>.key`."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        made = self._start(self._name, self._key.public_key())
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        made = made.add_extension(usage, critical=True)
        self.ca = self._write("ca.pem", made.sign(self._key, hashes.SHA256()))

    def issue(self, name: str, *, begins_days: float = -1, ends_days: float = 9) -> tuple[str, str]:
        """A certificate for `name` and 127.0.0.1, valid from and to so many days from now; file names of it and its
        key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternatives = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = self._start(subject, key.public_key(), begins_days, ends_days)
        made = made.add_extension(alternatives, critical=False)
        made = made.add_extension(issuer, critical=False)
        secret = self.folder / f"{name}.key"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return self._write(f"{name}.pem", made.sign(self._key, hashes.SHA256())), str(secret)

    def _start(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begins_days: float = -1, ends_days: float = 9
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        made = made.serial_number(x509.random_serial_number())
        begins, ends = (now + datetime.timedelta(days=days) for days in (begins_days, ends_days))
        made = made.not_valid_before(begins).not_valid_after(ends)
        # RFC 5280, 4.2.1.2; Python 3.13 insists on it.
        return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)

    def _write(self, name: str, certificate: x509.Certificate) -> str:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)
