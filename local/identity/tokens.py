"""Access tokens of the identity provider on this machine: JWTs as RFC 9068 has them, signed with RS256."""

import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN_SECONDS = 3600
FILE = "identity-key.pem"
KEY_BITS = 2048


class Signer:
    """The signing key of an issuer, and what it signs."""

    def __init__(self, issuer: str, folder: Path | None) -> None:
        """The folder keeps the key; raises OSError where its file is damaged."""
        self.issuer = issuer
        self._key = _key(folder / FILE if folder else None)
        self._key_id = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)["n"][:16]

    def jwks(self) -> dict[str, Any]:
        """The public key (RFC 7517)."""
        public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def access_token(self, subject: str, scopes: list[str], audience: str, patient_id: str = "") -> str:
        """A token for an hour, bound to a patient where one is given."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": subject,
            "client_id": subject,
            "aud": audience,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(12),
            "scope": " ".join(scopes),
        }
        if patient_id:
            claims["patient"] = patient_id
        return jwt.encode(claims, self._key, "RS256", {"kid": self._key_id, "typ": "at+jwt"})


def _key(path: Path | None) -> rsa.RSAPrivateKey:
    if path and path.exists():
        try:
            found = serialization.load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise OSError(f"{path} is damaged") from error
        if not isinstance(found, rsa.RSAPrivateKey):
            raise OSError(f"{path} is damaged")
        return found
    made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    if path:
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    return made
