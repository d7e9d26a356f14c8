"""Answers that are bytes: base64 in what the function gives to the HTTP API, bytes again for the client."""

import hashlib

import pybase64
from aws_lambda_powertools.event_handler import Response


def binary_answer(content: bytes, content_type: str, headers: dict[str, str]) -> Response[str]:
    """A 200 with the content. Encoded here: the resolver would check a body of bytes as UTF-8 text."""
    response: Response[str] = Response(200, content_type, pybase64.b64encode_as_string(content), {**headers})
    response.base64_encoded = True
    return response


def cached_answer(
    content: bytes, content_type: str, headers: dict[str, str], if_none_match: str, max_age: int
) -> Response[str]:
    """A 200 that the client may keep for so many seconds, or a 304 where it has the content already (RFC 9110 13.1.2).

    Only the client itself keeps it: no cache that others share. Its ETag is the content's own.
    """
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    kept = {"ETag": etag, "Cache-Control": f"private, max-age={max_age}", **headers}
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if etag in known or "*" in known:
        return Response(304, None, "", kept)
    return binary_answer(content, content_type, kept)
