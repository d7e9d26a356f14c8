"""Multipart bodies (RFC 2046 section 5.1): written one part at a time, read as leniently as PACS and browsers need."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from dicom_service.errors import InvalidRequest
from dicom_service.pacs.streams import SizedBody

LONGEST_PART_HEADER = 16 * 1024
LONGEST_PREAMBLE = 1024 * 1024
LONGEST_PADDING = 1000
DELIMITED = re.compile(rb"(--)?[ \t]{0,%d}\r?\n" % LONGEST_PADDING)
DELIMITED_AT_END = re.compile(rb"(--)?[ \t]{0,%d}(\r?\n|\Z)" % LONGEST_PADDING)
"""What follows a boundary in its line. A longer line that begins like it is content (RFC 2046 section 5.1.1)."""


@dataclass(frozen=True)
class Part:
    """One part: its content type, its file name (empty where it has none) and its bytes."""

    content_type: str
    file_name: str
    content: bytes


def related_body(content: bytes | SizedBody, content_type: str) -> tuple[bytes | SizedBody, str]:
    """A multipart/related body of one part, and the Content-Type to send it with (PS3.18 section 8.6.1.2)."""
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    body = head + content + tail if isinstance(content, bytes) else RelatedBody(head, content, tail)
    return body, f'multipart/related; type="{content_type}"; boundary="{boundary}"'


@dataclass(frozen=True)
class RelatedBody:
    """A multipart/related body of one part that is sent piece by piece."""

    head: bytes
    content: SizedBody
    tail: bytes

    def __len__(self) -> int:
        return len(self.head) + len(self.content) + len(self.tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self.head
        yield from self.content
        yield self.tail


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type is a multipart one."""
    return content_type.strip().lower().startswith("multipart/")


def split_parts(content_type: str, body: bytes) -> list[Part]:
    """The parts of a multipart body; the boundary may be quoted or bare, parts need no Content-Length.

    Raises InvalidRequest where there is no boundary, or where the body is cut off before the closing one: what is left
    of the last part would look whole.
    """
    boundary = _parameter(content_type, "boundary")
    if not boundary:
        raise InvalidRequest("The Content-Type has no boundary")
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    position = 0
    if not body.startswith(delimiter) or not DELIMITED_AT_END.match(body, len(delimiter)):
        position = _delimiter_at(body, b"\n" + delimiter, 0, ended=True) + 1
    if not body.startswith(delimiter, position):
        raise InvalidRequest("The body does not hold the boundary of its Content-Type")
    parts: list[Part] = []
    while True:
        position += len(delimiter)
        if body.startswith(b"--", position):
            return parts
        end = _delimiter_at(body, b"\n" + delimiter, position, ended=True)
        if end < 0:
            raise InvalidRequest("The body is cut off before its closing boundary")
        parts.append(_part(body, position, end))
        position = end + 1


def first_part(content_type: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a body's first part, while it comes; the rest of the body is read and thrown away.

    Raises InvalidRequest as `split_parts` does; what was given until then is not the whole part.
    """
    boundary = _parameter(content_type, "boundary")
    if not boundary:
        raise InvalidRequest("The Content-Type has no boundary")
    delimiter = b"\n--" + boundary.encode("latin-1", "replace")
    held = b"\n"
    while (start := _delimiter_at(held, delimiter)) < 0 or _content_at(held, start) < 0:
        piece = next(pieces, b"")
        if not piece or len(held) > LONGEST_PREAMBLE:
            raise InvalidRequest("The body does not hold the boundary of its Content-Type")
        held += piece
    held = held[_content_at(held, start) :]
    keep, ended = len(delimiter) + LONGEST_PADDING + len(b"\r--\r\n"), False
    while (end := _delimiter_at(held, delimiter, ended=ended)) < 0:
        if ended:
            raise InvalidRequest("The body is cut off before its closing boundary")
        if len(held) > keep:
            yield held[:-keep]
            held = held[-keep:]
        piece = next(pieces, b"")
        held, ended = held + piece, not piece
    yield held[: end - 1] if held[end - 1 : end] == b"\r" else held[:end]
    for _ in pieces:
        pass


def _delimiter_at(held: bytes, delimiter: bytes, position: int = 0, *, ended: bool = False) -> int:
    """Where the next line that is a delimiter begins, -1 where there is none yet; `ended`: nothing follows any more."""
    rest = DELIMITED_AT_END if ended else DELIMITED
    found = held.find(delimiter, position)
    while found >= 0 and not rest.match(held, found + len(delimiter)):
        found = held.find(delimiter, found + 1)
    return found


def _content_at(held: bytes, delimiter: int) -> int:
    """Where the content of the part behind a delimiter begins; -1 where its headers have not come to their end."""
    line = held.find(b"\n", delimiter + 1)
    ends = [held.find(blank, line) + len(blank) for blank in (b"\n\r\n", b"\n\n") if held.find(blank, line) >= 0]
    return min(ends, default=-1) if line >= 0 else -1


def _part(body: bytes, start: int, end: int) -> Part:
    """The part between two delimiters: the rest of the delimiter's line, headers, an empty line, the content."""
    if body[end - 1 : end] == b"\r":
        end -= 1
    start = body.find(b"\n", start) + 1
    head, separator = start, 0
    for blank in (b"\r\n\r\n", b"\n\n"):
        found = body.find(blank, start, min(start + LONGEST_PART_HEADER, end + len(blank)))
        if found >= 0 and (not separator or found < head):
            head, separator = found, len(blank)
    if body.startswith((b"\r\n", b"\n"), start):
        head, separator = start, 2 if body.startswith(b"\r\n", start) else 1
    if not separator:
        raise InvalidRequest("A part of the body has no end of its headers")
    headers = _headers(body[start:head])
    content = body[head + separator : max(end, head + separator)]
    return Part(
        headers.get("content-type", ""), _parameter(headers.get("content-disposition", ""), "filename"), content
    )


def _headers(block: bytes) -> dict[str, str]:
    lines = block.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _parameter(header: str, name: str) -> str:
    message = Message()
    message["content-type"] = header.replace("\r", "").replace("\n", "")
    value = message.get_param(name, "")
    return value[2] if isinstance(value, tuple) else str(value)
