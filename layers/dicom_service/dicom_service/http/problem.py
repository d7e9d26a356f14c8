"""Errors as `application/problem+json` (RFC 9457): the one place where a fault becomes an HTTP answer."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from dicom_service.errors import CallerUnknown, FieldError, Forbidden, PacsDown, ServiceError

PROBLEM_JSON = "application/problem+json"
REALM = "dicom-service"

LONGEST_NAME = 64
"""Of a name that the client made up, so much is said back."""

MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be one string",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has characters or a form that are not allowed here",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a JSON array",
    "value_error": "{error}",
}
"""What to say for pydantic's kinds of error. Never the value itself: it may be a patient's.

https://docs.pydantic.dev/latest/errors/validation_errors/
"""


def problem(error: ServiceError) -> Response[str]:
    """The answer for a fault: `type`, `title`, `status`, `detail`, and `errors` where fields are at fault."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.errors:
        body["errors"] = [{"field": wrong.field, "message": wrong.message} for wrong in error.errors]
    body |= error.extensions
    headers: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
    if isinstance(error, PacsDown):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, CallerUnknown):
        headers["WWW-Authenticate"] = _challenge(error=error.error)
    if isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = _challenge(error="insufficient_scope", scope=error.scope)
    return Response(error.status, PROBLEM_JSON, json.dumps(body, ensure_ascii=False), headers)


def _challenge(**parameters: str) -> str:
    """RFC 6750 section 3: a client renews its token on a 401 with `invalid_token`, and asks for more on a 403."""
    told = [f'{name}="{value}"' for name, value in {"realm": REALM, **parameters}.items() if value]
    return "Bearer " + ", ".join(told)


def field_errors(
    found: Iterable[Mapping[str, Any]], spellings: Mapping[str, str], known: Iterable[str]
) -> list[FieldError]:
    """Every wrong field, in the client's own spelling.

    `found` are pydantic's errors, `spellings` what the client wrote by declared name, `known` the fields that an
    unknown one may have been meant as.
    """
    known = list(known)
    return [_field_error(error, spellings, known) for error in found]


def suggestion(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for the nearest known name, or nothing where none is near."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    return f" (did you mean {by_lower_case[near[0]]}?)" if near else ""


def _field_error(error: Mapping[str, Any], spellings: Mapping[str, str], known: list[str]) -> FieldError:
    place = [str(part) for part in error["loc"]]
    name = (".".join(place[1:]) or place[0])[:LONGEST_NAME]
    message = MESSAGES.get(error["type"], "is not valid").format_map(error.get("ctx") or {})
    if error["type"] == "extra_forbidden":
        message += suggestion(name, known)
    return FieldError(spellings.get(name, name), message)
