"""What every route shares: which representation the client accepts, and answers in JSON."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import BadRequest, NotAcceptable
from werkzeug.http import parse_options_header

from local.pacs.dicom_json import serialize

DICOM_JSON = "application/dicom+json"
JSON = "application/json"
ANYTHING = ("*/*", "application/*")

Rules = tuple[tuple[str, str, Callable[..., Response]], ...]
"""Routes: method, path and what answers."""


def blueprint(name: str, rules: Rules) -> Blueprint:
    """The routes of a service."""
    routes = Blueprint(name, name)
    for method, path, answer in rules:
        routes.add_url_rule(path, answer.__name__, answer, methods=[method])
    return routes


def accepted(source: Request) -> list[tuple[str, dict[str, str]]]:
    """The media types of the Accept header with their parameters, the preferred first; `*/*` without a header."""
    return [parse_options_header(value) for value, quality in source.accept_mimetypes if quality > 0] or [("*/*", {})]


def dicom_json_type() -> str:
    """`application/dicom+json`, or `application/json` where the client prefers it. Raises NotAcceptable (406)."""
    for media_type, _ in accepted(request):
        if media_type in (DICOM_JSON, *ANYTHING):
            return DICOM_JSON
        if media_type == JSON:
            return JSON
    raise NotAcceptable("the answer is application/dicom+json")


def json_answer(content: object, status: int = 200, *, media_type: str = JSON) -> Response:
    """A complete answer in JSON."""
    return Response(serialize(content), status, content_type=media_type)


def with_warnings(answer: Response, warnings: Iterable[str]) -> Response:
    """The answer with a `Warning: 299` for each text (PS3.18 section 8.4.3)."""
    for text in warnings:
        answer.headers.add("Warning", f"299 {request.host}: {text}")
    return answer


def require(arguments: Mapping[str, Any], *names: str) -> list[str]:
    """The values of query parameters that may not be missing or empty. Raises BadRequest."""
    missing = [name for name in names if not arguments.get(name)]
    if missing:
        raise BadRequest(f"missing: {', '.join(missing)}")
    return [arguments[name] for name in names]
