"""Samples that do not fill whole bytes: bits fill bytes from the lowest, nothing is padded (PS3.5 section 8.1.1)."""

import math

import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.frames import Samples

BYTE = 8


def unpacked(octets: NDArray[np.uint8], bits: int, first: int, count: int) -> Samples:
    """`count` samples of 1 to 24 bits, from the sample `first` on, as the smallest unsigned integers that hold them.

    octets: from the byte on in which the sample `first` begins.
    """
    if bits == 1:
        return np.unpackbits(octets, bitorder="little")[first % BYTE :][:count]
    period = BYTE // math.gcd(bits, BYTE)
    stride = period * bits // BYTE
    skipped = first % period
    ahead = np.zeros(skipped * bits // BYTE, np.uint8)
    groups = -(-(skipped + count) // period)
    filled = np.concatenate([ahead, octets, np.zeros(groups * stride + stride, np.uint8)])
    samples = np.empty((groups, period), f"u{1 if bits < BYTE else 2 if bits <= 2 * BYTE else 4}")
    for place in range(period):
        samples[:, place] = _column(filled, place * bits, bits, stride, groups)
    return samples.reshape(-1)[skipped:][:count]


def _column(octets: NDArray[np.uint8], start: int, bits: int, stride: int, groups: int) -> Samples:
    """The samples that begin `start` bits behind the beginning of each group of `stride` bytes."""
    byte, shift = divmod(start, BYTE)
    value = np.zeros(groups, np.uint32)
    for each in range(-(-(shift + bits) // BYTE)):
        place = byte + each
        value |= octets[place : place + groups * stride : stride].astype(np.uint32) << np.uint32(BYTE * each)
    return value >> np.uint32(shift) & np.uint32((1 << bits) - 1)
