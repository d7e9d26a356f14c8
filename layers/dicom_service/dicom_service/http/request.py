"""What arrives from the HTTP API, made plain before the route is called: parameter names and JSON bodies.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote, urlencode

import pybase64

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.http.problem import suggestion

DEEPEST_JSON = 64
REPLACEMENT = "\ufffd"
MOST_EXACT_NUMBER = 2**53
"""Beyond it a double is no exact whole number (RFC 8259 section 6)."""


@dataclass(frozen=True)
class Query:
    """The query parameters of a request: in the event under their declared names, `spellings` as the client wrote them.

    `refused` are those that the endpoint does not have, or whose value is not UTF-8: a filter that is ignored would
    show more patients than were asked for, one that is read wrongly another patient.
    """

    event: dict[str, Any]
    spellings: dict[str, str]
    refused: list[FieldError]


def canonical_query(event: Mapping[str, Any], declared: Iterable[str]) -> Query:
    """Brings each query parameter under its declared name, whatever the case of the client's spelling."""
    by_lower_case = {name.lower(): name for name in declared}
    query = Query({}, {}, [])
    pairs: list[tuple[str, str]] = []
    for name, value in _pairs(str(event.get("rawQueryString") or "")):
        canonical = by_lower_case.get(name.lower())
        if canonical is None:
            message = "is not a known query parameter" + suggestion(name, by_lower_case.values())
            query.refused.append(FieldError(name[:64], message))
            continue
        query.spellings[canonical] = name
        if value is None:
            query.refused.append(FieldError(name, "must be UTF-8 text, percent-encoded"))
        else:
            pairs.append((canonical, value))
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    query.event.update(event, rawQueryString=urlencode(pairs), queryStringParameters=values)
    return query


def _pairs(query: str) -> Iterator[tuple[str, str | None]]:
    """Name and value of each parameter; the value is None where it is no UTF-8, or holds what stands for that."""
    for pair in query.split("&"):
        name, _, value = pair.replace("+", " ").partition("=")
        if pair:
            yield unquote(name), _utf8(value)


def _utf8(encoded: str) -> str | None:
    """The decoded value. U+FFFD stands where someone before has given up on bytes that are no UTF-8."""
    try:
        text = unquote(encoded, errors="strict")
        text.encode()
    except UnicodeError:
        return None
    return None if REPLACEMENT in text else text


def body_bytes(event: Mapping[str, Any]) -> bytes:
    """The request's body as it was sent; raises InvalidRequest where it is not the base64 it claims to be."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return pybase64.b64decode(body, validate=True)
    except ValueError as error:
        raise InvalidRequest("The body is not valid base64") from error


def as_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with its body as text, to be read as JSON whatever its Content-Type says: many clients send none."""
    try:
        text = body_bytes(event).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8", [FieldError("body", "must be UTF-8 text")]) from error
    if REPLACEMENT in text:  # what a gateway before us puts in place of bytes that are not UTF-8
        raise InvalidRequest("The body is not UTF-8", [FieldError("body", "must be UTF-8 text")])
    if not text.strip():
        raise InvalidRequest("The body is empty", [FieldError("body", "must be a JSON object")])
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "content-type"}
    headers["content-type"] = "application/json"
    return {**event, "headers": headers, "body": text, "isBase64Encoded": False}


def parse_json(text: str | bytes) -> dict[str, Any]:
    """A JSON object as RFC 8259 has it: no NaN, no name twice, at most 64 levels; raises InvalidRequest.

    A number without a fraction is a whole number, also when written `3.0` (JSON Schema 2020-12, section 6.1.1).
    """
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_refuse_constant, object_pairs_hook=_unique_names)
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON", [FieldError("body", "must be valid JSON")]) from error
    if not isinstance(value, dict):
        raise InvalidRequest("The body is no JSON object", [FieldError("body", "must be a JSON object")])
    return value


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= MOST_EXACT_NUMBER else number


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return names


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise ValueError("nested too deeply")
