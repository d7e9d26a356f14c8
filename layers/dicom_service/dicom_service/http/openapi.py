"""What the OpenAPI document says of answers that several endpoints share."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from dicom_service.errors import PacsError, PacsRefusedCredentials, PacsTimeout
from dicom_service.http.problem import PROBLEM_JSON

COMPONENTS: dict[str, Any] = {
    "Problem": {
        "title": "Problem",
        "description": "RFC 9457 problem details",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "description": "every wrong field, in the client's own spelling",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
    },
    "DicomJson": {
        "title": "DicomJson",
        "description": "Datasets in the DICOM JSON model (PS3.18 Annex F): attributes by tag",
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": True,
            "patternProperties": {
                "^[0-9A-F]{8}$": {
                    "type": "object",
                    "required": ["vr"],
                    "properties": {
                        "vr": {"type": "string", "pattern": "^[A-Z]{2}$"},
                        "Value": {"type": "array", "items": {}},
                        "BulkDataURI": {"type": "string"},
                        "InlineBinary": {"type": "string", "contentEncoding": "base64"},
                    },
                },
            },
        },
    },
}
"""Schemas that are no model of one function; the document holds them by these names."""

PROBLEM = {"$ref": "#/components/schemas/Problem"}
DICOM_JSON = {"$ref": "#/components/schemas/DicomJson"}

MEANINGS = {
    400: "The request is invalid; `errors` names every wrong field",
    401: "The PACS refused the service's credentials",
    403: "The caller lacks the scope that this needs, or is bound to a patient or a study and may not do it",
    404: "There is no such object",
    409: "It exists already",
    410: "What is behind the place that was asked for is no longer kept",
    413: "More than the platform takes in one request",
    422: "A file is no DICOM Part 10 object; nothing of the request was stored",
    500: "A fault of the service itself",
    502: "The PACS failed or answered nonsense",
    503: "A store of the service, or the PACS, is not available",
    504: "The PACS did not answer in time",
}
TITLES = {401: PacsRefusedCredentials.title, 502: PacsError.title, 504: PacsTimeout.title}
"""Titles of the faults that are meant, where they are not the status's own phrase."""


def problems(*statuses: int, **meanings: str) -> dict[int, Any]:
    """The `responses` entries of problem answers: of the statuses, and of those that `s404="..."` explains."""
    here = {int(name[1:]): meaning for name, meaning in meanings.items()}
    return {
        status: {
            "description": here.get(status, MEANINGS[status]),
            "content": {
                PROBLEM_JSON: {
                    "schema": PROBLEM,
                    "example": _example(status, {} if status in here else TITLES, here.get(status, MEANINGS[status])),
                }
            },
        }
        for status in sorted({*statuses, *here})
    }


def _example(status: int, titles: Mapping[int, str], detail: str) -> dict[str, Any]:
    title = titles.get(status, HTTPStatus(status).phrase)
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail.partition(";")[0]}
    if status == 400:
        example["errors"] = [{"field": "patient", "message": "is not a known query parameter"}]
    return example


def dicom_json(
    description: str,
    example: list[dict[str, Any]],
    status: int = 200,
    headers: Mapping[str, Any] = MappingProxyType({}),
) -> dict[int, Any]:
    """The `responses` entry of an answer that holds DICOM JSON, in both content types that it is served as."""
    media = {"schema": DICOM_JSON, "example": example}
    content = {"application/json": media, "application/dicom+json": media}
    told = {"headers": dict(headers)} if headers else {}
    return {status: {"description": description, "content": content, **told}}


def json_object(description: str, example: dict[str, Any], status: int = 200) -> dict[int, Any]:
    """The `responses` entry of an answer that is a JSON object which no model describes."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {status: {"description": description, "content": content}}
