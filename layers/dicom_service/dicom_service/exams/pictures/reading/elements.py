"""Walking over the elements of a dataset, noting where the wanted ones are (PS3.5 section 7).

Values are neither copied nor converted, so that attributes that no picture needs cost next to nothing.
"""

from collections.abc import Container
from dataclasses import dataclass
from struct import Struct
from typing import Literal, NamedTuple

from dicom_service.exams.pictures.reading.dictionary import WANTED
from dicom_service.exams.pictures.reading.room import UNCOUNTED, Steps
from dicom_service.exams.reading.headers import DELIMITERS, LONG_HEADER, odd_header

UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
HEADER = 8
"""Bytes of tag and length, and of tag, VR and a length of 16 bits."""

SHORT_LENGTH = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_LENGTH = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""VRs with two reserved bytes and a length of 32 bits (PS3.5 Table 7.1-1)."""


ORDERS: tuple[Literal["little"], Literal["big"]] = ("little", "big")


class Element(NamedTuple):
    """Where a value lies; `vr` is empty where none is stated, `length` is the stated one."""

    vr: bytes
    start: int
    end: int
    length: int


@dataclass(frozen=True)
class Encoding:
    """How elements are written. Within explicit VR, items and single elements may still be in implicit VR."""

    implicit: bool
    big_endian: bool

    @property
    def order(self) -> Literal["<", ">"]:
        """The byte order as `struct` and numpy call it."""
        return ">" if self.big_endian else "<"


EXPLICIT = tuple(Struct(f"{order}HH2sH").unpack_from for order in "<>")
IMPLICIT = tuple(Struct(f"{order}HHI").unpack_from for order in "<>")
LENGTH = tuple(Struct(f"{order}I").unpack_from for order in "<>")
SEQUENCE_ENDS = tuple(Struct(f"{order}HH").pack(SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF) for order in "<>")
"""In little endian and in big endian."""


def states_vr(source: bytes, start: int) -> bool:
    """Whether the element at `start` has two capital letters for a VR, as no length of a first element looks."""
    vr = source[start + 4 : start + 6]
    return vr.isalpha() and vr.isupper()


def walk(
    source: bytes,
    start: int,
    end: int,
    encoding: Encoding,
    stops: Container[int] = (),
    steps: Steps = UNCOUNTED,
) -> tuple[dict[int, Element], int]:
    """The wanted elements of the dataset at `start` by tag, and where it ends.

    That is behind an item delimiter, at an element whose tag is in `stops` (noted as well), or at `end` or beyond it.
    Raises TooCostly where there are more elements than `steps` has left.
    """
    big = encoding.big_endian
    explicit, implicit, length_of = EXPLICIT[big], IMPLICIT[big], LENGTH[big]
    without_vr = encoding.implicit or not states_vr(source, start)
    found: dict[int, Element] = {}
    count, most = 0, steps.left
    while start + HEADER <= end and count <= most:
        count += 1
        group, number, vr, length = explicit(source, start)
        tag, value = group << 16 | number, start + HEADER
        bare = without_vr or group == DELIMITERS
        if bare or not (vr in SHORT_LENGTH or vr in LONG_LENGTH or b"AA" <= vr <= b"ZZ"):
            vr, (length, size) = (
                b"",
                (implicit(source, start)[2], HEADER) if bare else _odd(source, start, end, big),
            )
            value = start + size
        elif vr in LONG_LENGTH and value + 4 <= end:
            length, value = length_of(source, value)[0], value + 4
        if tag == ITEM_END:
            start = value
            break
        if tag in stops:
            found[tag] = Element(vr, value, end, length)
            break
        after = value + length
        if length == UNDEFINED_LENGTH:
            steps.spend(count)
            after = sequence_items(source, value, end, encoding, steps)[1]
            count, most = 0, steps.left
        if tag in WANTED:
            found[tag] = Element(vr, value, min(after, end), length)
        start = after
    steps.spend(count)
    return found, start


def _odd(source: bytes, start: int, end: int, big_endian: bool) -> tuple[int, int]:
    """The lengths of a value and of its header, in explicit VR, where the VR is none."""
    head = source[start : start + LONG_HEADER]
    tag = int.from_bytes(head[:2], ORDERS[big_endian]) << 16 | int.from_bytes(head[2:4], ORDERS[big_endian])

    def follows(distance: int) -> bool:
        place = start + distance
        if place + HEADER > end:
            return place == end
        group, number, vr, _ = EXPLICIT[big_endian](source, place)
        known = vr in SHORT_LENGTH or vr in LONG_LENGTH or group == tag >> 16
        return bool(known and (group << 16 | number) > tag)

    header = odd_header(head, big_endian, follows)
    return header.length, header.size


def sequence_items(
    source: bytes, start: int, end: int, encoding: Encoding, steps: Steps = UNCOUNTED
) -> tuple[list[tuple[int, int]], int]:
    """Start and end of each item or fragment of the value at `start`, and where an undefined length ends.

    An item that is longer than what is there, of undefined length or damaged, ends where its elements do.
    Raises TooCostly where there are more items than `steps` has left.
    """
    items, header = [], IMPLICIT[encoding.big_endian]
    while start + HEADER <= end:
        group, number, length = header(source, start)
        if group << 16 | number != ITEM:
            break
        steps.spend(1)
        start += HEADER
        after = start + length
        if after > end:
            after = walk(source, start, end, encoding, (), steps)[1]
        items.append((start, min(after, end)))
        start = after
    delimiter = source.find(SEQUENCE_ENDS[encoding.big_endian], start, end)
    return items, delimiter + HEADER if delimiter >= 0 else end
