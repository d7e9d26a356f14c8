"""A frame of samples, and what every decoder does to make one."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.exams.pictures.reading.layout import PixelLayout

type Samples = NDArray[Any]


@dataclass(frozen=True)
class Frame:
    """Samples of shape (rows, columns) or (rows, columns, 3), and the photometric interpretation they are in now.

    missing: rows at the bottom that the pixel data ended before.
    """

    samples: Samples
    photometric: str
    missing: int = 0


def frame_index(number: int, frames: int) -> int:
    """The index, from 0, of a frame counted from 1. Raises InvalidRequest beyond the last."""
    if not 1 <= number <= frames:
        message = f"must be from 1 to {frames}, the number of frames of this object"
        raise InvalidRequest("The object has no such frame.", [FieldError("frame", message)])
    return number - 1


def arranged(flat: Samples, layout: PixelLayout, planar: bool) -> Samples:
    """Samples in the order of the file as (rows, columns) or (rows, columns, samples)."""
    if layout.samples == 1:
        return flat.reshape(-1, layout.columns)
    if planar:
        return flat.reshape(layout.samples, -1, layout.columns).transpose(1, 2, 0)
    return flat.reshape(-1, layout.columns, layout.samples)


def aligned(samples: Samples, layout: PixelLayout) -> Samples:
    """Samples with their lowest stored bit moved to bit 0 (PS3.5 section 8.1.1)."""
    unused = layout.high_bit + 1 - layout.bits_stored
    return samples if layout.floating or unused <= 0 else samples >> unused


def as_numbers(samples: Samples, bits: int, signed: bool) -> Samples:
    """Unsigned samples as the numbers in their lowest `bits`, those above cleared or the sign extended into them."""
    unused = samples.dtype.itemsize * 8 - bits
    if not signed:
        return samples if unused <= 0 else samples & samples.dtype.type((1 << bits) - 1)
    numbers: Samples = samples.view(f"i{samples.dtype.itemsize}")
    return numbers if unused <= 0 else (numbers << unused) >> unused
