"""Reading a Part 10 object as far as its pixels, and noting where those are instead of copying them."""

import zlib
from dataclasses import dataclass
from io import BytesIO

from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.dictionary import PIXEL_TAGS
from dicom_service.exams.pictures.reading.elements import Element, walk
from dicom_service.exams.pictures.reading.room import APART, Room, Steps
from dicom_service.exams.pictures.undrawable import TooCostly
from dicom_service.exams.reading.headers import HEADER, UNDEFINED_LENGTH, Encoding, states_vr

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"
"""GE's own: Implicit VR Little Endian but for the pixel data, which is big endian."""
NATIVE = ("", IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED, BIG_ENDIAN_PIXELS)

PREFIX = slice(128, 132)
FILE_META = Encoding(implicit=False, big_endian=False)
BEHIND_FILE_META = range(0x00030000, 0x100000000)
HIGHEST_FIRST_GROUP = 0x03FF
"""Of a dataset; a higher one is a low one in the other byte order."""
PIECE = 2**16
"""Bytes that are inflated at a time: what is left of the source is copied with each."""


@dataclass(frozen=True)
class PixelElement:
    """Where pixel data lies: `length` bytes of `source` from `offset`; None for the undefined length of fragments."""

    source: bytes
    offset: int
    length: int | None
    tag: int
    vr: str

    @property
    def available(self) -> int:
        """Bytes that are there, which a truncated object has fewer of than it declares."""
        rest = len(self.source) - self.offset
        return rest if self.length is None else min(rest, self.length)


@dataclass(frozen=True)
class StoredObject:
    """A dataset without its pixel data, its file meta and transfer syntax, and where its pixel data lies."""

    dataset: Attributes
    meta: Attributes
    transfer_syntax: str
    pixels: PixelElement | None

    @property
    def big_endian(self) -> bool:
        """Whether its pixel data is."""
        return self.dataset.encoding.big_endian or self.transfer_syntax == BIG_ENDIAN_PIXELS


def read_object(part10: bytes, room: Room = APART) -> StoredObject:
    """Read the attributes that precede the pixel data (PS3.10 section 7.1; preamble and file meta may be missing).

    Raises TooCostly beyond the room for elements or for inflating, and zlib's error for what does not inflate.
    """
    steps = Steps(room.steps)
    start = PREFIX.stop if part10[PREFIX] == b"DICM" else 0
    found, start = walk(part10, start, len(part10), FILE_META, BEHIND_FILE_META, steps)
    meta = Attributes(part10, found, FILE_META, steps)
    syntax, source = meta.text("TransferSyntaxUID"), part10
    if syntax == DEFLATED:
        source, start = _inflate(memoryview(part10)[start:], room.inflated), 0
    encoding = encoding_of(source, start, syntax)
    found, _ = walk(source, start, len(source), encoding, PIXEL_TAGS, steps)
    dataset = Attributes(source, found, encoding, steps)
    return StoredObject(dataset, meta, syntax or _syntax(encoding), _pixels(source, found))


def encoding_of(source: bytes, start: int, syntax: str) -> Encoding:
    """What the first element shows goes before the transfer syntax, which writers get wrong or leave out."""
    explicit = states_vr(source[start : start + HEADER])
    swapped = not syntax and explicit and int.from_bytes(source[start : start + 2], "little") > HIGHEST_FIRST_GROUP
    return Encoding(not explicit, syntax == EXPLICIT_BIG or swapped)


def _syntax(encoding: Encoding) -> str:
    if encoding.implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if encoding.big_endian else EXPLICIT_LITTLE


def _pixels(source: bytes, found: dict[int, Element]) -> PixelElement | None:
    for tag in PIXEL_TAGS & found.keys():
        vr, start, _, length = found[tag]
        known = None if length == UNDEFINED_LENGTH else length
        return PixelElement(source, start, known, tag, vr.decode("latin-1") or "OW")
    return None


def _inflate(deflated: memoryview, most: int) -> bytes:
    """Piece by piece into a buffer that hands over its bytes: only one copy is ever held."""
    inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), BytesIO()
    for start in range(0, len(deflated), PIECE):
        inflated.write(inflater.decompress(deflated[start : start + PIECE], most + 1 - inflated.tell()))
        if inflated.tell() > most:
            raise TooCostly
        if inflater.eof:
            break
    return inflated.getvalue()
