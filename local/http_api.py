"""What the HTTP API makes of a request and of a function's answer: payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import pybase64

from local.template import Route

ACCOUNT = "123456789012"
API_ID = "local"

TEXT = re.compile(r"text/.*|application/(json|xml|javascript|.*\+json|.*\+xml)")
"""The content types whose bodies reach a function as text; every other body, also one without a type, is base64."""


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came off the wire; `target` is the path and query as they stand in the request line."""

    method: str
    target: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class MalformedAnswer(Exception):
    """A function answered what is no HTTP answer; says why."""


def match(routes: Iterable[Route], method: str, target: str) -> tuple[Route, dict[str, str]] | None:
    """The most specific route of a request and its path parameters, decoded; None where there is no such route."""
    asked = target.partition("?")[0].split("/")
    found = [
        (route, segments)
        for route in routes
        for segments in [route.path.split("/")]
        if route.method == method and len(segments) == len(asked)
        if all(_takes(segment, part) for segment, part in zip(segments, asked, strict=True))
    ]
    if not found:
        return None
    route, segments = min(found, key=lambda one: [bool(_parameter(segment)) for segment in one[1]])
    values = zip(map(_parameter, segments), asked, strict=True)
    return route, {name: unquote(part) for name, part in values if name}


def _takes(segment: str, part: str) -> bool:
    return bool(part) if _parameter(segment) else segment == part


def _parameter(segment: str) -> str:
    return segment[1:-1] if segment.startswith("{") and segment.endswith("}") else ""


def build_event(request: Request, route: Route, path_parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event that a function gets; what a request does not have, such as a query or a body, has no key."""
    path, _, query = request.target.partition("?")
    headers = _joined(request.headers)
    cookies = headers.pop("cookie", "")
    context = _context(request, route, unquote(path), headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{route.method} {route.path}",
        "rawPath": unquote(path),
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True), lower=False)
    if path_parameters:
        event["pathParameters"] = dict(path_parameters)
    if request.body:
        event |= _body(request.body, headers.get("content-type", ""))
    return event


def let_in(event: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """The event with what the authorizer says of the caller; as it is where it says nothing."""
    if not context:
        return dict(event)
    return {**event, "requestContext": {**event["requestContext"], "authorizer": {"lambda": dict(context)}}}


def _context(request: Request, route: Route, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    domain = headers.get("host", "localhost").rpartition(":")[0] or headers.get("host", "localhost")
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": pybase64.b64encode_as_string(secrets.token_bytes(11)),
        "routeKey": f"{route.method} {route.path}",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def _joined(pairs: Iterable[tuple[str, str]], *, lower: bool = True) -> dict[str, str]:
    """Pairs as an object, the values of one name joined by commas."""
    values: dict[str, str] = {}
    for given, value in pairs:
        name = given.lower() if lower else given
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if TEXT.fullmatch(content_type.partition(";")[0].strip().lower()):
        return {"body": body.decode(errors="replace"), "isBase64Encoded": False}
    return {"body": pybase64.b64encode_as_string(body), "isBase64Encoded": True}


def read_answer(result: Any) -> Answer:
    """A function's result as the answer to the client; raises MalformedAnswer.

    A result without a statusCode is itself the body of a 200, as JSON.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        return Answer(200, [("content-type", "application/json")], json.dumps(result).encode())
    try:
        status = int(result["statusCode"])
        headers = [(str(name).lower(), str(value)) for name, value in (result.get("headers") or {}).items()]
        headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
        body = _answer_body(result.get("body"), encoded=bool(result.get("isBase64Encoded")))
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedAnswer(type(error).__name__) from error
    if not 200 <= status <= 599:
        raise MalformedAnswer(f"status {status}")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return Answer(status, headers, body)


def _answer_body(body: Any, *, encoded: bool) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("the body is no string")
    return pybase64.b64decode(body, validate=True) if encoded else body.encode()
