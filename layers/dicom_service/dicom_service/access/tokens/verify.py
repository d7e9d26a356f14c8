"""Access tokens: signed ones (RFC 9068, or any issuer's JWT) are checked here, others where they can be asked about."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt

from dicom_service.access.caller import Caller
from dicom_service.access.tokens.claims import caller_of_claims
from dicom_service.access.tokens.configured import audiences, introspection_url, issuers
from dicom_service.access.tokens.introspection import introspected
from dicom_service.access.tokens.issuers import SigningKey, signing_key
from dicom_service.errors import CallerUnknown

LEEWAY_SECONDS = 60
"""Between the issuer's clock and ours."""

TYPES = ("", "jwt", "at+jwt", "application/at+jwt")
REQUIRED = ["exp", "iss", "aud"]


def caller_with_token(token: str, clock: Callable[[], float] = time.time) -> Caller:
    """Who the token was given out for; raises CallerUnknown with a word of REFUSALS, StoreUnavailable.

    A JWT of an issuer of JWT_ISSUER is verified with its keys; everything else goes to introspection, where there is.
    """
    header, issuer = _unverified(token)
    if issuer and issuer in issuers():
        caller = caller_of_claims(_verified(token, header, issuer), issuer)
        return replace(caller, ends_at=caller.ends_at + LEEWAY_SECONDS)
    if introspection_url():
        return introspected(token, clock)
    raise CallerUnknown("unknown")


def _unverified(token: str) -> tuple[dict[str, Any], str]:
    """A JWT's header and issuer, of which nothing is believed yet; empty for what is none."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}, ""
    issuer = claims.get("iss")
    return header, issuer if isinstance(issuer, str) else ""


def _verified(token: str, header: dict[str, Any], issuer: str) -> dict[str, Any]:
    stated = header.get("kid", "")
    if str(header.get("typ", "")).lower() not in TYPES or not isinstance(stated, str):
        raise CallerUnknown("unknown")
    key = signing_key(issuer, stated)
    if key is None:
        raise CallerUnknown("unknown")
    try:
        return _decoded(token, key, issuer)
    except jwt.ExpiredSignatureError:
        raise CallerUnknown("expired") from None
    except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError):
        raise CallerUnknown("early") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise CallerUnknown("unknown") from None


def _decoded(token: str, key: SigningKey, issuer: str) -> dict[str, Any]:
    return jwt.decode(
        token,
        key.public,
        algorithms=list(key.algorithms),
        audience=list(audiences()),
        issuer=issuer,
        leeway=LEEWAY_SECONDS,
        options={"require": REQUIRED},
    )
