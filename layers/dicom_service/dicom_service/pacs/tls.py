"""What TLS with the PACS is checked against, and what the service shows of itself."""

import atexit
import os
import ssl
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from certifi import where

from dicom_service import settings
from dicom_service.errors import ConfigurationError

PEM = "-----BEGIN "


@dataclass(frozen=True)
class Tls:
    """Paths of PEM files: `authorities` that the PACS's certificate must come from, the service's own `certificate`.

    Each is None where it is not configured: what the machine trusts (or REQUESTS_CA_BUNDLE names) is trusted then.
    """

    authorities: str | None = None
    certificate: str | None = None


def tls() -> Tls:
    """From the environment; raises ConfigurationError for what is neither PEM nor a file."""
    return Tls(pem_file("PACS_CA_BUNDLE"), pem_file("PACS_CLIENT_CERTIFICATE"))


def authorities_beside_the_pacs() -> str | None:
    """For a server that goes with the PACS, as its token endpoint: what PACS_CA_BUNDLE and the machine trust, together.

    None where no authority is configured; raises what `tls` does.
    """
    own = pem_file("PACS_CA_BUNDLE")
    if own is None:
        return None
    named = os.environ.get("REQUESTS_CA_BUNDLE", "")
    bundles = (own, named if os.path.isfile(named) else where())
    return _written("\n".join(Path(bundle).read_text(encoding="utf-8") for bundle in bundles))


def check_authorities(name: str = "PACS_CA_BUNDLE") -> None:
    """Raises ConfigurationError where the setting holds no certificate."""
    path = pem_file(name)
    try:
        if path:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{name} holds no certificate in PEM") from error


def check_certificate() -> None:
    """Raises ConfigurationError where PACS_CLIENT_CERTIFICATE holds no certificate, or not its key as plain text."""
    path = pem_file("PACS_CLIENT_CERTIFICATE")
    try:
        if path:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, password=lambda: "")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "PACS_CLIENT_CERTIFICATE holds no certificate with its private key in PEM, without a passphrase"
        ) from error


def pem_file(name: str) -> str | None:
    """The path of the PEM file that a setting names or holds, None where it is not set; raises ConfigurationError."""
    value = settings.secret(name)
    if not value:
        return None
    if PEM in value:
        return _written(value.replace("\\n", "\n"))
    if not os.path.isfile(value):
        raise ConfigurationError(f"{name} is neither PEM nor the path of a file")
    return value


@cache
def _written(pem: str) -> str:
    """A file that only this user may read, until the process ends: libraries take paths, secrets are text."""
    handle, path = tempfile.mkstemp(suffix=".pem", prefix="dicom-service-")
    with os.fdopen(handle, "w") as file:
        file.write(pem.rstrip() + "\n")
    atexit.register(os.unlink, path)
    return path
