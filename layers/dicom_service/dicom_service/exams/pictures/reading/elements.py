"""Walking over the elements of a dataset, noting where the wanted ones are (PS3.5 section 7).

Values are neither copied nor converted, so that attributes that no picture needs cost next to nothing.
"""

from collections.abc import Container
from typing import Literal, NamedTuple

from dicom_service.exams.pictures.reading.dictionary import WANTED
from dicom_service.exams.pictures.reading.room import UNCOUNTED, Steps
from dicom_service.exams.reading.headers import (
    DELIMITERS,
    EXPLICIT,
    HEADER,
    IMPLICIT,
    ITEM,
    ITEM_END,
    LENGTH,
    LONG_HEADER,
    LONG_LENGTH,
    SEQUENCE_ENDS,
    SHORT_LENGTH,
    UNDEFINED_LENGTH,
    Encoding,
    odd_header,
    states_vr,
)

NO_VR: frozenset[bytes] = frozenset()
ORDERS: tuple[Literal["little"], Literal["big"]] = ("little", "big")


class Element(NamedTuple):
    """Where a value lies; `vr` is empty where none is stated, `length` is the stated one."""

    vr: bytes
    start: int
    end: int
    length: int


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
    explicit, implicit = EXPLICIT[big], IMPLICIT[big]
    without_vr = encoding.implicit or not states_vr(source[start : start + HEADER])
    found: dict[int, Element] = {}
    short = NO_VR if without_vr else SHORT_LENGTH
    count, most = 0, steps.left
    while start + HEADER <= end and count <= most:
        count += 1
        group, number, vr, length = explicit(source, start)
        tag, value = group << 16 | number, start + HEADER
        if vr not in short or group == DELIMITERS:
            if without_vr or group == DELIMITERS:
                vr, length = b"", implicit(source, start)[2]
                if tag == ITEM_END:
                    start = value
                    break
            else:
                vr, value, length = _of_long_length(source, start, end, big)
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


def _of_long_length(source: bytes, start: int, end: int, big: bool) -> tuple[bytes, int, int]:
    """VR, place and length of a value whose VR is none of those with a length of 16 bits."""
    vr, value = source[start + 4 : start + 6], start + HEADER
    if vr in LONG_LENGTH and value + 4 <= end:
        return vr, value + 4, LENGTH[big](source, value)[0]
    if vr in LONG_LENGTH or b"AA" <= vr <= b"ZZ":
        return vr, value, EXPLICIT[big](source, start)[3]
    length, size = _odd(source, start, end, big)
    return b"", start + size, length


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
