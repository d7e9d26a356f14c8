"""Who calls, as the authorizer found it and as every function reads it: the context of API Gateway's answer.

The context is cached with the answer, so it says who calls and until when, never what the request may do. Its values
are text, whatever the platform would make of other types.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from dicom_service.access.scopes import ALL_SCOPES
from dicom_service.errors import CallerUnknown, StoreUnavailable
from dicom_service.pacs.patients import unpadded

VERSION = "1"
Kind = Literal["key", "token", "session", "anonymous"]

NO_TOKEN = "The request has no token: send Authorization: Bearer with an API key or an access token"  # noqa: S105
REFUSALS = {
    "malformed": "The Authorization header is not Bearer with an API key or an access token",
    "unknown": "The token is not one that this service takes",
    "expired": "The token has expired",
    "early": "The token is not valid yet",
    "bound": "The token does not say clearly which patient it is for",
}
UNAVAILABLE = "unavailable"
CANNOT_CHECK = "The service cannot check the token at the moment"


@dataclass(frozen=True)
class Caller:
    """A subject with scopes, bound to one patient or one study where that is not empty; `ends_at` in epoch seconds.

    `issuer` gave out its token, `name` is what people call it.
    """

    subject: str
    kind: Kind
    scopes: frozenset[str]
    patient_id: str = ""
    study_uid: str = ""
    issuer: str = ""
    name: str = ""
    ends_at: float = math.inf

    @property
    def bound(self) -> bool:
        return bool(self.patient_id or self.study_uid)


ANONYMOUS = Caller("anonymous", "anonymous", frozenset(ALL_SCOPES), name="anonymous")
"""Everybody, where callers are not checked."""


def to_context(caller: Caller) -> dict[str, str]:
    """The caller as the authorizer's context."""
    return {
        "version": VERSION,
        "subject": caller.subject,
        "kind": caller.kind,
        "scopes": " ".join(sorted(caller.scopes)),
        "patientId": caller.patient_id,
        "studyUid": caller.study_uid,
        "issuer": caller.issuer,
        "name": caller.name,
        "endsAt": repr(float(caller.ends_at)),
    }


def refusal_context(word: str) -> dict[str, str]:
    """Why there is no caller, one of REFUSALS or UNAVAILABLE, as the authorizer's context."""
    return {"version": VERSION, "refused": word}


def caller_of(event: Mapping[str, Any], now: float) -> Caller:
    """The caller of a request; raises CallerUnknown for a context that is missing, refused, over or not understood.

    Raises StoreUnavailable where the authorizer could not find out.
    """
    context = ((event.get("requestContext") or {}).get("authorizer") or {}).get("lambda")
    if not context:
        raise CallerUnknown(NO_TOKEN, "")
    if "refused" in context:
        raise _refusal(context["refused"])
    caller = _understood(context)
    if caller is None:
        raise CallerUnknown(REFUSALS["unknown"])
    if not now < caller.ends_at:
        raise CallerUnknown(REFUSALS["expired"])
    return caller


def _refusal(word: object) -> CallerUnknown | StoreUnavailable:
    if word == UNAVAILABLE:
        return StoreUnavailable(CANNOT_CHECK)
    return CallerUnknown(REFUSALS.get(str(word), REFUSALS["unknown"]))


def _understood(context: Mapping[str, Any]) -> Caller | None:
    """The caller, None where anything is not as `to_context` writes it: a missing patient would be every patient."""
    names = to_context(ANONYMOUS)
    if any(not isinstance(context.get(name), str) for name in names):
        return None
    if context["version"] != VERSION or context["kind"] not in get_args(Kind) or not context["subject"]:
        return None
    if context["patientId"] and not unpadded(context["patientId"]):
        return None
    try:
        ends_at = float(context["endsAt"])
    except ValueError:
        return None
    return Caller(
        subject=context["subject"],
        kind=cast("Kind", context["kind"]),
        scopes=frozenset(context["scopes"].split()),
        patient_id=context["patientId"],
        study_uid=context["studyUid"],
        issuer=context["issuer"],
        name=context["name"],
        ends_at=ends_at,
    )
