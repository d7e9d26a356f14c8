"""The fragments that make up one compressed frame (PS3.5 Annex A.4)."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from struct import Struct, iter_unpack

from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.dataset import PixelElement
from dicom_service.exams.pictures.reading.signature import family_of
from dicom_service.exams.pictures.undrawable import Undrawable
from dicom_service.exams.reading.headers import HEADER, ITEM

type Place = tuple[int, int]
"""Start and end of a fragment's value in the source."""

ITEM_HEADER = Struct("<HHI")
ITEM_TAG = Struct("<HH").pack(ITEM >> 16, ITEM & 0xFFFF)
END_OF_IMAGE = b"\xff\xd9"
"""Ends a JPEG, JPEG-LS or JPEG 2000 stream; some padding may follow."""
MOST_PADDING = 8
LONGEST_BEGINNING = 64


@dataclass(frozen=True)
class Fragments:
    """The fragments of an object of so many declared frames, found by an offset table where there is a true one."""

    dataset: Attributes
    pixels: PixelElement
    frames: int

    def there(self) -> int:
        """How many of the declared frames there are, at least 1."""
        if self.frames == 1 or self._by_table(self.frames - 1):
            return self.frames
        return max(1, min(self.frames, len(self._counted)))

    def frame(self, index: int) -> bytes:
        """The bytes of a frame by its index, from 0.

        Raises Undrawable when the frame is not there, or nothing says which fragments are its.
        """
        source, span = self.pixels.source, self._by_table(index)
        if span:
            return _joined(source, _fragments(source, *span))
        if index >= len(self._counted):
            raise Undrawable("its pixel data has fewer frames than it declares")
        return _joined(source, self._counted[index])

    @cached_property
    def _first(self) -> Place:
        return _basic_table(self.pixels)

    @cached_property
    def _tables(self) -> list[list[int]]:
        start, first = self._first
        extended = _numbers("<Q", self.dataset.content("ExtendedOffsetTable"))
        return [table for table in (extended, _numbers("<I", self.pixels.source[start:first])) if table]

    @cached_property
    def _counted(self) -> list[list[Place]]:
        end = self.pixels.offset + self.pixels.available
        return _counted(self.pixels.source, list(_fragments(self.pixels.source, self._first[1], end)), self.frames)

    def _by_table(self, index: int) -> Place | None:
        """Where the items of a frame lie by the extended or the basic offset table; None without a true one."""
        end, first = self.pixels.offset + self.pixels.available, self._first[1]
        for table in self._tables:
            span = _span(self.pixels.source, first, end, table, index, self.frames)
            if span:
                return span
        return None


def is_fragmented(pixels: PixelElement) -> bool:
    """Whether the value begins as a sequence of fragments does."""
    return pixels.source.startswith(ITEM_TAG, pixels.offset)


def _joined(source: bytes, places: Iterator[Place] | list[Place]) -> bytes:
    return b"".join(source[slice(*place)] for place in places)


def _fragments(source: bytes, start: int, end: int) -> Iterator[Place]:
    """Each one's place, the basic offset table's first (PS3.5 Table A.4-1)."""
    while start + HEADER <= end:
        group, number, length = ITEM_HEADER.unpack_from(source, start)
        if group << 16 | number != ITEM:
            return
        start += HEADER
        yield start, min(start + length, end)
        start += length


def _basic_table(pixels: PixelElement) -> Place:
    """Where the basic offset table lies: the first item, unless that is a frame already. Raises Undrawable without."""
    source, end = pixels.source, pixels.offset + pixels.available
    start, first = next(_fragments(source, pixels.offset, end), (0, 0))
    if not first:
        raise Undrawable("its pixel data has no fragments")
    forgotten = family_of(source[start : min(first, start + LONGEST_BEGINNING)])
    return (pixels.offset, pixels.offset) if forgotten else (start, first)


def _span(source: bytes, first: int, end: int, offsets: list[int], index: int, frames: int) -> Place | None:
    """A table is true if it has a place of its own for each frame, and items are where this frame begins and ends.

    Counted from another place than the first fragment, its numbers are all off by the same, which the lowest tells.
    """
    if len(offsets) < max(frames, index + 1) or len(set(offsets)) < len(offsets):
        return None
    first -= min(offsets)
    if any(_is_item(source, first + each) for each in offsets[frames:]):
        return None
    ordered = sorted(offsets[:frames])
    following = bisect_right(ordered, offsets[index])
    begin, after = first + offsets[index], first + ordered[following] if following < frames else end
    true = _is_item(source, begin) and (after == end or _is_item(source, after))
    return (begin, after) if true else None


def _is_item(source: bytes, place: int) -> bool:
    return source.startswith(ITEM_TAG, place)


def _counted(source: bytes, places: list[Place], frames: int) -> list[list[Place]]:
    """The places of each frame without offsets.

    One frame has all fragments, or each has one, or streams tell by their ends or beginnings which ones are theirs.
    """
    if frames == 1:
        return [places]
    filled = [place for place in places if place[1] > place[0]]
    for each in (places, filled):
        if len(each) == frames:
            return [[place] for place in each]
    by_ends = _divided(filled, [place for place, each in enumerate(filled, 1) if _ends(source, each)])
    by_beginnings = _divided(filled, [place for place, each in enumerate(filled) if place and _begins(source, each)])
    ended = any(_ends(source, each) for each in filled)
    return by_ends if len(by_ends) == frames or (ended and len(by_beginnings) != frames) else by_beginnings


def _divided(places: list[Place], cuts: list[int]) -> list[list[Place]]:
    return [places[start:end] for start, end in pairwise([0, *cuts, len(places)]) if start < end]


def _ends(source: bytes, place: Place) -> bool:
    start, end = place
    return source.find(END_OF_IMAGE, max(start, end - len(END_OF_IMAGE) - MOST_PADDING), end) >= 0


def _begins(source: bytes, place: Place) -> bool:
    start, end = place
    return family_of(source[start : min(end, start + LONGEST_BEGINNING)]) is not None


def _numbers(code: str, table: bytes) -> list[int]:
    whole = table[: len(table) // Struct(code).size * Struct(code).size]
    return [number for (number,) in iter_unpack(code, whole)]
