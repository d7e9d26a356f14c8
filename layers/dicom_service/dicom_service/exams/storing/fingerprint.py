"""What an object is, however it is written: a digest of each attribute, read once from beginning to end.

Two files of one object may differ: a PACS writes the file meta information anew, and lengths of sequences, group
lengths, offset tables and padding as it likes (PS3.5 sections 7.2, 7.5, A.4; PS3.10 section 7). None of these counts.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dicom_service.exams.part10 import DEFLATED, PREFIX, PREFIX_AT
from dicom_service.exams.reading.headers import (
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_END,
    LENGTH,
    LONG_LENGTH,
    SEQUENCE_END,
    SHORT_LENGTH,
    UNDEFINED_LENGTH,
    Encoding,
)
from dicom_service.exams.storing.pieces import Pieces, Unreadable, inflated

IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
TRANSFER_SYNTAX = 0x00020010
TRAILING_PADDING = 0xFFFCFFFC
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
ITEM_STARTS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")

KNOWN_VRS = SHORT_LENGTH | LONG_LENGTH

MOST_ELEMENTS = 2_000_000
"""In all, those of sequences among them."""

DEEPEST = 64
LONGEST_VALUE = 1024
"""Of a value that is kept beside its digest."""


class Digest(Protocol):
    """A hash that is being made."""

    def update(self, piece: bytes, /) -> None: ...


@dataclass(frozen=True)
class Fingerprint:
    """A digest of the whole file; its transfer syntax; by tag the digest of each attribute and the value of short ones.

    Of a file that is not understood there is no more than the first.
    """

    file: bytes
    transfer_syntax: str = ""
    digests: Mapping[int, bytes] = field(default_factory=dict)
    values: Mapping[int, bytes] = field(default_factory=dict)

    def value(self, tag: int) -> bytes:
        """The attribute's value without padding, or its digest where it is long; empty where there is none."""
        return self.values.get(tag, self.digests.get(tag, b"")).strip(b" \0")


def fingerprint(content: Iterator[bytes]) -> Fingerprint:
    """Of a Part 10 file in pieces, which are read to their end."""
    whole = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for piece in content:
            whole.update(piece)
            yield piece

    pieces = hashed()
    try:
        syntax, data_set = _read(pieces)
    except Unreadable:
        syntax, data_set = "", _Reader(Pieces(iter(())), Encoding(implicit=True, big_endian=False))
    for _ in pieces:
        pass
    return Fingerprint(whole.digest(), syntax, data_set.digests, data_set.values)


def _read(content: Iterator[bytes]) -> "tuple[str, _Reader]":
    """The transfer syntax and the data set, read to its end; raises Unreadable."""
    pieces = Pieces(content)
    if pieces.take(PREFIX_AT + len(PREFIX))[PREFIX_AT:] != PREFIX:
        raise Unreadable
    meta = _Reader(pieces, Encoding(implicit=False, big_endian=False))
    meta.read_group(2)
    syntax = meta.values.get(TRANSFER_SYNTAX, b"").strip(b" \0").decode("latin-1")
    if syntax == DEFLATED:
        pieces = Pieces(inflated(pieces.rest()))
    implicit, big_endian = syntax == IMPLICIT_LITTLE_ENDIAN, syntax == EXPLICIT_BIG_ENDIAN
    reader = _Reader(pieces, Encoding(implicit=implicit, big_endian=big_endian))
    reader.read_to_end()
    return syntax, reader


class _Reader:
    def __init__(self, pieces: Pieces, encoding: Encoding) -> None:
        self._pieces = pieces
        self._big = encoding.big_endian
        self._implicit = encoding.implicit
        self._elements = 0
        self.digests: dict[int, bytes] = {}
        self.values: dict[int, bytes] = {}

    def read_group(self, group: int) -> None:
        while (start := self._pieces.peek(8)) and EXPLICIT[self._big](start.ljust(8, b"\0"))[0] == group:
            self._read_element()

    def read_to_end(self) -> None:
        while (start := self._pieces.peek(8)).strip(b"\0"):
            if len(start) < 8:
                raise Unreadable
            self._read_element()

    def _read_element(self) -> None:
        tag, vr, length = self._header()
        digest = hashlib.sha256()
        if length <= LONGEST_VALUE:
            self.values[tag] = self._pieces.peek(length)
        self._value(tag, vr, length, digest, 0)
        if tag & 0xFFFF and tag != TRAILING_PADDING:
            self.digests[tag] = digest.digest()

    def _header(self) -> tuple[int, bytes, int]:
        """Tag, VR and length; within explicit VR, an element may still be in implicit VR."""
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise Unreadable
        start = self._pieces.take(8)
        group, number, vr, length = EXPLICIT[self._big](start)
        tag = group << 16 | number
        if self._implicit or group == ITEM >> 16 or vr not in KNOWN_VRS:
            return tag, b"", IMPLICIT[self._big](start)[2]
        if vr in LONG_LENGTH:
            return tag, vr, LENGTH[self._big](self._pieces.take(4))[0]
        return tag, vr, length

    def _value(self, tag: int, vr: bytes, length: int, digest: Digest, depth: int) -> None:
        if length == UNDEFINED_LENGTH and tag in PIXELS:
            self._fragments(digest)
        elif length == UNDEFINED_LENGTH or vr == b"SQ" or self._looks_like_items(vr, length):
            self._items(length, digest, depth, self._implicit or vr == b"UN")
        else:
            self._pieces.pass_on(length, digest.update)

    def _looks_like_items(self, vr: bytes, length: int) -> bool:
        """Whether what states no VR is a sequence."""
        return vr in (b"", b"UN") and length >= 8 and self._pieces.peek(4) == ITEM_STARTS[self._big]

    def _fragments(self, digest: Digest) -> None:
        """The frames without their offset table (PS3.5 section A.4)."""
        self._take_item(lambda _: None)
        while self._take_item(digest.update):
            pass

    def _take_item(self, to: Callable[[bytes], object]) -> bool:
        tag, _, length = self._header()
        if tag == SEQUENCE_END:
            return False
        if tag != ITEM or length == UNDEFINED_LENGTH:
            raise Unreadable
        self._pieces.pass_on(length, to)
        return True

    def _items(self, length: int, digest: Digest, depth: int, implicit: bool) -> None:
        if depth > DEEPEST:
            raise Unreadable
        outer, self._implicit = self._implicit, implicit
        end = None if length == UNDEFINED_LENGTH else self._pieces.place + length
        while end is None or self._pieces.place < end:
            tag, _, item_length = self._header()
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise Unreadable
            digest.update(b"item")
            self._item(item_length, digest, depth)
        self._implicit = outer

    def _item(self, length: int, digest: Digest, depth: int) -> None:
        end = None if length == UNDEFINED_LENGTH else self._pieces.place + length
        while end is None or self._pieces.place < end:
            tag, vr, value_length = self._header()
            if tag == ITEM_END:
                return
            if not tag & 0xFFFF:
                self._pieces.pass_on(value_length, lambda _: None)
                continue
            inner = hashlib.sha256()
            self._value(tag, vr, value_length, inner, depth + 1)
            digest.update(tag.to_bytes(4) + inner.digest())
