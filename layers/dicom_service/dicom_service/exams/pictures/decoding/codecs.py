"""Which decoder reads which transfer syntax (PS3.5 section 10 and Annex A.4, PS3.6 Table A-1)."""

import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np

from dicom_service.exams.pictures.decoding.frames import Frame, aligned, arranged, native_frame
from dicom_service.exams.pictures.decoding.jpeg import decode_jpeg, jpeg_header, require_end
from dicom_service.exams.pictures.decoding.jpeg2000 import decode_jpeg2000
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

type Decoder = Callable[[bytes, PixelLayout, float], Frame]

BYTE = 8
RLE_HEADER = 64
RLE_MOST = 64
"""PackBits makes at most 128 bytes of two."""


def decode_rle(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """RLE Lossless, always planar (PS3.5 Annex G)."""
    _require_segments(stream, layout)
    dtype = np.dtype(f"<u{layout.bits_allocated // 8}")
    count = layout.pixels * layout.samples
    if len(stream) * RLE_MOST < count * dtype.itemsize:
        raise Undrawable("its pixel data is shorter than it declares")
    flat = np.frombuffer(imagecodecs.dicomrle_decode(stream, dtype), dtype)[:count]
    return Frame(aligned(arranged(flat, layout, planar=True), layout), layout.photometric)


def _require_segments(stream: bytes, layout: PixelLayout) -> None:
    """Raise Undrawable for a header that points out of the stream, which the decoder would follow (PS3.5 Annex G.5)."""
    if len(stream) < RLE_HEADER:
        raise Undrawable("its RLE header is cut off")
    count, *offsets = struct.unpack_from(f"<{RLE_HEADER // 4}I", stream)
    ends = [*offsets[:count], len(stream)]
    if count != layout.samples * layout.bits_allocated // 8 or ends[0] < RLE_HEADER or ends != sorted(ends):
        raise Undrawable("its RLE header is malformed")


def decode_jpegls(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """JPEG-LS, lossless and near-lossless (ITU-T T.87)."""
    jpeg_header(stream, layout)
    require_end(stream)
    return Frame(imagecodecs.jpegls_decode(stream), layout.photometric)


def decode_jpegxl(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """JPEG XL (ISO/IEC 18181); colours come out as RGB. Another shape than the declared one is a ValueError at once."""
    shape = (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, layout.samples)
    width = 1 if layout.bits_stored <= BYTE else layout.bits_allocated // 8
    samples = imagecodecs.jpegxl_decode(stream, out=np.empty(shape, f"u{width}"))
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
    """A decoder whose values are held below the end of the stored bits, past which lossy coding and averaging go."""

    def decode(stream: bytes, layout: PixelLayout, reduction: float) -> Frame:
        frame = decoder(stream, layout, reduction)
        if layout.signed or layout.bits_stored >= frame.samples.dtype.itemsize * 8:
            return frame
        return Frame(np.minimum(frame.samples, 2**layout.bits_stored - 1), frame.photometric)

    return decode


COMPRESSED = "1.2.840.10008.1.2.4."

DECODERS: dict[str, Decoder] = {
    "1.2.840.10008.1.2.1.98": decode_uncompressed,
    "1.2.840.10008.1.2.5": decode_rle,
    "1.2.840.10008.1.2.8.1": decode_deflated_frame,
    **{COMPRESSED + number: decode_jpeg for number in ("50", "51", "53", "55", "57", "70")},
    COMPRESSED + "80": decode_jpegls,
    COMPRESSED + "81": _within_stored_bits(decode_jpegls),
    **{COMPRESSED + number: _within_stored_bits(decode_jpeg2000) for number in ("90", "91", "92", "93")},
    **{COMPRESSED + number: _within_stored_bits(decode_jpeg2000) for number in ("201", "202", "203")},
    COMPRESSED + "110": decode_jpegxl,
    **{COMPRESSED + number: _within_stored_bits(decode_jpegxl) for number in ("111", "112")},
}
"""Every transfer syntax whose pixel data is encapsulated images; video is not among them."""
