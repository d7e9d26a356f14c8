"""A certificate authority of a test's own, what it signs, and a server that asks for it."""

import datetime
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.scripted import ScriptedPacs

DAY = datetime.timedelta(days=1)


class Authority:
    """An authority whose own certificate and those that it signs are PEM texts."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = self._signed(self._name, self._key, authority=True)
        self.pem = _pem(self._certificate)

    def signed(self, name: str) -> str:
        """A certificate for 127.0.0.1 with its key, as one text."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(self._signed(_name(name), key, authority=False)) + private.decode()

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder(
                self._name, subject, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY
            )
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(_usage(signs=authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
            .sign(self._key, hashes.SHA256())
        )


@contextmanager
def secured(pacs: ScriptedPacs, folder: Path, certificate: str, callers: str = "") -> Iterator[str]:
    """The scripted PACS over TLS with a certificate; asks callers for one of the authority `callers`. Gives its URL."""
    own, authority = folder / "server.pem", folder / "callers.pem"
    own.write_text(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    if callers:
        authority.write_text(callers)
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    pacs.encrypt(context)
    with pacs:
        yield pacs.url


def _usage(*, signs: bool) -> x509.KeyUsage:
    """What RFC 5280 section 4.2.1.3 wants of an authority's key, and of one that signs handshakes."""
    others = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
        **others,
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
