"""Headers of data elements (PS3.5 section 7.1): the tables, and how an odd header is understood."""

from collections.abc import Callable
from struct import Struct
from typing import Literal, NamedTuple

UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DELIMITERS = 0xFFFE
HEADER = 8
"""Bytes of tag and length, and of tag, VR and a length of 16 bits."""

LONG_HEADER = 12
"""Bytes of tag, VR, two reserved bytes and a length of 32 bits."""

SHORT_LENGTH = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_LENGTH = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""VRs with two reserved bytes and a length of 32 bits (PS3.5 Table 7.1-1)."""

EXPLICIT = tuple(Struct(f"{order}HH2sH").unpack_from for order in "<>")
IMPLICIT = tuple(Struct(f"{order}HHI").unpack_from for order in "<>")
LENGTH = tuple(Struct(f"{order}I").unpack_from for order in "<>")
SEQUENCE_ENDS = tuple(Struct(f"{order}HH").pack(SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF) for order in "<>")
"""Each in little endian and in big endian."""


class Encoding(NamedTuple):
    """How elements are written. Within explicit VR, items and single elements may still be in implicit VR."""

    implicit: bool
    big_endian: bool

    @property
    def order(self) -> Literal["<", ">"]:
        """The byte order as `struct` and numpy call it."""
        return ">" if self.big_endian else "<"


class Header(NamedTuple):
    """Of one element: `vr` is empty where none is stated, `size` is the header's own, in bytes as `length` is."""

    tag: int
    vr: bytes
    length: int
    size: int


def states_vr(start: bytes) -> bool:
    """Whether an element that begins so has two capital letters for a VR, as no length of a first element looks."""
    vr = start[4:6]
    return vr.isalpha() and vr.isupper()


def odd_header(start: bytes, big_endian: bool, follows: Callable[[int], bool | None]) -> Header:
    """The header of an element in explicit VR whose VR is none, none that is known, or not written as it should be.

    `start` are its first 12 bytes, or all that there are. It may lack a VR (a writer switched to implicit VR), have a
    length of 16 bits behind a VR that means nothing, as DCMTK reads it, or one of 32 bits behind a VR of a later
    edition (PS3.5 section 6.2). `follows` says of a place, counted from the element's own, whether another element or
    the end is there, or None where it cannot know. The first form after which one is there is taken, else the first
    that may be right.
    """
    tag_of = EXPLICIT[big_endian](start)
    tag, vr = tag_of[0] << 16 | tag_of[1], tag_of[2]
    forms = [
        Header(tag, b"", IMPLICIT[big_endian](start)[2], HEADER),
        Header(tag, vr, tag_of[3], HEADER),
    ]
    if len(start) >= LONG_HEADER and states_vr(start):
        forms.insert(0, Header(tag, vr, LENGTH[big_endian](start, HEADER)[0], LONG_HEADER))
        forms = [forms[0], forms[2], forms[1]]
    judged = [(follows(form.size + form.length), form) for form in forms if form.length != UNDEFINED_LENGTH]
    undefined = [form for form in forms if form.length == UNDEFINED_LENGTH]
    sure = [form for right, form in judged if right]
    unsure = [form for right, form in judged if right is None]
    return (sure or undefined or unsure or forms)[0]
