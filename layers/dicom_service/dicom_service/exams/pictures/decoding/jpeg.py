"""JPEG frames: DCT of 8 and 12 bits, lossless (ITU-T T.81), JPEG-LS (T.87), at the scale that the picture needs."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

import imagecodecs
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from dicom_service.exams.pictures.decoding.frames import Frame, as_numbers
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

JPEG_LS_FRAME = 0xF7
START_OF_FRAME = frozenset({*range(0xC0, 0xD0), JPEG_LS_FRAME}) - {0xC4, 0xC8, 0xCC}
LOSSLESS_FRAMES = (0xC3, 0xC7, 0xCB, 0xCF)
APP0, APP14 = 0xE0, 0xEE
ADOBE_LENGTH = 12
"""Bytes of an Adobe segment; libjpeg passes over shorter ones."""
ADOBE_TRANSFORM = 11
LONGEST_PADDING = 1024
START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
ADOBE_RGB, ADOBE_YCBCR = (bytes.fromhex("ffee000e") + b"Adobe" + bytes.fromhex(f"0064000000000{code}") for code in "01")
"""The APP14 segments that say what three components are. Without one libjpeg goes by their names."""


@dataclass(frozen=True)
class JpegHeader:
    """What the segments before the image data say: the coding process, the size, and the colour space, if any does.

    subsampled: some component has fewer samples than another, as chrominance may and red, green and blue never have.
    adobe: where its Adobe segment says how colours were transformed; None without one.
    """

    process: int
    precision: int
    rows: int
    columns: int
    components: bytes
    subsampled: bool
    jfif: bool
    adobe: int | None

    @property
    def lossless(self) -> bool:
        return self.process in LOSSLESS_FRAMES


def jpeg_header(stream: bytes, layout: PixelLayout) -> JpegHeader:
    """Walk the segments up to the start of frame, also of JPEG-LS. Raises Undrawable without or for too large a one."""
    position = stream.find(START_OF_IMAGE) + 2
    jfif, adobe = False, None
    while 2 <= position <= len(stream) - 10:
        marker, length = struct.unpack_from(">xBH", stream, position)
        if stream[position] != 0xFF or marker == 0xFF:
            position += 1
            continue
        body = stream[position + 4 : position + 2 + length]
        if marker in START_OF_FRAME:
            precision, rows, columns, count = struct.unpack_from(">BHHB", body)
            layout.require_room(rows, columns, count)
            names, factors = body[6 : 6 + 3 * count : 3], body[7 : 6 + 3 * count : 3]
            return JpegHeader(marker, precision, rows, columns, names, len(set(factors)) > 1, jfif, adobe)
        jfif |= marker == APP0 and body[:4] == b"JFIF"
        if marker == APP14 and body[:5] == b"Adobe" and len(body) >= ADOBE_LENGTH:
            adobe = position + 4 + ADOBE_TRANSFORM
        position += 2 + length
    raise Undrawable("it holds no JPEG")


def decode_jpeg(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
    """Decode a frame, DCT ones of 8 bits scaled down by up to `reduction`.

    What the stream itself says of its colour space (JFIF, Adobe, component names, chrominance of fewer samples) goes
    before the photometric interpretation, because writers that transform the colours often leave the latter as it was.
    """
    header = jpeg_header(stream, layout)
    if header.process == JPEG_LS_FRAME:
        return _decoded_jpegls(stream, header, layout)
    if len(header.components) == 3:
        stream = _with_colour_space(stream, header, layout)
    if header.precision == 8 and not header.lossless:
        samples = _scaled(stream, header, reduction)
    else:
        require_end(stream)
        samples = imagecodecs.jpeg_decode(stream)
    in_rgb = samples.ndim == 3 and not header.lossless
    return Frame(samples, "RGB" if in_rgb else layout.photometric)


def decode_jpegls(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
    """JPEG-LS, lossless and near-lossless; the other processes where they go by its transfer syntax."""
    header = jpeg_header(stream, layout)
    if header.process != JPEG_LS_FRAME:
        return decode_jpeg(stream, layout, reduction)
    return _decoded_jpegls(stream, header, layout)


def _decoded_jpegls(stream: bytes, header: JpegHeader, layout: PixelLayout) -> Frame:
    """It knows no signs: of fewer bits than are stored, the highest of its own is the sign."""
    require_end(stream)
    samples = imagecodecs.jpegls_decode(stream)
    if layout.signed and header.precision < layout.bits_stored:
        samples = as_numbers(samples, header.precision, signed=True)
    return Frame(samples, layout.photometric)


def _with_colour_space(stream: bytes, header: JpegHeader, layout: PixelLayout) -> bytes:
    """The stream with what libjpeg must be told of its three components."""
    silent = not header.jfif and header.adobe is None
    if header.lossless or (silent and layout.photometric == "RGB" and not header.subsampled):
        return _inserted(stream, ADOBE_RGB)
    if header.subsampled and header.adobe is not None:
        return stream[: header.adobe] + ADOBE_YCBCR[-1:] + stream[header.adobe + 1 :]
    return _inserted(stream, ADOBE_YCBCR) if header.subsampled and silent else stream


def _inserted(stream: bytes, segment: bytes) -> bytes:
    return START_OF_IMAGE + segment + stream[stream.find(START_OF_IMAGE) + 2 :]


def require_end(stream: bytes) -> None:
    """Raise Undrawable for a JPEG or JPEG-LS stream that is cut off: decoders invent the rest or seek it."""
    if END_OF_IMAGE not in stream[-LONGEST_PADDING:]:
        raise Undrawable("its JPEG is truncated")


def _scaled(stream: bytes, header: JpegHeader, reduction: float) -> np.ndarray:
    """Only Pillow decodes at a scale; without that need an array comes sooner. Of a stream that is cut off, libjpeg
    shows what is there, and grey below.
    """
    if reduction >= 2:
        with JpegImageFile(BytesIO(stream)) as image, suppress(OSError):
            image.draft(None, (int(header.columns / reduction), int(header.rows / reduction)))
            return np.asarray(image)
    samples: np.ndarray = imagecodecs.jpeg8_decode(stream)
    return samples
