"""RLE Lossless frames: a segment for each byte of each sample, packed as bits are by PackBits (PS3.5 Annex G)."""

import struct
from itertools import pairwise

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.bits import unpacked
from dicom_service.exams.pictures.decoding.frames import Frame, aligned, arranged
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.undrawable import Undrawable

HEADER = 64
MOST_SEGMENTS = 15
SAMPLE_WIDTHS = (1, 2, 4, 8)
LONGEST_RUN = 128


def decode_rle(stream: bytes, layout: PixelLayout, _reduction: float) -> Frame:
    """Decode a frame, always planar. Rows that the shortest segment ends before are `missing`."""
    segments = _segments(stream)
    width = _sample_width(len(segments), layout)
    count, dtype = layout.pixels * layout.samples, np.dtype(f"<u{width}")
    if layout.bits_allocated > 1 and len(segments) == layout.samples * width:
        flat = np.frombuffer(_decoded(stream, dtype), dtype)
        if flat.size == count:
            return Frame(aligned(arranged(flat, layout, planar=True), layout), layout.photometric)
    octets = [_unpacked(stream[start:end], layout) for start, end in segments[: layout.samples * width]]
    rows = min(each.size for each in octets) // layout.columns
    if rows < 1:
        raise Undrawable("its pixel data ends before the frame")
    planes = np.stack([each[: rows * layout.columns] for each in octets]).reshape(layout.samples, width, -1)
    flat = np.ascontiguousarray(planes[:, ::-1].transpose(0, 2, 1)).view(dtype).reshape(-1)
    return Frame(aligned(arranged(flat, layout, planar=True), layout), layout.photometric, missing=layout.rows - rows)


def _segments(stream: bytes) -> list[tuple[int, int]]:
    """Start and end of each segment. Raises Undrawable for a header that points out of order, or out of the stream.

    The decoder of all segments at once would follow it (PS3.5 Annex G.5).
    """
    if len(stream) < HEADER:
        raise Undrawable("its RLE header is cut off")
    count, *offsets = struct.unpack_from(f"<{HEADER // 4}I", stream)
    edges = [*offsets[:count], len(stream)]
    if not 1 <= count <= MOST_SEGMENTS or edges[0] < HEADER or edges != sorted(edges):
        raise Undrawable("its RLE header is malformed")
    return list(pairwise(edges))


def _sample_width(segments: int, layout: PixelLayout) -> int:
    """Bytes of a sample: those of the bits allocated, unless the number of segments says otherwise."""
    declared = layout.container_bits // 8
    if segments % layout.samples == 0 and segments // layout.samples in SAMPLE_WIDTHS:
        return segments // layout.samples
    if segments < layout.samples * declared:
        raise Undrawable("its RLE header is malformed")
    return declared


def _decoded(stream: bytes, dtype: np.dtype[np.unsignedinteger]) -> bytes:
    """All segments at once, empty where one of them is damaged."""
    try:
        return bytes(imagecodecs.dicomrle_decode(stream, dtype))
    except (imagecodecs.DicomrleError, ValueError):
        return b""


def _unpacked(segment: bytes, layout: PixelLayout) -> NDArray[np.uint8]:
    """The bytes of a segment, at most one for each pixel: a run that claims more than there is ends where that does.

    Single bits come eight to a byte, as in pixel data that is not compressed, or one to a byte.
    """
    octets: NDArray[np.uint8] = np.empty(0, np.uint8)
    for padding in (0, LONGEST_RUN, LONGEST_RUN + 1):
        try:
            octets = np.frombuffer(imagecodecs.packbits_decode(segment + bytes(padding)), np.uint8)
            break
        except imagecodecs.PackbitsError:
            continue
    if layout.bits_allocated == 1 and octets.size < layout.pixels:
        octets = unpacked(octets, 1, 0, layout.pixels).astype(np.uint8)
    elif layout.bits_allocated == 1:
        octets = octets & np.uint8(1)
    return octets[: layout.pixels]
