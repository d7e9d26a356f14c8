"""multipart/related bodies (RFC 2046 section 5.1, PS3.18 section 8.6.1.2): read whole, written in pieces."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

CRLF = b"\r\n"
PIECE_BYTES = 1 << 20


class MalformedMultipartError(ValueError):
    """A body that is not made of parts, or that ends before its closing boundary."""


def split_parts(body: bytes, boundary: str) -> list[bytes]:
    """The contents of the parts, without their headers, in order. Raises MalformedMultipartError."""
    delimiter = b"--" + boundary.encode()
    position = 0 if body.startswith(delimiter) else _find(body, CRLF + delimiter, 0) + len(CRLF)
    parts: list[bytes] = []
    while True:
        position += len(delimiter)
        if body[position : position + 2] == b"--":
            return parts
        start = _find(body, CRLF, position) + len(CRLF)
        end = _next_delimiter(body, delimiter, start - len(CRLF))
        parts.append(_content(body, start, end))
        position = end + len(CRLF)


def joined_parts(files: Iterable[tuple[str, Iterable[bytes]]], boundary: str) -> Iterator[bytes]:
    """A body in pieces, of pairs of a part's Content-Type and its content in pieces."""
    for content_type, pieces in files:
        yield f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode()
        yield from pieces
        yield CRLF
    yield f"--{boundary}--\r\n".encode()


def new_boundary() -> str:
    """A boundary that no content holds: 128 random bits."""
    return secrets.token_hex(16)


def file_pieces(path: Path) -> Iterator[bytes]:
    """A file's bytes in pieces of 1 MiB."""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _find(body: bytes, wanted: bytes, start: int) -> int:
    position = body.find(wanted, start)
    if position < 0:
        raise MalformedMultipartError("the body ends before its closing boundary")
    return position


def _next_delimiter(body: bytes, delimiter: bytes, start: int) -> int:
    """Where the line break before the next boundary is: one that nothing but spaces or the closing hyphens follow."""
    while True:
        start = _find(body, CRLF + delimiter, start)
        after = start + len(CRLF) + len(delimiter)
        if body[after : after + 2] == b"--" or body[after : after + 64].lstrip(b" \t").startswith(CRLF):
            return start
        start = after


def _content(body: bytes, start: int, end: int) -> bytes:
    if body.startswith(CRLF, start):
        return body[start + len(CRLF) : end]
    headers_end = body.find(CRLF + CRLF, start, end)
    if headers_end < 0:
        raise MalformedMultipartError("a part has no end of its headers")
    return body[headers_end + 2 * len(CRLF) : end]
