"""A dataset or an item, of which values are converted when they are asked for. What cannot be read counts as absent."""

import struct
from dataclasses import dataclass, field

from dicom_service.exams.pictures.reading.dictionary import ATTRIBUTES
from dicom_service.exams.pictures.reading.elements import Element, Encoding, sequence_items, walk

BINARY = dict(zip(b"US SS UL SL UV SV FL FD OW".split(), "HhIiQqfdH", strict=True))
"""VRs of numbers that are no text, as `struct` calls them (PS3.5 section 6.2)."""
PADDING = "\0 \t\r\n"


@dataclass(frozen=True)
class Attributes:
    """The elements of a dataset by tag, and the bytes that they lie in; asked for by keyword."""

    source: bytes = field(repr=False)
    elements: dict[int, Element]
    encoding: Encoding

    def __contains__(self, keyword: str) -> bool:
        return ATTRIBUTES[keyword][0] in self.elements

    def content(self, keyword: str) -> bytes:
        """The value as it is stored, empty when there is none."""
        element = self.elements.get(ATTRIBUTES[keyword][0])
        return self.source[element.start : element.end] if element else b""

    def numbers(self, keyword: str) -> list[float]:
        """All values as numbers, none when one of them is not."""
        tag, vr = ATTRIBUTES[keyword]
        element = self.elements.get(tag)
        if element is None:
            return []
        value = self.source[element.start : element.end]
        code = BINARY.get(vr if element.vr in (b"", b"UN") else element.vr)
        try:
            if code is None:
                return [float(each) for each in value.strip(b"\0 ").split(b"\\")]
            count = len(value) // struct.calcsize(f"={code}")
            return [float(each) for each in struct.unpack(f"{self.encoding.order}{count}{code}", value)]
        except (ValueError, struct.error):
            return []

    def number(self, keyword: str) -> float | None:
        """The first number, None when there is none."""
        found = self.numbers(keyword)
        return found[0] if found else None

    def whole(self, keyword: str, default: int) -> int:
        """The first number as an integer, `default` when there is none."""
        found = self.number(keyword)
        return int(found) if found is not None and abs(found) <= 2**40 else default

    def text(self, keyword: str) -> str:
        """The first string, stripped; empty when there is none."""
        return self.content(keyword).partition(b"\\")[0].decode("latin-1").strip(PADDING)

    def items(self, keyword: str, chosen: slice = slice(None)) -> list["Attributes"]:
        """The chosen items of a sequence, an empty list when there are none."""
        element = self.elements.get(ATTRIBUTES[keyword][0])
        if element is None:
            return []
        places, _ = sequence_items(self.source, element.start, element.end, self.encoding)
        return [
            Attributes(self.source, walk(self.source, start, end, self.encoding)[0], self.encoding)
            for start, end in places[chosen]
        ]
