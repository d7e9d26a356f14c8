"""Which decoder reads which transfer syntax (PS3.5 section 10 and Annex A.4, PS3.6 Table A-1)."""

import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np

from dicom_service.exams.pictures.decoding.frames import Frame
from dicom_service.exams.pictures.decoding.jpeg import decode_jpeg, decode_jpegls
from dicom_service.exams.pictures.decoding.jpeg2000 import decode_jpeg2000
from dicom_service.exams.pictures.decoding.native import NativePixels, native_frame
from dicom_service.exams.pictures.decoding.plain import Check, always, plain_jpeg, plain_jpeg2000, short
from dicom_service.exams.pictures.decoding.rle import decode_rle
from dicom_service.exams.pictures.reading.dataset import NATIVE
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.reading.signature import Family, family_of
from dicom_service.exams.pictures.undrawable import Undrawable

type Decoder = Callable[[bytes, PixelLayout, float], Frame]

BYTE = 8


def decode_jpegxl(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """JPEG XL (ISO/IEC 18181); colours come out as RGB. Another shape than the declared one is a ValueError at once."""
    shape = (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, layout.samples)
    width = 1 if layout.bits_stored <= BYTE else layout.container_bits // 8
    samples = imagecodecs.jpegxl_decode(stream, out=np.empty(shape, f"u{width}"))
    return Frame(samples, "RGB" if samples.ndim == 3 else layout.photometric)


def decode_deflated_frame(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """Deflated Image Frame Compression: one uncompressed frame, deflated (PS3.5 A.4.13)."""
    size = (layout.pixels * layout.samples * layout.bits_allocated + 7) // 8
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, size)
    return decode_uncompressed(inflated, layout, 1.0)


def decode_uncompressed(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """Encapsulated Uncompressed Explicit VR Little Endian: one frame as it is (PS3.5 A.4.11)."""
    return native_frame(NativePixels(memoryview(stream)), layout.of_one_frame(), 0)


def _within_stored_bits(decoder: Decoder) -> Decoder:
    """A decoder whose values are held below the end of the stored bits, past which lossy coding and averaging go."""

    def decode(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
        frame = decoder(stream, layout, reduction)
        if layout.signed or layout.bits_stored >= frame.samples.dtype.itemsize * 8:
            return frame
        return Frame(np.minimum(frame.samples, 2**layout.bits_stored - 1), frame.photometric)

    return decode


COMPRESSED = "1.2.840.10008.1.2.4."

UNCOMPRESSED_FRAMES, DEFLATED_FRAMES = "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"
ANY_JPEG2000 = _within_stored_bits(decode_jpeg2000)
NEAR_LOSSLESS_JPEG_LS = _within_stored_bits(decode_jpegls)

DECODERS: dict[str, Decoder] = {
    UNCOMPRESSED_FRAMES: decode_uncompressed,
    "1.2.840.10008.1.2.5": decode_rle,
    DEFLATED_FRAMES: decode_deflated_frame,
    **{COMPRESSED + number: decode_jpeg for number in ("50", "51", "53", "55", "57", "70")},
    COMPRESSED + "80": decode_jpegls,
    COMPRESSED + "81": NEAR_LOSSLESS_JPEG_LS,
    **{COMPRESSED + number: ANY_JPEG2000 for number in ("90", "91", "92", "93", "201", "202", "203")},
    COMPRESSED + "110": decode_jpegxl,
    **{COMPRESSED + number: _within_stored_bits(decode_jpegxl) for number in ("111", "112")},
}
"""Every transfer syntax whose pixel data is encapsulated images; video is not among them."""

CHECKS: dict[Decoder, Check] = {
    decode_uncompressed: always,
    decode_deflated_frame: always,
    decode_rle: short,
    **dict.fromkeys((decode_jpeg, decode_jpegls, NEAR_LOSSLESS_JPEG_LS), plain_jpeg),
    ANY_JPEG2000: plain_jpeg2000,
}
"""What tells whether a frame is cheap to decode. Of JPEG XL nothing does: a frame of it may be made of any number."""

FAMILIES: dict[Family, tuple[Decoder, tuple[str, ...]]] = {
    Family.JPEG: (
        decode_jpeg,
        tuple(COMPRESSED + number for number in ("50", "51", "53", "55", "57", "70", "80", "81")),
    ),
    Family.JPEG_2000: (ANY_JPEG2000, tuple(syntax for syntax in DECODERS if DECODERS[syntax] is ANY_JPEG2000)),
    Family.JPEG_XL: (
        _within_stored_bits(decode_jpegxl),
        tuple(COMPRESSED + number for number in ("110", "111", "112")),
    ),
}
"""What decodes streams of a family, and the transfer syntaxes that mean it."""


def decoder_of(stream: bytes, transfer_syntax: str) -> Decoder:
    """What decodes a frame: as its transfer syntax says, unless it begins as streams of another family do.

    A frame of which neither says anything is taken for uncompressed where its transfer syntax is a native one.
    Raises Undrawable where that is unknown.
    """
    declared = DECODERS.get(transfer_syntax)
    if transfer_syntax in (UNCOMPRESSED_FRAMES, DEFLATED_FRAMES) and declared:
        return declared
    family = family_of(stream)
    if family in FAMILIES:
        decoder, syntaxes = FAMILIES[family]
        return declared if declared and transfer_syntax in syntaxes else decoder
    if declared:
        return declared
    if family is Family.RLE:
        return decode_rle
    if transfer_syntax in NATIVE:
        return decode_uncompressed
    raise Undrawable("its transfer syntax is not decoded")
