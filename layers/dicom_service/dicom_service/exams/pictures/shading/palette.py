"""The tables of PALETTE COLOR images, plain and segmented (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2)."""

import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.frames import Samples
from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.shading.lut import Lut, descriptor, words
from dicom_service.exams.pictures.undrawable import Undrawable

type Colours = NDArray[np.uint32]
"""Each of four bytes: red, green, blue and one that is not used. Pillow has them so and takes them uncopied."""
GREY = 0x01010101
"""Times a shade, it is a colour."""
DISCRETE, LINEAR, INDIRECT = 0, 1, 2


def palette_colours(indices: Samples, dataset: Attributes, layout: PixelLayout) -> Colours:
    """Colours for indices of the same shape. Raises Undrawable without tables."""
    luts = [_channel(dataset, channel, layout) for channel in ("Red", "Green", "Blue")]
    shift = 8 if max(int(lut.entries.max()) for lut in luts) > 0xFF else 0
    channels = np.zeros((*indices.shape, 4), np.uint8)
    for channel, lut in enumerate(luts):
        channels[..., channel] = lut[indices] >> shift
    return channels.view(np.uint32)[..., 0]


def supplement_colours(greys: NDArray[np.uint8], indices: Samples, dataset: Attributes, layout: PixelLayout) -> Colours:
    """Greys as colours, those from the first mapped index up replaced by the palette's (PS3.3 C.8.16.2.1.1)."""
    shape = descriptor(dataset, "RedPaletteColorLookupTableDescriptor", layout.reach)
    first = shape.first if shape else 0
    colours = np.multiply(greys, GREY, dtype=np.uint32)
    np.copyto(colours, palette_colours(indices, dataset, layout), where=indices >= first)
    return colours


def _channel(dataset: Attributes, channel: str, layout: PixelLayout) -> Lut:
    shape = descriptor(dataset, f"{channel}PaletteColorLookupTableDescriptor", layout.reach)
    if shape is None:
        raise Undrawable("it has no palette")
    segmented = f"Segmented{channel}PaletteColorLookupTableData"
    if segmented in dataset:
        entries = expand_segments(words(dataset, segmented, None), shape.count)
    else:
        entries = words(dataset, f"{channel}PaletteColorLookupTableData", shape.count)
    if not len(entries):
        raise Undrawable("its palette is empty")
    return Lut(shape.first, entries, shape.bits)


def expand_segments(segments: NDArray[np.uint16], count: int) -> NDArray[np.uint16]:
    """The first `count` entries of a table of 16-bit segments: discrete, linear and indirect ones (PS3.3 C.7.9.2)."""
    source = [int(value) for value in segments]
    entries: list[int] = []
    position = 0
    while position < len(source) - 1 and len(entries) < count:
        position = _segment(source, position, entries, count)
    return np.array(entries[:count], np.uint16)


def _segment(source: list[int], position: int, entries: list[int], count: int) -> int:
    """Append one segment's entries; answer where the next one starts."""
    opcode, length = source[position], source[position + 1]
    start = position + 2
    if opcode == DISCRETE:
        entries.extend(source[start : start + length])
        return start + length
    if opcode == LINEAR and entries and start < len(source):
        before, rise = entries[-1], source[start] - entries[-1]
        entries.extend([before + (2 * rise * step + length) // (2 * length) for step in range(1, length + 1)])
        return start + 1
    if opcode == INDIRECT and start + 1 < len(source):
        target = (source[start] | source[start + 1] << 16) // 2
        for _ in range(length):
            if source[target] == INDIRECT or len(entries) >= count:
                break
            target = _segment(source, target, entries, count)
        return start + 2
    raise Undrawable("its segmented palette is malformed")
