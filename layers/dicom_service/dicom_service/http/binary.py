"""Answers that are bytes: base64 in what the function gives to the HTTP API, bytes again for the client."""

import base64

from aws_lambda_powertools.event_handler import Response


def binary_answer(content: bytes, content_type: str, headers: dict[str, str]) -> Response[str]:
    """A 200 with the content. Encoded here: the resolver would check a body of bytes as UTF-8 text."""
    response: Response[str] = Response(200, content_type, base64.b64encode(content).decode(), {**headers})
    response.base64_encoded = True
    return response
