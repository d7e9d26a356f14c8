"""A dataset or an item, of which values are converted when they are asked for. What cannot be read counts as absent."""

import math
import sys
from dataclasses import dataclass, field
from struct import Struct

from dicom_service.exams.pictures.reading.dictionary import ATTRIBUTES
from dicom_service.exams.pictures.reading.elements import Element, sequence_items, walk
from dicom_service.exams.pictures.reading.room import UNCOUNTED, Steps
from dicom_service.exams.reading.headers import Encoding

BINARY = tuple(
    dict(zip(b"US SS UL SL UV SV FL FD OW".split(), (Struct(order + code) for code in "HhIiQqfdH"), strict=True))
    for order in "<>"
)
"""VRs of numbers that are no text (PS3.5 section 6.2), in little endian and in big endian."""
UNSTATED = (b"", b"UN")
"""VRs that leave it to the dictionary what a value is."""
PADDING = "\0 \t\r\n"
PADDING_BYTES = PADDING.encode()
MOST_VALUE = 2 * 2**16
"""Bytes of a value that numbers or a string are made of: those of the longest table (PS3.3 C.7.6.3.1.5)."""


@dataclass(frozen=True)
class Attributes:
    """The elements of a dataset by tag, and the bytes that they lie in; asked for by keyword."""

    source: bytes = field(repr=False)
    elements: dict[int, Element]
    encoding: Encoding
    steps: Steps = UNCOUNTED

    def __contains__(self, keyword: str) -> bool:
        return ATTRIBUTES[keyword][0] in self.elements

    def content(self, keyword: str, most: int = sys.maxsize) -> bytes:
        """The first `most` bytes of the value as it is stored, empty when there is none."""
        element = self.elements.get(ATTRIBUTES[keyword][0])
        return self.source[element.start : min(element.end, element.start + most)] if element else b""

    def states_vr(self, keyword: str) -> bool:
        """Whether the element says what its values are, which implicit VR and UN leave to the dictionary."""
        element = self.elements.get(ATTRIBUTES[keyword][0])
        return element is not None and element.vr not in UNSTATED

    def numbers(self, keyword: str) -> list[float]:
        """The first 65,536 values or so as numbers; NaN stands for one that is none, such as the second of `40\\`."""
        tag, vr = ATTRIBUTES[keyword]
        element = self.elements.get(tag)
        if element is None:
            return []
        value = self.source[element.start : min(element.end, element.start + MOST_VALUE)]
        binary = BINARY[self.encoding.big_endian].get(vr if element.vr in UNSTATED else element.vr)
        if binary is None:
            return [_decimal(each) for each in value.split(b"\\")] if value.strip(PADDING_BYTES) else []
        if len(value) % binary.size:
            return []
        return [float(each) for (each,) in binary.iter_unpack(value)]

    def number(self, keyword: str) -> float | None:
        """The first value, None when there is none or it is no finite number."""
        values = self.numbers(keyword)
        return values[0] if values and math.isfinite(values[0]) else None

    def whole(self, keyword: str, default: int) -> int:
        """The first number as an integer, `default` when there is none."""
        number = self.number(keyword)
        return int(number) if number is not None and abs(number) <= 2**40 else default

    def text(self, keyword: str) -> str:
        """The first string, stripped; empty when there is none."""
        return self.content(keyword, MOST_VALUE).partition(b"\\")[0].decode("latin-1").strip(PADDING)

    def items(self, keyword: str, chosen: slice = slice(None)) -> list["Attributes"]:
        """The chosen items of a sequence, an empty list when there are none; raises TooCostly for too many."""
        element = self.elements.get(ATTRIBUTES[keyword][0])
        if element is None:
            return []
        places, _ = sequence_items(self.source, element.start, element.end, self.encoding, self.steps)
        return [
            Attributes(
                self.source, walk(self.source, start, end, self.encoding, (), self.steps)[0], self.encoding, self.steps
            )
            for start, end in places[chosen]
        ]


def _decimal(text: bytes) -> float:
    """A decimal string; what follows a NUL is padding, as some writers put it behind each value."""
    try:
        return float(text)
    except ValueError:
        try:
            return float(text.strip(PADDING_BYTES).partition(b"\0")[0])
        except ValueError:
            return math.nan
