"""Large uploads and downloads as the API shows them: schemas, examples and the shape of the answers."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

from dicom_service.http.exam_answers import STORED_EXAMPLE

EXAMPLE_TRANSFER = "5d41402abc4b2a76b9719d911017c592"
RETRY_SECONDS = 3

_URL = {"type": "string", "format": "uri"}
_BUCKET = "https://bucket.s3.eu-central-1.amazonaws.com"
_ADDRESSES: dict[str, Any] = {
    "upload": {
        "type": "object",
        "description": "A form: POST its fields, and the file last, as `file`",
        "properties": {"url": _URL, "fields": {"type": "object", "additionalProperties": {"type": "string"}}},
    },
    "parts": {
        "type": "array",
        "description": "PUT so many bytes of the file to each, in this order, and keep the `ETag` of each answer. One "
        "that has arrived has its `etag` and no `url`",
        "items": {
            "type": "object",
            "properties": {"url": _URL, "size": {"type": "integer"}, "etag": {"type": "string"}},
        },
    },
    "complete": {
        "type": "object",
        "description": "POST S3's CompleteMultipartUpload, XML with the number and ETag of each part",
        "properties": {"url": _URL},
    },
}
_OUTCOME: dict[str, Any] = {
    "state": {"type": "string", "enum": ["WAITING", "STORING", "STORED", "REFUSED", "FAILED"]},
    "result": {"type": "object", "description": "The PACS's STOW-RS response (PS3.18 Annex I)"},
    "reason": {"type": "string", "description": "Why it is not stored, or what else is to be known, in words"},
}

ANNOUNCED_EXAMPLE: Any = {
    "files": [{"name": "tomo.dcm", "size": 734003200}, {"name": "ct.zip", "size": 4096}],
    "multipart": True,
}


def _files(properties: dict[str, Any]) -> dict[str, Any]:
    item = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}, **properties},
    }
    return {
        "type": "object",
        "required": ["uploadId", "files"],
        "properties": {"uploadId": {"type": "string"}, "files": {"type": "array", "items": item}},
    }


def _json(description: str, schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


BEGUN = {
    201: _json(
        "Where to send each file",
        _files(_ADDRESSES),
        {
            "uploadId": EXAMPLE_TRANSFER,
            "files": [
                {
                    "id": "0001",
                    "name": "tomo.dcm",
                    "parts": [
                        {"url": f"{_BUCKET}/uploads/EXAMPLE?partNumber={number}&uploadId=EXAMPLE", "size": 33554432}
                        for number in (1, 2)
                    ],
                    "complete": {"url": f"{_BUCKET}/uploads/EXAMPLE?uploadId=EXAMPLE"},
                },
                {
                    "id": "0002",
                    "name": "ct.zip",
                    "upload": {"url": f"{_BUCKET}/", "fields": {"key": "uploads/EXAMPLE", "policy": "EXAMPLE"}},
                },
            ],
        },
    )
}

_ENTRY = {"type": "object", "properties": {"name": {"type": "string"}, **_OUTCOME}}
UPLOAD_STATUS = {
    200: _json(
        "The state of each file",
        _files({**_OUTCOME, "entries": {"type": "array", "items": _ENTRY}, **_ADDRESSES}),
        {
            "uploadId": EXAMPLE_TRANSFER,
            "files": [
                {"id": "0001", "name": "tomo.dcm", "state": "STORED", "result": STORED_EXAMPLE},
                {
                    "id": "0002",
                    "name": "ct.zip",
                    "state": "STORING",
                    "entries": [
                        {"name": "CT/1.dcm", "state": "STORED", "result": STORED_EXAMPLE},
                        {"name": "readme.txt", "state": "REFUSED", "reason": "it is no DICOM object"},
                    ],
                },
            ],
        },
    )
}

_RETRY_AFTER = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
STILL_COMING = {"state": "RUNNING"}
NOT_READY: dict[int, Any] = {
    202: {
        **_json(
            "The object is still on its way from the PACS: ask again after `Retry-After` seconds",
            {"type": "object", "properties": {"state": {"type": "string"}}},
            STILL_COMING,
        ),
        "headers": _RETRY_AFTER,
    }
}

_LOCATION = {"description": "A signed URL, for five minutes", "schema": _URL}
_ARCHIVE = {
    "type": "object",
    "required": ["archiveId", "state", "instances"],
    "properties": {
        "archiveId": {"type": "string"},
        "state": {"type": "string", "enum": ["QUEUED", "RUNNING"]},
        "instances": {
            "type": "object",
            "properties": {"done": {"type": "integer"}, "total": {"type": "integer"}},
        },
    },
}
ARCHIVE_ANSWERS: dict[int, Any] = {
    202: {
        **_json(
            "It is being made: `Location` tells how far it is, and where it is once it is ready",
            _ARCHIVE,
            {"archiveId": EXAMPLE_TRANSFER, "state": "RUNNING", "instances": {"done": 120, "total": 300}},
        ),
        "headers": {**_RETRY_AFTER, "Location": {"description": "Of the status", "schema": {"type": "string"}}},
    },
    303: {"description": "It is ready: a zip file", "headers": {"Location": _LOCATION}},
}


def archive_answer(status: dict[str, Any], url: str, base_path: str) -> Response[str]:
    """A 303 to the URL where there is one, else a 202 with the status and where to ask for it again.

    `base_path` stands before the service's routes in the client's address.
    """
    if url:
        return Response(303, None, "", {"Location": url, "Cache-Control": "no-store"})
    location = f"{base_path}/exams/archives/{status['archiveId']}"
    return json_answer(202, status, {"Location": location, "Retry-After": str(RETRY_SECONDS)})


def json_answer(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> Response[str]:
    """An answer in JSON that no cache keeps."""
    kept = {"Cache-Control": "private, no-store", **(headers or {})}
    return Response(status, "application/json", json.dumps(content, ensure_ascii=False), kept)
