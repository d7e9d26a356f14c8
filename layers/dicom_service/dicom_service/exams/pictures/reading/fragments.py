"""The fragments that make up one compressed frame (PS3.5 Annex A.4)."""

from collections.abc import Iterator
from struct import Struct, iter_unpack

from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.dataset import PixelElement
from dicom_service.exams.pictures.reading.elements import HEADER, ITEM
from dicom_service.exams.pictures.undrawable import Undrawable

ITEM_HEADER = Struct("<HHI")
END_OF_IMAGE = b"\xff\xd9"
"""Ends a JPEG, JPEG-LS or JPEG 2000 stream; some padding may follow."""
MOST_PADDING = 8


def compressed_frame(dataset: Attributes, pixels: PixelElement, index: int, frames: int) -> bytes:
    """The bytes of a frame by its index, from 0, of so many frames; by an offset table where there is one.

    Raises Undrawable when the frame is not there, or nothing says which fragments are its.
    """
    source = pixels.source
    places = _fragments(source, pixels.offset, len(source))
    start, first = next(places, (0, 0))
    if not first:
        raise Undrawable("its pixel data has no fragments")
    if offsets := _numbers("<Q", dataset.content("ExtendedOffsetTable")):
        lengths = _numbers("<Q", dataset.content("ExtendedOffsetTableLengths"))
        begin = first + _entry(offsets, index) + HEADER
        return source[begin : begin + _entry(lengths, index)]
    if offsets := _numbers("<I", source[start:first]):
        end = first + offsets[index + 1] if index + 1 < len(offsets) else len(source)
        return b"".join(source[slice(*place)] for place in _fragments(source, first + _entry(offsets, index), end))
    return _counted([source[slice(*place)] for place in places], index, frames)


def _fragments(source: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each one's value, the basic offset table's first (PS3.5 Table A.4-1)."""
    while start + HEADER <= end:
        group, number, length = ITEM_HEADER.unpack_from(source, start)
        if group << 16 | number != ITEM:
            return
        start += HEADER
        yield start, min(start + length, end)
        start += length


def _counted(fragments: list[bytes], index: int, frames: int) -> bytes:
    """Without offsets: one frame has all fragments, or each has one, or streams tell of their ends themselves."""
    if frames == 1:
        return b"".join(fragments)
    if len(fragments) == frames:
        return fragments[index]
    end = len(END_OF_IMAGE) + MOST_PADDING
    ends = [place + 1 for place, each in enumerate(fragments) if END_OF_IMAGE in each[-end:]]
    if not ends or ends[-1] < len(fragments):
        ends.append(len(fragments))
    return b"".join(fragments[_entry([0, *ends], index) : _entry(ends, index)])


def _numbers(code: str, table: bytes) -> list[int]:
    whole = table[: len(table) // Struct(code).size * Struct(code).size]
    return [number for (number,) in iter_unpack(code, whole)]


def _entry(table: list[int], index: int) -> int:
    if index >= len(table):
        raise Undrawable("its pixel data has fewer frames than it declares")
    return table[index]
