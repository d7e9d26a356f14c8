"""Lookup tables as DICOM writes them: descriptor and data (PS3.3 C.11.1.1, C.11.2.1.1 and C.7.6.3.1.5)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.frames import Samples
from dicom_service.exams.pictures.reading.attributes import Attributes

WORD = 16
"""Bits of the widest entry."""


@dataclass(frozen=True)
class Lut:
    """`entries[0]` is for input `first` and everything below it, the last one for everything above."""

    first: int
    entries: NDArray[np.uint16]
    bits: int

    @property
    def highest(self) -> int:
        """The highest output that the width of the entries allows; entries wider than declared count as declared so."""
        return (1 << max(1, min(self.bits, WORD), int(self.entries.max()).bit_length())) - 1

    def __getitem__(self, values: Samples) -> NDArray[np.uint16]:
        """Look up an array of any shape."""
        whole = np.rint(values).astype(np.intp) if values.dtype.kind == "f" else values
        places = np.subtract(whole, self.first, dtype=np.intp, casting="unsafe")
        outputs: NDArray[np.uint16] = np.take(self.entries, places, mode="clip")
        return outputs

    def shades(self, values: Samples) -> NDArray[np.uint8]:
        """Look up an array of any shape, the highest output as 255."""
        return (self[values] * (255.0 / self.highest)).astype(np.uint8)


@dataclass(frozen=True)
class Descriptor:
    """The three values of a LUT descriptor."""

    count: int
    first: int
    bits: int


def descriptor(dataset: Attributes, keyword: str, reach: tuple[float, float]) -> Descriptor | None:
    """Read a descriptor; a count of 0 stands for 65536.

    reach: the lowest and the highest value that is looked up. Where those may be negative, the first input is signed if
    no VR says otherwise (PS3.3 C.11.2.1.1), or if they end before it.
    """
    values = dataset.numbers(keyword)
    if len(values) != 3 or not all(map(math.isfinite, values)):
        return None
    count, first, bits = (int(value) for value in values)
    lowest, highest = reach
    if first >= 2**15 and lowest < 0 and (first > highest or not dataset.states_vr(keyword)):
        first -= 2**16
    return Descriptor(count & 0xFFFF or 2**16, first, bits)


def words(dataset: Attributes, keyword: str, count: int | None) -> NDArray[np.uint16]:
    """The data of a table as an array; bytes when there is one for each of `count` entries, else words of 16 bits."""
    value = dataset.content(keyword)
    order = dataset.encoding.order
    if count is not None and len(value) < 2 * count:
        paired = np.frombuffer(value[: len(value) // 2 * 2], f"{order}u2").astype("<u2")
        return paired.view(np.uint8).astype(np.uint16)[:count]
    return np.frombuffer(value[: len(value) // 2 * 2], f"{order}u2").astype(np.uint16)[:count]


def grey_lut(item: Attributes, reach: tuple[float, float]) -> Lut | None:
    """The table of an item of the Modality or VOI LUT Sequence, None when the item holds no usable one.

    reach: the lowest and the highest value that is looked up.
    """
    shape = descriptor(item, "LUTDescriptor", reach)
    if shape is None:
        return None
    entries = words(item, "LUTData", shape.count)
    return Lut(shape.first, entries, shape.bits) if len(entries) else None
