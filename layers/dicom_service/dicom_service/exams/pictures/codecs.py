"""Which decoder reads which transfer syntax (PS3.5 section 10 and Annex A.4, PS3.6 Table A-1)."""

import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np

from dicom_service.exams.pictures.frames import Frame, aligned, arranged, native_frame
from dicom_service.exams.pictures.jpeg import decode_jpeg
from dicom_service.exams.pictures.jpeg2000 import decode_jpeg2000
from dicom_service.exams.pictures.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

type Decoder = Callable[[bytes, PixelLayout, float], Frame]

RLE_MOST = 64
"""PackBits makes at most 128 bytes of two."""


def decode_rle(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """RLE Lossless, always planar (PS3.5 Annex G)."""
    dtype = np.dtype(f"<u{layout.bits_allocated // 8}")
    count = layout.pixels * layout.samples
    if len(stream) * RLE_MOST < count * dtype.itemsize:
        raise Undrawable("its pixel data is shorter than it declares")
    flat = np.frombuffer(imagecodecs.dicomrle_decode(stream, dtype), dtype)[:count]
    return Frame(aligned(arranged(flat, layout, planar=True), layout), layout.photometric)


def decode_jpegls(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """JPEG-LS, lossless and near-lossless (ITU-T T.87)."""
    return Frame(_shaped(imagecodecs.jpegls_decode, stream, layout), layout.photometric)


def decode_jpegxl(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """JPEG XL (ISO/IEC 18181); its colours come out as RGB."""
    samples = _shaped(imagecodecs.jpegxl_decode, stream, layout)
    return Frame(samples, "RGB" if samples.ndim == 3 else layout.photometric)


def decode_deflated_frame(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """Deflated Image Frame Compression: one uncompressed frame, deflated (PS3.5 A.4.13)."""
    size = (layout.pixels * layout.samples * layout.bits_allocated + 7) // 8
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, size)
    return decode_uncompressed(inflated, layout, 1.0)


def decode_uncompressed(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """Encapsulated Uncompressed Explicit VR Little Endian: one frame as it is (PS3.5 A.4.11)."""
    return native_frame(memoryview(stream), layout.of_one_frame(), 0, big_endian=False)


def _within_stored_bits(decoder: Decoder) -> Decoder:
    """A decoder whose values, which lossy coding may have pushed past the highest stored one, are held there."""

    def decode(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
        frame = decoder(stream, layout, reduction)
        if layout.signed or layout.bits_stored >= frame.samples.dtype.itemsize * 8:
            return frame
        return Frame(np.minimum(frame.samples, 2**layout.bits_stored - 1), frame.photometric)

    return decode


def _shaped(decoder: Callable[..., np.ndarray], stream: bytes, layout: PixelLayout) -> np.ndarray:
    """Decode into an array of the declared shape, so that a stream that declares another one is refused at once."""
    shape = (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, layout.samples)
    return decoder(stream, out=np.empty(shape, f"u{layout.bits_allocated // 8}"))


COMPRESSED = "1.2.840.10008.1.2.4."

DECODERS: dict[str, Decoder] = {
    "1.2.840.10008.1.2.1.98": decode_uncompressed,
    "1.2.840.10008.1.2.5": decode_rle,
    "1.2.840.10008.1.2.8.1": decode_deflated_frame,
    **{COMPRESSED + number: decode_jpeg for number in ("50", "51", "53", "55", "57", "70")},
    COMPRESSED + "80": decode_jpegls,
    COMPRESSED + "81": _within_stored_bits(decode_jpegls),
    **{COMPRESSED + number: decode_jpeg2000 for number in ("90", "92", "201", "202")},
    **{COMPRESSED + number: _within_stored_bits(decode_jpeg2000) for number in ("91", "93", "203")},
    COMPRESSED + "110": decode_jpegxl,
    **{COMPRESSED + number: _within_stored_bits(decode_jpegxl) for number in ("111", "112")},
}
"""Every transfer syntax whose pixel data is encapsulated images; video is not among them."""
