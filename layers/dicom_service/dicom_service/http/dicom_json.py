"""DICOM JSON answers (PS3.18 Annex F), as the content type that the client prefers."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

COMPRESSED_FROM = 100_000
"""Characters from which an answer is compressed for a client that takes gzip: tags and VRs repeat without end."""

JSON = "application/json"
DICOM_JSON = "application/dicom+json"


def dicom_json_answer(
    app: APIGatewayHttpResolver,
    datasets: list[dict[str, Any]],
    status: int = 200,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response[str]:
    """The datasets as `application/json`, or as `application/dicom+json` where the request's Accept prefers that.

    `headers` are sent beside those of every answer.
    """
    always = {"Vary": "Accept, Accept-Encoding", "Cache-Control": "private, no-store"}
    body = json.dumps(datasets, ensure_ascii=False)
    return Response(status, dicom_json_type(app), body, {**always, **headers}, compress=len(body) >= COMPRESSED_FROM)


def dicom_json_type(app: APIGatewayHttpResolver) -> str:
    """The content type of DICOM JSON that the request's Accept header prefers."""
    return preferred_type(app.current_event.headers.get("accept", ""))


def preferred_type(accept: str) -> str:
    """The better of the two content types for an Accept header (RFC 9110 section 12.5.1); plain JSON on a tie."""
    weights = {JSON: 0.0, DICOM_JSON: 0.0}
    ranges = dict(_media_range(part) for part in accept.split(","))
    for name in weights:
        for pattern in (name, "application/*", "*/*"):
            if pattern in ranges:
                weights[name] = ranges[pattern]
                break
    return DICOM_JSON if weights[DICOM_JSON] > weights[JSON] else JSON


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0
