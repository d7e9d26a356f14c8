"""Walking over a data set to its last byte: headers are read, values are passed over (PS3.5 section 7).

What has a defined length is whole where its last byte is there. What has none is whole where its delimiter is: a
sequence, encapsulated pixel data (PS3.5 section A.4), and UN, which holds items in implicit VR (PS3.5 section 6.2.2).
"""

from collections.abc import Container
from dataclasses import dataclass, field

from dicom_service.errors import NotDicom
from dicom_service.exams.reading.budget import DEEPEST, Budget
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
    SEQUENCE_END,
    SEQUENCE_ENDS,
    SHORT_LENGTH,
    UNDEFINED_LENGTH,
    Encoding,
    Header,
    odd_header,
    states_vr,
)
from dicom_service.exams.reading.source import PADDING, Source

LONGEST_KEPT = 1024
"""Bytes of a value that is kept: more than any that identifies an object."""

PIXELS = 0x7FE00008
"""The first tag of pixel data (PS3.6): behind it no element begins with a byte of padding."""


@dataclass
class DataSet:
    """What a walk has seen: values by tag, of those that were to be kept, the highest tag, and where the walk ended."""

    values: dict[int, bytes] = field(default_factory=dict)
    highest: int = 0
    end: int = 0


@dataclass
class _Level:
    """A value of undefined length: of which element, in a data set of which encoding, and whether an item is open."""

    tag: int
    vr: bytes
    outer: Encoding
    in_item: bool = False


