"""JPEG 2000 and HTJ2K frames (ITU-T T.800 and T.814), decoded at the resolution level that the picture needs."""

import math
import struct
from dataclasses import dataclass

import imagecodecs

from dicom_service.exams.pictures.decoding.frames import Frame, as_numbers
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
CODING_STYLE = 0x52
START_OF_TILE = 0x90
SIZE_SEGMENT = 45
SIGN = 0x80
COLOURS = 3
"""Components of a colour; a fourth one is its opacity."""
SHORTFALL = 0.9
"""A level that is this little too small still serves, and costs a quarter of the next one."""


@dataclass(frozen=True)
class CodestreamHeader:
    """Resolution levels below the full one, whether components were transformed; bits and sign of the samples."""

    levels: int
    transformed: bool
    precision: int
    signed: bool


def decode_jpeg2000(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
    """Decode a frame at the lowest level that serves; three components come out as RGB if the stream transformed them.

    Positions in a palette, and values of another sign than they were coded with, are not to be averaged: in full then.
    OpenJPEG reads both kinds of code blocks, keeps values within their range at every level and refuses a cut stream.
    """
    codestream = stream[max(0, stream.find(START_OF_CODESTREAM)) :]
    header = _header(codestream, layout)
    averaged_well = not layout.indexed and header.signed == layout.signed
    wanted = int(math.log2(max(1.0, reduction / SHORTFALL))) if averaged_well else 0
    samples = imagecodecs.jpeg2k_decode(codestream, skipres=min(wanted, header.levels))
    if header.signed != layout.signed:
        bits = min(header.precision, layout.bits_stored)
        samples = as_numbers(samples.view(f"u{samples.dtype.itemsize}"), bits, layout.signed)
    if samples.ndim == 3 and samples.shape[2] > COLOURS:
        samples = samples[..., :COLOURS]
    in_rgb = samples.ndim == 3 and (header.transformed or layout.photometric in ("YBR_ICT", "YBR_RCT"))
    return Frame(samples, "RGB" if in_rgb else layout.photometric)


def _header(codestream: bytes, layout: PixelLayout) -> CodestreamHeader:
    """Read the size and coding style segments (T.800 Annexes A.5.1 and A.6.1). Raises Undrawable without."""
    if not codestream.startswith(START_OF_CODESTREAM) or len(codestream) < SIZE_SEGMENT:
        raise Undrawable("it holds no JPEG 2000")
    width, height, left, top = struct.unpack_from(">4I", codestream, 8)
    components, precision = struct.unpack_from(">HB", codestream, 40)
    layout.require_room(height - top, width - left, components)
    position = 2
    while position < len(codestream) - 12:
        _, marker, length = struct.unpack_from(">BBH", codestream, position)
        if marker == CODING_STYLE:
            transform, levels = codestream[position + 8 : position + 10]
            return CodestreamHeader(levels, transform == 1, (precision & ~SIGN) + 1, bool(precision & SIGN))
        if marker == START_OF_TILE:
            break
        position += 2 + length
    raise Undrawable("its JPEG 2000 has no coding style")
