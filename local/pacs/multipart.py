"""multipart/related bodies (RFC 2046 section 5.1, PS3.18 section 8.6.1.2): read and written in pieces."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

CRLF = b"\r\n"
PIECE_BYTES = 1 << 20
LONGEST_PREAMBLE = 1 << 16
LONGEST_HEADERS = 1 << 14
LONGEST_PADDING = 64


class MalformedMultipartError(ValueError):
    """A body that is not made of parts, or that ends before its closing boundary."""


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


class Parts:
    """The parts of a body while it comes: each is an iterator of its content, to be read to its end before the next."""

    def __init__(self, body: BinaryIO, boundary: str) -> None:
        self._body = body
        self._delimiter = CRLF + b"--" + boundary.encode()
        self._held = CRLF

    def __iter__(self) -> Iterator[Iterator[bytes]]:
        """Raises MalformedMultipartError, also while a part is read."""
        self._discard(self._find(self._delimiter) + len(self._delimiter))
        while not self._begins(b"--"):
            self._discard(self._find(CRLF))
            headers_end = 0 if self._begins(CRLF + CRLF) else self._find(CRLF + CRLF, LONGEST_HEADERS)
            self._discard(headers_end + len(CRLF))
            yield self._content()

    def _content(self) -> Iterator[bytes]:
        """Up to the delimiter, which may begin with the line break that ends the headers."""
        skipped = len(CRLF)
        while (end := self._next_delimiter()) < 0:
            ready = len(self._held) - len(self._delimiter) - LONGEST_PADDING
            if ready > skipped:
                yield self._held[skipped:ready]
                self._discard(ready)
                skipped = 0
            self._read()
        yield self._held[skipped:end]
        self._discard(end + len(self._delimiter))

    def _next_delimiter(self) -> int:
        """Where one is that nothing but spaces or the closing hyphens follow; -1 where more has to be read."""
        start = 0
        while (start := self._held.find(self._delimiter, start)) >= 0:
            after = start + len(self._delimiter)
            rest = self._held[after : after + LONGEST_PADDING]
            if rest.startswith(b"--") or rest.lstrip(b" \t").startswith(CRLF):
                return start
            if len(rest) < LONGEST_PADDING:
                return -1
            start = after
        return -1

    def _find(self, wanted: bytes, most: int = LONGEST_PREAMBLE) -> int:
        while (position := self._held.find(wanted)) < 0:
            if len(self._held) > most:
                raise MalformedMultipartError("a part has no end of its headers")
            self._read()
        return position

    def _begins(self, wanted: bytes) -> bool:
        while len(self._held) < len(wanted):
            self._read()
        return self._held.startswith(wanted)

    def _discard(self, length: int) -> None:
        self._held = self._held[length:]

    def _read(self) -> None:
        piece = self._body.read(PIECE_BYTES)
        if not piece:
            raise MalformedMultipartError("the body ends before its closing boundary")
        self._held += piece
