"""What a token says, in our terms: who, which scopes, which patient. The settings say where tokens say it.

SMART App Launch 2.2 names scopes such as `patient/ImagingStudy.rs` and gives the patient as the parameter `patient`,
which many servers put into the token.
https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dicom_service import settings
from dicom_service.access.caller import Caller
from dicom_service.access.scopes import ALL_SCOPES
from dicom_service.errors import CallerUnknown, ConfigurationError
from dicom_service.pacs.patients import unpadded

PATIENT_CLAIMS = ("patient", "patient_id")
SCOPE_CLAIMS = ("scope", "scp", "scopes")
LONGEST_PATIENT_ID = 64
LONGEST_NAME = 200
LONGEST_SUBJECT = 255
"""https://openid.net/specs/openid-connect-core-1_0.html#IDToken; the whole context may have 8 KB."""

SMART = re.compile(r"(patient|user|system)/(ImagingStudy|ServiceRequest|\*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)")
SMART_READ = {"ImagingStudy": ("exams:read",), "ServiceRequest": ("workitems:read",)}
SMART_WRITE = {"ImagingStudy": ("exams:write",), "ServiceRequest": ("workitems:write",)}


def caller_of_claims(claims: Mapping[str, Any], issuer: str) -> Caller:
    """The caller that a verified token's claims describe; raises CallerUnknown with a word of REFUSALS."""
    subject = _text(claims.get("sub")) or _text(claims.get("client_id")) or _text(claims.get("azp"))
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise CallerUnknown("unknown")
    patient_id = _patient(claims)
    scopes = frozenset(_scopes(_stated_scopes(claims), bound=bool(patient_id)))
    name = _text(claims.get("name")) or _text(claims.get("preferred_username"))
    return Caller(subject, "token", scopes, patient_id, "", issuer, name[:LONGEST_NAME], _ends_at(claims))


def scope_table() -> dict[str, tuple[str, ...]]:
    """JWT_SCOPES: `theirs=ours ours; …`; raises ConfigurationError for a scope that we do not have."""
    table: dict[str, tuple[str, ...]] = {}
    for entry in filter(str.strip, settings.optional("JWT_SCOPES").split(";")):
        theirs, sign, ours = entry.strip().rpartition("=")
        names = tuple(ours.split())
        if not sign or not theirs.strip() or not names or not set(names) <= set(ALL_SCOPES):
            raise ConfigurationError("JWT_SCOPES must be entries such as `their:scope=exams:read uids:write`, with ;")
        table[theirs.strip()] = names
    return table


def _patient(claims: Mapping[str, Any]) -> str:
    """The one patient, empty where no claim names one; a claim that is there and is not one ID binds to nobody."""
    configured = settings.optional("JWT_PATIENT_CLAIM")
    for name in (configured,) if configured else PATIENT_CLAIMS:
        if name in claims:
            value = claims[name]
            patient_id = unpadded(value) if isinstance(value, str) else ""
            if not patient_id or len(patient_id) > LONGEST_PATIENT_ID or not patient_id.isprintable():
                raise CallerUnknown("bound")
            return patient_id
    return ""


def _stated_scopes(claims: Mapping[str, Any]) -> list[str]:
    configured = settings.optional("JWT_SCOPE_CLAIM")
    names = (configured,) if configured else SCOPE_CLAIMS
    value = next((claims[name] for name in names if name in claims), "")
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _scopes(stated: list[str], *, bound: bool) -> Iterator[str]:
    table = scope_table()
    for scope in stated:
        if scope in table:
            yield from table[scope]
        elif scope in ALL_SCOPES:
            yield scope
        else:
            yield from _of_smart(scope, bound=bound)


def _of_smart(scope: str, *, bound: bool) -> Iterator[str]:
    """`patient/…` counts only in a token for one patient; `user/` and `system/` reach all patients without one."""
    match = SMART.fullmatch(scope.partition("?")[0])
    if match is None or "?" in scope or (match[1] == "patient" and not bound):
        return
    resources = SMART_READ if match[2] == "*" else (match[2],)
    letters = {"read": "rs", "write": "cud", "*": "cruds"}.get(match[3], match[3])
    for resource in resources:
        if {"r", "s"} <= set(letters):
            yield from SMART_READ[resource]
        if "c" in letters:
            yield from SMART_WRITE[resource]
    if match[1] != "patient":
        yield "patients:all"


def _ends_at(claims: Mapping[str, Any]) -> float:
    value = claims.get("exp")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.inf


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
