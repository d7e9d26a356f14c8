"""`GET /documentation`: Swagger UI over the OpenAPI document, from files of this folder."""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.errors import NotFound
from dicom_service.http.answer import answer
from dicom_service.http.door import open_to_all
from dicom_service.http.openapi import problems

app = APIGatewayHttpResolver()

PAGE = Path(__file__).parent / "page"

Asset = Literal["start.js", "page.css", "swagger-ui-bundle.min.js", "swagger-ui.min.css"]
"""The files that a client may name; no other name reaches the file system."""

CONTENT_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}
"""The page runs and loads what this function serves, and talks to the API that it documents; to nothing else."""

THE_DOCUMENT: Any = {
    "description": "The document",
    "content": {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}}},
}
NOT_MODIFIED: OpenAPIResponse = {"description": "The client has the current version already (If-None-Match)"}


@app.get(
    "/documentation",
    summary="Read the documentation",
    description="This document as a page (Swagger UI) that requests can be tried out from.",
    tags=["Documentation"],
    operation_id="show_documentation",
    responses={
        200: {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}},
        304: NOT_MODIFIED,
        **problems(400, 500),
    },
    compress=True,
)
@open_to_all
def show_documentation() -> Response[str]:
    return _file("index.html", "text/html; charset=utf-8", "no-cache")


@app.get(
    "/documentation/json",
    summary="Get the OpenAPI document",
    description="The OpenAPI 3.1 document of this service.",
    tags=["Documentation"],
    operation_id="get_openapi_document",
    responses={200: THE_DOCUMENT, 304: NOT_MODIFIED, **problems(400, 500)},
    compress=True,
)
@open_to_all
def get_openapi_document() -> Response[str]:
    return _answer(_document(app.context["base_path"]), "application/json", "no-cache")


@app.get(
    "/documentation/<asset>",
    summary="Get a file of the documentation page",
    description="A script or style sheet that the page is made of.",
    tags=["Documentation"],
    operation_id="get_documentation_asset",
    responses={
        200: {
            "description": "The file",
            "content": {
                "text/javascript": {"schema": {"type": "string"}},
                "text/css": {"schema": {"type": "string"}},
            },
        },
        304: NOT_MODIFIED,
        **problems(400, 404, 500, s404="The page has no such file"),
    },
    compress=True,
)
@open_to_all
def get_documentation_asset(asset: Asset) -> Response[str]:
    if asset not in get_args(Asset):
        raise NotFound("The documentation page has no such file")
    return _file(asset, CONTENT_TYPES[Path(asset).suffix], "public, max-age=86400")


def _document(base_path: str) -> str:
    """The document, whose server is where the client found it."""
    text = _read("openapi.json")
    return text if not base_path else json.dumps({**json.loads(text), "servers": [{"url": base_path}]}, indent=2)


def _file(name: str, content_type: str, cache_control: str) -> Response[str]:
    return _answer(_read(name), content_type, cache_control)


def _answer(text: str, content_type: str, cache_control: str) -> Response[str]:
    tag = _tag(text)
    headers: dict[str, str | list[str]] = {**HEADERS, "Cache-Control": cache_control, "ETag": tag}
    if tag in app.current_event.headers.get("if-none-match", ""):
        return Response(304, headers=headers)
    return Response(200, content_type, text, headers)


@cache
def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


@cache
def _tag(text: str) -> str:
    """A weak entity tag: compressed and plain answers share it (RFC 9110 section 8.8.1)."""
    return f'W/"{sha256(text.encode()).hexdigest()[:32]}"'


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
