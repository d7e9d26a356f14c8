"""Samples of three colours as RGB of 8 bits (PS3.3 C.7.6.3.1.2)."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom_service.exams.pictures.decoding.frames import Frame, Samples
from dicom_service.exams.pictures.reading.layout import PixelLayout

FULL_RANGE = ("YBR_FULL", "YBR_FULL_422")
STUDIO_RANGE = ("YBR_PARTIAL_422", "YBR_PARTIAL_420")
"""Luminance from 16 to 235, chrominance from 16 to 240 (ITU-R BT.601)."""


def rgb(frame: Frame, layout: PixelLayout) -> NDArray[np.uint8]:
    """Colours of shape (rows, columns, 3) from any photometric interpretation of three samples."""
    samples = eight_bits(frame.samples, layout.bits_stored)
    if frame.photometric in STUDIO_RANGE:
        scaled = (samples.astype(np.float32) - (16, 128, 128)) * (255 / 219, 255 / 224, 255 / 224) + (0, 128, 128)
        samples = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    elif frame.photometric not in FULL_RANGE:
        return samples
    rows, columns, _ = samples.shape
    return np.asarray(Image.frombytes("YCbCr", (columns, rows), samples.tobytes()).convert("RGB"))


def eight_bits(samples: Samples, bits_stored: int) -> NDArray[np.uint8]:
    """The upper 8 of `bits_stored` bits; fewer bits are spread over the range."""
    if bits_stored > 8:
        samples = samples >> (bits_stored - 8)
    elif bits_stored < 8:
        samples = samples * (255.0 / (2**bits_stored - 1))
    upper: NDArray[np.uint8] = samples.astype(np.uint8, copy=False)
    return upper
