"""Answers to searches, of any length: what is more than a function may answer is fetched from the bucket."""

import gzip
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import pybase64
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from dicom_service.bucket import kept
from dicom_service.http.answer import MOST_ANSWER_BYTES
from dicom_service.http.dicom_json import COMPRESSED_FROM, dicom_json_type

HEADERS = 4096
"""Bytes of an answer that are left for its headers and what stands around its body."""

PREFIX = "answers/"


def dicom_list_answer(
    app: APIGatewayHttpResolver, datasets: Iterable[dict[str, Any]], headers: Mapping[str, str]
) -> Response[str]:
    """The datasets as DICOM JSON (PS3.18 Annex F); as `list_answer`."""
    texts = (json.dumps(dataset, ensure_ascii=False) for dataset in datasets)
    return list_answer(app, texts, dicom_json_type(app), headers)


def list_answer(
    app: APIGatewayHttpResolver, texts: Iterable[str], content_type: str, headers: Mapping[str, str]
) -> Response[str]:
    """A list of JSON values, gzipped for a client that takes it; a 303 to it where it is larger than 6 MB even so.

    Raises StoreUnavailable where the bucket does not take it. `headers` are sent beside those of every answer.
    """
    body = f"[{', '.join(texts)}]"
    sent = {"Vary": "Accept, Accept-Encoding", "Cache-Control": "private, no-store", **headers}
    zipped = b""
    if len(body) >= COMPRESSED_FROM and "gzip" in app.current_event.headers.get("accept-encoding", ""):
        zipped = gzip.compress(body.encode(), compresslevel=6, mtime=0)
    if not _fits(body, zipped):
        key = f"{PREFIX}{secrets.token_urlsafe(24)}.json"
        location = kept(key, zipped or body.encode(), content_type, gzipped=bool(zipped))
        return Response(303, None, "", sent | {"Location": location})
    if not zipped:
        return Response(200, content_type, body, sent)
    response: Response[str] = Response(
        200, content_type, pybase64.b64encode_as_string(zipped), sent | {"Content-Encoding": "gzip"}
    )
    response.base64_encoded = True
    return response


def _fits(body: str, zipped: bytes) -> bool:
    """Whether a function may answer it: as base64, or as a JSON string, in which a quote takes two bytes."""
    room = MOST_ANSWER_BYTES - HEADERS
    if zipped:
        return len(zipped) * 4 / 3 <= room
    return len(body) <= room / 6 or len(json.dumps(body)) <= room
