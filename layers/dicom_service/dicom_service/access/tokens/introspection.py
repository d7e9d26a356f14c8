"""Tokens that say nothing themselves: the server that gave one out is asked (RFC 7662)."""

import base64
import math
import time
from collections.abc import Callable
from urllib.parse import quote

from dicom_service import settings
from dicom_service.access.caller import Caller
from dicom_service.access.tokens.claims import caller_of_claims
from dicom_service.access.tokens.configured import audiences, introspection_url
from dicom_service.access.tokens.fetch import post_form
from dicom_service.errors import CallerUnknown, StoreUnavailable


def introspected(token: str, clock: Callable[[], float] = time.time) -> Caller:
    """The caller that the server describes; raises CallerUnknown for a token that is not active or not for us.

    An `aud` that it states must be ours. Raises StoreUnavailable where the server cannot be asked.
    """
    answer = post_form(introspection_url(), {"token": token, "token_type_hint": "access_token"}, _authorization())
    if answer is None:
        raise StoreUnavailable("The introspection endpoint is not there")
    if answer.get("active") is not True:
        raise CallerUnknown("unknown")
    stated = answer.get("aud")
    for_whom = stated if isinstance(stated, list) else [stated]
    if stated is not None and not any(each in audiences() for each in for_whom):
        raise CallerUnknown("unknown")
    caller = caller_of_claims(answer, introspection_url().partition("?")[0])
    if caller.ends_at <= clock():
        raise CallerUnknown("expired")
    begins = answer.get("nbf", -math.inf)
    if not isinstance(begins, int | float) or begins > clock():
        raise CallerUnknown("early")
    return caller


def _authorization() -> str:
    """RFC 6749 section 2.3.1: both are form-encoded first; a space as %20, which is read without forms too."""
    user = quote(settings.optional("TOKEN_INTROSPECTION_CLIENT_ID"), safe="")
    password = quote(settings.secret("TOKEN_INTROSPECTION_CLIENT_SECRET"), safe="")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
