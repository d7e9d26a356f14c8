"""JPEG 2000 and HTJ2K frames (ITU-T T.800 and T.814), decoded at the resolution level that the picture needs."""

import math
import struct

import imagecodecs

from dicom_service.exams.pictures.frames import Frame
from dicom_service.exams.pictures.layout import SAMPLE_LIMIT, PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
CODING_STYLE = 0x52
START_OF_TILE = 0x90
SHORTFALL = 0.9
"""A level that is this little too small still serves, and costs a quarter of the next one."""


def decode_jpeg2000(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
    """Decode a frame at the lowest level that serves; three components come out as RGB if the stream transformed them.

    OpenJPEG reads both kinds of code blocks, keeps values within their range at every level and refuses a cut stream.
    """
    codestream = stream[max(0, stream.find(START_OF_CODESTREAM)) :]
    levels, transformed = _coding_style(codestream)
    wanted = 0 if layout.indexed else int(math.log2(max(1.0, reduction / SHORTFALL)))
    samples = imagecodecs.jpeg2k_decode(codestream, skipres=min(wanted, levels))
    if samples.ndim == 3 and (transformed or layout.photometric in ("YBR_ICT", "YBR_RCT")):
        return Frame(samples, "RGB")
    return Frame(samples, layout.photometric)


def _coding_style(codestream: bytes) -> tuple[int, bool]:
    """Resolution levels below the full one, and whether the components were transformed (T.800 Annex A.6.1)."""
    if not codestream.startswith(START_OF_CODESTREAM):
        raise Undrawable("it holds no JPEG 2000")
    width, height, left, top = struct.unpack_from(">4I", codestream, 8)
    components = struct.unpack_from(">H", codestream, 40)[0]
    if (width - left) * (height - top) * components > SAMPLE_LIMIT:
        raise Undrawable("its JPEG 2000 declares more pixels than are decoded")
    position = 2
    while position < len(codestream) - 12:
        _, marker, length = struct.unpack_from(">BBH", codestream, position)
        if marker == CODING_STYLE:
            return codestream[position + 9], codestream[position + 8] == 1
        if marker == START_OF_TILE:
            break
        position += 2 + length
    raise Undrawable("its JPEG 2000 has no coding style")
