"""Finding one frame in uncompressed pixel data, without touching the others (PS3.5 section 8)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

type Samples = NDArray[Any]


@dataclass(frozen=True)
class Frame:
    """Samples of shape (rows, columns) or (rows, columns, 3), and the photometric interpretation they are in now."""

    samples: Samples
    photometric: str


def frame_index(wanted: int | None, frames: int) -> int:
    """The index, from 0, of a frame counted from 1; the middle one for None. Raises InvalidRequest beyond the last."""
    if wanted is None:
        return frames // 2
    if not 1 <= wanted <= frames:
        message = f"must be from 1 to {frames}, the number of frames of this object"
        raise InvalidRequest("The object has no such frame.", [FieldError("frame", message)])
    return wanted - 1


def native_frame(source: memoryview, layout: PixelLayout, index: int, big_endian: bool, swapped: bool = False) -> Frame:
    """A view of one uncompressed frame of `source`, which holds all of them.

    swapped: samples of 8 bits were written as 16-bit words in big endian (PS3.5 section 8.2).
    Raises Undrawable when `source` is too short for the frames that the layout declares.
    """
    if layout.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        halved = _halved_chroma(source, layout, index)
        if halved is not None:
            return Frame(halved, layout.photometric)
    _require(source, layout.pixels * layout.samples * layout.bits_allocated * layout.frames)
    if layout.bits_allocated == 1:
        return Frame(_bits(source, layout, index), layout.photometric)
    kind = "f" if layout.floating else "u"
    dtype = np.dtype(f"{'>' if big_endian else '<'}{kind}{layout.bits_allocated // 8}")
    count = layout.pixels * layout.samples
    flat = np.frombuffer(source, dtype, count, index * count * dtype.itemsize)
    if swapped:
        flat = _unswapped(source, index * count, count)
    return Frame(aligned(arranged(flat, layout, layout.planar), layout), layout.photometric)


def arranged(flat: Samples, layout: PixelLayout, planar: bool) -> Samples:
    """Samples in the order of the file as (rows, columns) or (rows, columns, samples)."""
    if layout.samples == 1:
        return flat.reshape(layout.rows, layout.columns)
    if planar:
        return flat.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
    return flat.reshape(layout.rows, layout.columns, layout.samples)


def aligned(samples: Samples, layout: PixelLayout) -> Samples:
    """Samples with their lowest stored bit moved to bit 0 (PS3.5 section 8.1.1)."""
    unused = layout.high_bit + 1 - layout.bits_stored
    return samples if layout.floating or unused <= 0 else samples >> unused


def _require(source: memoryview, bits: int) -> None:
    if source.nbytes * 8 < bits:
        raise Undrawable("its pixel data is shorter than it declares")


def _unswapped(source: memoryview, first: int, count: int) -> Samples:
    last = first + count + (first + count) % 2
    words = np.frombuffer(source, "u1")[first - first % 2 : last]
    return words.reshape(-1, 2)[:, ::-1].reshape(-1)[first % 2 :][:count]


def _bits(source: memoryview, layout: PixelLayout, index: int) -> Samples:
    """Bits fill bytes from the lowest; frames follow each other without padding (PS3.5 section 8.1.1)."""
    first = index * layout.pixels
    packed = np.frombuffer(source, "u1")[first // 8 : (first + layout.pixels + 7) // 8]
    bits = np.unpackbits(packed, bitorder="little")[first % 8 :]
    return bits[: layout.pixels].reshape(layout.rows, layout.columns)


def _halved_chroma(source: memoryview, layout: PixelLayout, index: int) -> Samples | None:
    """Y1 Y2 Cb Cr for each two pixels (PS3.3 C.7.6.3.1.2); None when the data is there in full, as some write it."""
    if source.nbytes >= layout.pixels * 3 * layout.frames:
        return None
    _require(source, layout.pixels * 16 * layout.frames)
    if layout.columns % 2:
        raise Undrawable("its columns cannot be paired")
    size = layout.pixels * 2
    pairs = np.frombuffer(source, "u1", size, index * size).reshape(layout.rows, layout.columns // 2, 4)
    samples = np.empty((layout.rows, layout.columns, 3), "u1")
    samples[..., 0] = pairs[..., :2].reshape(layout.rows, layout.columns)
    samples[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return samples