class Walk:
    """One walk over the data set at `place` of a source; `kept` are the tags whose values are wanted.

    It ends at the source's end or, where a `group` is given, before the first element of another one.
    """

    def __init__(
        self, source: Source, place: int, encoding: Encoding, budget: Budget, kept: Container[int], group: int = 0
    ) -> None:
        self._source, self._place, self._encoding, self._budget = source, place, encoding, budget
        self._kept, self._group = kept, group
        self._levels: list[_Level] = []
        self._last: tuple[int, int] = (0, 0)
        self._seen = DataSet()

    def data_set(self) -> DataSet:
        """Walks; raises NotDicom, saying why, where the data set is cut off, damaged or beyond the budget."""
        going_on = True
        while going_on:
            present = self._source.reach(self._place, LONG_HEADER)
            if present < HEADER:
                self._check_end(present)
                break
            self._budget.spend_element()
            if self._levels and not self._levels[-1].in_item:
                self._item()
            else:
                going_on = self._element(present)
        self._seen.end = self._place
        return self._seen

    def _element(self, present: int) -> bool:
        """Passes over an element, or opens one; False where the data set ends before it."""
        window, offset = self._source.window, self._place - self._source.start
        group, number, vr, length = EXPLICIT[self._encoding.big_endian](window, offset)
        if group == DELIMITERS:
            self._delimiter(number)
            return True
        if not self._levels and self._ends_before(group, window[offset : offset + HEADER]):
            return False
        tag, size = group << 16 | number, HEADER
        if self._encoding.implicit:
            vr, length = b"", IMPLICIT[self._encoding.big_endian](window, offset)[2]
        elif vr not in SHORT_LENGTH:
            _, vr, length, size = self._long_or_odd(Header(tag, vr, length, HEADER), present)
        self._last = tag, length
        self._place += size
        if not self._levels:
            self._note(tag, length)
        if length == UNDEFINED_LENGTH:
            self._open(tag, vr)
        else:
            self._place += length
        return True

    def _long_or_odd(self, header: Header, present: int) -> Header:
        offset = self._place - self._source.start
        if header.vr in LONG_LENGTH and header.length == 0:
            if present < LONG_HEADER:
                self._check_end(present)
            length = LENGTH[self._encoding.big_endian](self._source.window, offset + HEADER)[0]
            return header._replace(length=length, size=LONG_HEADER)
        start = self._source.window[offset : offset + LONG_HEADER]
        return odd_header(start, self._encoding.big_endian, lambda end: self._goes_on_at(end, header.tag))

    def _goes_on_at(self, distance: int, tag: int) -> bool | None:
        """Whether an element follows `tag` at that distance from it, or the end; None where that is not in view."""
        source, place = self._source, self._place + distance
        if place == source.size:
            return not self._levels
        offset = place - source.start
        if offset + HEADER > len(source.window):
            return None if source.size is None or place < source.size else False
        group, number, vr, _ = EXPLICIT[self._encoding.big_endian](source.window, offset)
        if group == DELIMITERS:
            return bool(self._levels)
        known = vr in SHORT_LENGTH or vr in LONG_LENGTH or group == tag >> 16
        return bool(known and (group << 16 | number) > tag)

    def _note(self, tag: int, length: int) -> None:
        self._seen.highest = max(self._seen.highest, tag)
        if tag in self._kept and not (self._group and tag in self._seen.values):
            self._seen.values[tag] = self._source.bytes_at(self._place, min(length, LONGEST_KEPT))

    def _open(self, tag: int, vr: bytes) -> None:
        if len(self._levels) == DEEPEST:
            raise NotDicom(f"its sequences are nested more than {DEEPEST} deep")
        self._levels.append(_Level(tag, vr, self._encoding))

    def _item(self) -> None:
        """Passes over an item or a fragment, opens one of undefined length, or ends what holds them."""
        big_endian = self._encoding.big_endian
        group, number, length = IMPLICIT[big_endian](self._source.window, self._place - self._source.start)
        tag = group << 16 | number
        if tag not in (ITEM, ITEM_END, SEQUENCE_END):
            self._pass_over_damage()
            return
        self._last = tag, length
        self._place += HEADER
        if tag == SEQUENCE_END:
            self._encoding = self._levels.pop().outer
        elif tag == ITEM and length == UNDEFINED_LENGTH:
            self._levels[-1].in_item = True
            self._encoding = self._encoding_of_item()
        elif tag == ITEM:
            self._place += length

    def _encoding_of_item(self) -> Encoding:
        level = self._levels[-1]
        start = self._source.bytes_at(self._place, HEADER)
        if level.vr == b"UN":
            return Encoding(start[4:6] not in SHORT_LENGTH | LONG_LENGTH, level.outer.big_endian)
        return Encoding(level.outer.implicit or not states_vr(start), level.outer.big_endian)

    def _delimiter(self, number: int) -> None:
        """The end of an item, or of a sequence whose last item has none. Those that end nothing are passed over."""
        tag = DELIMITERS << 16 | number
        if tag not in (ITEM_END, SEQUENCE_END):
            raise NotDicom(
                f"it is damaged: an item stands outside of a sequence, behind element {_named(self._last[0])}"
            )
        self._place += HEADER
        if not self._levels:
            return
        level = self._levels[-1]
        level.in_item, self._encoding = False, level.outer
        if tag == SEQUENCE_END:
            self._levels.pop()

    def _pass_over_damage(self) -> None:
        """Goes on behind the next delimiter where fragments are damaged, or are no fragments: readers look for that."""
        level, place = self._levels[-1], -1
        if level.vr != b"SQ":
            place = self._source.find(SEQUENCE_ENDS[self._encoding.big_endian], self._place)
        if place < 0:
            raise NotDicom(f"it is damaged: element {_named(level.tag)} holds something else than items, or has no end")
        self._place = place + HEADER
        self._encoding = self._levels.pop().outer

    def _ends_before(self, group: int, start: bytes) -> bool:
        """Whether the data set ended before these bytes: at another group, or at padding."""
        if self._group:
            return group != self._group
        if group >= self._seen.highest >> 16 or (start.strip(b"\0") and start.strip(b"\r\n ")):
            return False
        if not self._source.is_padding(self._place):
            raise NotDicom("behind its last element it holds bytes that are no element")
        return True

    def _check_end(self, present: int) -> None:
        """Raises NotDicom where something is open or misses bytes, or where what is left is not padding."""
        tag, length = self._last
        if self._levels:
            raise NotDicom(f"it is cut off before its end, inside element {_named(self._levels[0].tag)}")
        if present < 0:
            raise NotDicom(
                f"it is cut off before its end, or a length in it is wrong: element {_named(tag)} should have {length} "
                f"bytes, and {length + present} are there"
            )
        rest = self._source.bytes_at(self._place, present)
        group = int.from_bytes(rest[:2], "big" if self._encoding.big_endian else "little")
        may_be_a_header = self._seen.highest < PIXELS and (present == 1 or group >= self._seen.highest >> 16)
        if rest and (rest.strip(PADDING) or may_be_a_header):
            raise NotDicom("it is cut off before its end, inside the header of an element")


def _named(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
