"""Issuers of tokens: what each publishes of itself and the keys it signs with, kept for a while.

Discovery is OpenID Connect's, then RFC 8414's. A key that is not known is asked for again, so a rotation is found, but
not at each token that names one: anybody can make up a key's ID.
https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from dicom_service.access.tokens.configured import is_trusted
from dicom_service.access.tokens.fetch import fetch_json
from dicom_service.errors import StoreUnavailable
from dicom_service.faults import log_fault

KEPT_SECONDS = 600.0
STALE_SECONDS = 24 * 3600.0
"""For so long keys serve on while the issuer cannot be reached."""

ASK_AGAIN_SECONDS = 30.0
FAILED_SECONDS = 5.0
"""For so long nobody waits for an issuer that just could not be asked, and of which nothing is kept."""

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
SMALLEST_RSA_BITS = 2048


@dataclass(frozen=True)
class SigningKey:
    """A public key, and the algorithms that may be used with it: never one that the token chooses alone."""

    public: Any
    algorithms: tuple[str, ...]


@dataclass
class _Kept:
    keys: Mapping[str, SigningKey]
    fetched_at: float
    asked_at: float


_kept: dict[str, _Kept] = {}
_failed: dict[str, float] = {}


def signing_key(issuer: str, key_id: str, clock: Callable[[], float] = time.monotonic) -> SigningKey | None:
    """The issuer's key of that ID, or its only one where the token names none; None where it has no such key.

    Raises StoreUnavailable where the issuer cannot be asked and nothing is kept of it.
    """
    now = clock()
    kept = _kept.get(issuer)
    if kept is None or now - kept.fetched_at >= KEPT_SECONDS or _chosen(kept.keys, key_id) is None:
        kept = _asked_again(issuer, kept, now)
    return _chosen(kept.keys, key_id)


def _asked_again(issuer: str, kept: _Kept | None, now: float) -> _Kept:
    if kept is not None and now - kept.asked_at < ASK_AGAIN_SECONDS:
        return kept
    if now - _failed.get(issuer, -math.inf) < FAILED_SECONDS:
        raise StoreUnavailable("An issuer of JWT_ISSUER could not be asked a moment ago")
    try:
        kept = _kept[issuer] = _Kept(_published(issuer), now, now)
    except StoreUnavailable as error:
        if kept is None or now - kept.fetched_at >= STALE_SECONDS:
            _failed[issuer] = now
            raise
        log_fault(error)
        kept.asked_at = now
    return kept


def _chosen(keys: Mapping[str, SigningKey], key_id: str) -> SigningKey | None:
    if key_id:
        return keys.get(key_id)
    return next(iter(keys.values())) if len(keys) == 1 else None


def _published(issuer: str) -> Mapping[str, SigningKey]:
    document = next((found for found in map(fetch_json, _discovery_urls(issuer)) if found is not None), None)
    if document is None or document.get("issuer") != issuer:
        raise StoreUnavailable("An issuer of JWT_ISSUER publishes nothing of itself under this name")
    address = str(document.get("jwks_uri", ""))
    if not is_trusted(address):
        raise StoreUnavailable("An issuer of JWT_ISSUER publishes no address of its keys that can be trusted")
    published = fetch_json(address)
    keys = published.get("keys") if published else None
    return dict(_usable(keys)) if isinstance(keys, list) else {}


def _discovery_urls(issuer: str) -> Iterator[str]:
    yield f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    parts = urlsplit(issuer)
    yield f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"


def _usable(published: list[Any]) -> Iterator[tuple[str, SigningKey]]:
    """RSA and elliptic curve keys for signatures; others, and what cannot be read, are left out."""
    for jwk in published:
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            continue
        try:
            key = _rsa(jwk) if jwk.get("kty") == "RSA" else _elliptic(jwk)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if key:
            yield str(jwk.get("kid", "")), key


def _rsa(jwk: Mapping[str, Any]) -> SigningKey | None:
    public = RSAAlgorithm.from_jwk({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
    named = jwk.get("alg")
    algorithms = RSA_ALGORITHMS if named is None else tuple(each for each in RSA_ALGORITHMS if each == named)
    return SigningKey(public, algorithms) if algorithms and public.key_size >= SMALLEST_RSA_BITS else None


def _elliptic(jwk: Mapping[str, Any]) -> SigningKey | None:
    algorithm = EC_ALGORITHMS.get(str(jwk.get("crv")))
    if jwk.get("kty") != "EC" or algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    public = ECAlgorithm.from_jwk({"kty": "EC", "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]})
    return SigningKey(public, (algorithm,))
