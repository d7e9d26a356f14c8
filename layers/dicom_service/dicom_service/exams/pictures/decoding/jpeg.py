"""JPEG frames: DCT of 8 and 12 bits and lossless (ITU-T T.81), at the scale that the picture needs."""

import struct
from dataclasses import dataclass
from io import BytesIO

import imagecodecs
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from dicom_service.exams.pictures.decoding.frames import Frame
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
LOSSLESS_FRAMES = (0xC3, 0xC7, 0xCB, 0xCF)
APP0, APP14 = 0xE0, 0xEE
ADOBE_LENGTH = 12
"""Bytes of an Adobe segment; libjpeg passes over shorter ones."""
LONGEST_PADDING = 1024
END_OF_IMAGE = b"\xff\xd9"
ADOBE_WITHOUT_TRANSFORM = bytes.fromhex("ffee000e") + b"Adobe" + bytes.fromhex("00640000000000")
"""The APP14 segment that says "three components are RGB"; libjpeg takes them for YCbCr without it."""


@dataclass(frozen=True)
class JpegHeader:
    """What the segments before the image data say: the coding process, the size, and the colour space, if any does."""

    process: int
    precision: int
    rows: int
    columns: int
    components: bytes
    says_colour: bool

    @property
    def lossless(self) -> bool:
        return self.process in LOSSLESS_FRAMES


def jpeg_header(stream: bytes, layout: PixelLayout) -> JpegHeader:
    """Walk the segments up to the start of frame, also of JPEG-LS. Raises Undrawable without or for too large a one."""
    position, says_colour = stream.find(b"\xff\xd8") + 2, False
    while 2 <= position <= len(stream) - 10:
        marker, length = struct.unpack_from(">xBH", stream, position)
        if stream[position] != 0xFF or marker == 0xFF:
            position += 1
            continue
        body = stream[position + 4 : position + 2 + length]
        if marker in START_OF_FRAME:
            precision, rows, columns, count = struct.unpack_from(">BHHB", body)
            layout.require_room(rows, columns, count)
            return JpegHeader(marker, precision, rows, columns, body[6 : 6 + 3 * count : 3], says_colour)
        says_colour |= (marker == APP0 and body[:4] == b"JFIF") or (
            marker == APP14 and body[:5] == b"Adobe" and len(body) >= ADOBE_LENGTH
        )
        position += 2 + length
    raise Undrawable("it holds no JPEG")


def decode_jpeg(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
    """Decode a frame, DCT ones of 8 bits scaled down by up to `reduction`.

    What the stream itself says of its colour space (JFIF, Adobe, component names) goes before the photometric
    interpretation, because writers that transform the colours often leave the latter as it was.
    """
    header = jpeg_header(stream, layout)
    stays_rgb = header.lossless or (layout.photometric == "RGB" and not header.says_colour)
    if len(header.components) == 3 and stays_rgb:
        stream = b"\xff\xd8" + ADOBE_WITHOUT_TRANSFORM + stream[stream.find(b"\xff\xd8") + 2 :]
    if header.precision == 8 and not header.lossless:
        samples = _scaled(stream, header, reduction)
    else:
        require_end(stream)
        samples = imagecodecs.jpeg_decode(stream)
    in_rgb = samples.ndim == 3 and not header.lossless
    return Frame(samples, "RGB" if in_rgb else layout.photometric)


def require_end(stream: bytes) -> None:
    """Raise Undrawable for a JPEG or JPEG-LS stream that is cut off: decoders invent the rest or seek it."""
    if END_OF_IMAGE not in stream[-LONGEST_PADDING:]:
        raise Undrawable("its JPEG is truncated")


def _scaled(stream: bytes, header: JpegHeader, reduction: float) -> np.ndarray:
    """Only Pillow decodes at a scale and notices what is cut off; without either need, an array comes sooner."""
    if reduction < 2 and END_OF_IMAGE in stream[-LONGEST_PADDING:]:
        samples: np.ndarray = imagecodecs.jpeg8_decode(stream)
        return samples
    with JpegImageFile(BytesIO(stream)) as image:
        image.draft(None, (int(header.columns / reduction), int(header.rows / reduction)))
        return np.asarray(image)
