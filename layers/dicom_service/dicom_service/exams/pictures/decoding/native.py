"""Finding one frame in uncompressed pixel data, without touching the others (PS3.5 section 8)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.bits import unpacked
from dicom_service.exams.pictures.decoding.frames import Frame, Samples, aligned, arranged
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

BYTE, WORD = 8, 16
HALVED_CHROMA = ("YBR_FULL_422", "YBR_PARTIAL_422")


@dataclass(frozen=True)
class NativePixels:
    """Uncompressed pixel data of all frames.

    swapped: samples that fill no whole words were written as 16-bit words in big endian (PS3.5 section 8.2).
    """

    source: memoryview
    big_endian: bool = False
    swapped: bool = False

    def octets(self, first: int, last: int) -> NDArray[np.uint8]:
        """The bytes from `first` to before `last`, in little endian; fewer where the data ends."""
        octets = np.frombuffer(self.source, np.uint8)
        if not self.swapped:
            return octets[first:last]
        words = octets[first - first % 2 : min(last + last % 2, octets.size // 2 * 2)]
        return words.reshape(-1, 2)[:, ::-1].reshape(-1)[first % 2 :][: last - first]


def frames_within(native: NativePixels, layout: PixelLayout) -> int:
    """How many of the declared frames are there in full, at least 1."""
    return max(1, min(layout.frames, native.source.nbytes * BYTE // _frame_bits(native, layout)))


def native_frame(native: NativePixels, layout: PixelLayout, index: int) -> Frame:
    """One uncompressed frame, a view of the pixel data where that can be. Rows that are not there are `missing`.

    Raises Undrawable when not one row of the frame is there.
    """
    if _is_halved(native, layout):
        return _halved_chroma(native, layout, index)
    bits, count = _sample_bits(native, layout), layout.pixels * layout.samples
    there = min(count, native.source.nbytes * BYTE // bits - index * count)
    rows = layout.rows
    if there < count:
        # of planes that follow each other, the last one ends first
        before = layout.pixels * (layout.samples - 1) if layout.planar else 0
        rows = max(0, there - before) // (layout.columns * (1 if layout.planar else layout.samples))
        _require_rows(rows)
    flat = _samples(native, layout, bits, index * count, there)
    if there < count:
        flat = _first_rows(flat, layout, rows)
    return Frame(aligned(arranged(flat, layout, layout.planar), layout), layout.photometric, layout.rows - rows)


def _first_rows(flat: Samples, layout: PixelLayout, rows: int) -> Samples:
    if not layout.planar:
        return flat[: rows * layout.columns * layout.samples]
    starts = range(0, layout.samples * layout.pixels, layout.pixels)
    return np.concatenate([flat[start : start + rows * layout.columns] for start in starts])


def _require_rows(rows: int) -> None:
    if rows < 1:
        raise Undrawable("its pixel data ends before the frame")


def _frame_bits(native: NativePixels, layout: PixelLayout) -> int:
    if _is_halved(native, layout):
        return _halved_rows(native, layout)[1] * _halved_rows(native, layout)[0] * 2 * WORD
    return layout.pixels * layout.samples * _sample_bits(native, layout)


def _sample_bits(native: NativePixels, layout: PixelLayout) -> int:
    """Bits from one sample to the next: those allocated, unless the length says that they fill whole bytes or words."""
    allocated, count = layout.bits_allocated, layout.pixels * layout.samples * layout.frames
    if allocated == WORD and layout.bits_stored <= BYTE and native.source.nbytes in (count, count + 1):
        return BYTE
    if allocated % BYTE and allocated > 1:
        container = layout.container_bits
        return container if native.source.nbytes * BYTE >= count * container else allocated
    return allocated


def _samples(native: NativePixels, layout: PixelLayout, bits: int, first: int, count: int) -> Samples:
    if bits in (WORD, 32, 64):
        kind = "f" if layout.floating else "u"
        dtype = np.dtype(f"{'>' if native.big_endian else '<'}{kind}{bits // BYTE}")
        return np.frombuffer(native.source, dtype, count, first * dtype.itemsize)
    octets = native.octets(first * bits // BYTE, -(-(first + count) * bits // BYTE))
    return octets if bits == BYTE else unpacked(octets, bits, first, count)


def _is_halved(native: NativePixels, layout: PixelLayout) -> bool:
    """Whether two pixels share their chrominance; some write it in full under the same name."""
    if layout.photometric not in HALVED_CHROMA or layout.bits_allocated != BYTE or layout.samples != 3:
        return False
    return native.source.nbytes < layout.pixels * 3 * layout.frames


def _halved_rows(native: NativePixels, layout: PixelLayout) -> tuple[int, int]:
    """Rows of a frame and pairs of pixels in each.

    Where columns are odd, rows are filled up to pairs, or, in less data, pairs go on from one row to the next.
    """
    pairs = (layout.columns + 1) // 2
    filled_up = layout.columns % 2 == 0 or native.source.nbytes >= layout.rows * pairs * 4 * layout.frames
    if filled_up or native.source.nbytes < layout.pixels * 2 * layout.frames:
        return layout.rows, pairs
    return 1, (layout.pixels + 1) // 2


def _halved_chroma(native: NativePixels, layout: PixelLayout, index: int) -> Frame:
    """Y1 Y2 Cb Cr for each two pixels (PS3.3 C.7.6.3.1.2)."""
    rows, pairs = _halved_rows(native, layout)
    first = index * rows * pairs * 4
    there = min(rows, (native.source.nbytes - first) // (pairs * 4))
    _require_rows(there)
    quads = native.octets(first, first + there * pairs * 4).reshape(there, pairs, 4)
    samples = np.empty((there, pairs * 2, 3), "u1")
    samples[..., 0] = quads[..., :2].reshape(there, pairs * 2)
    samples[..., 1:] = np.repeat(quads[..., 2:], 2, axis=1)
    if rows < layout.rows:
        return Frame(samples[0, : layout.pixels].reshape(layout.rows, layout.columns, 3), layout.photometric)
    return Frame(samples[:, : layout.columns], layout.photometric, rows - there)
