"""A synthetic mammogram of 14 megapixels, in the transfer syntaxes that mammograms come in, and some more."""

import zlib
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tests.unit.pictures.synthetic import array_object, compressed_object

ROWS, COLUMNS, BITS = 4664, 3064, 12
MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"
NATIVE = "1.2.840.10008.1.2.1"
COMPRESSED = "1.2.840.10008.1.2.4."


@dataclass(frozen=True)
class Encoding:
    """The mammogram in one transfer syntax; `scalable` ones can be decoded at less than their full resolution."""

    name: str
    part10: bytes
    scalable: bool


def encodings() -> list[Encoding]:
    """The scalable syntaxes first; values of 12 bits, of 8 in baseline JPEG, which has no more."""
    values = breast()
    shades = (values >> (BITS - 8)).astype("u1")
    streams = [
        ("JPEG 2000 lossless", "90", values, imagecodecs.jpeg2k_encode(values, codecformat="j2k", bitspersample=BITS)),
        ("HTJ2K lossless", "201", values, imagecodecs.htj2k_encode(values, reversible=True)),
        ("JPEG baseline, 8 bits", "50", shades, imagecodecs.jpeg8_encode(shades, level=90)),
        ("JPEG extended, 12 bits", "51", values, imagecodecs.jpeg8_encode(values, level=90, bitspersample=BITS)),
        ("JPEG lossless", "70", values, imagecodecs.ljpeg_encode(values, bitspersample=BITS)),
        ("JPEG-LS lossless", "80", values, imagecodecs.jpegls_encode(values)),
        ("JPEG XL lossless", "110", values, imagecodecs.jpegxl_encode(values, lossless=True, effort=3)),
    ]
    deflated = zlib.compress(values.tobytes(), 6, wbits=-zlib.MAX_WBITS)
    plain = [
        Encoding("uncompressed", array_object(values, NATIVE, **_attributes(values, NATIVE)), scalable=True),
        Encoding("deflated frame", _compressed(values, deflated, "1.2.840.10008.1.2.8.1"), scalable=False),
    ]
    encoded = [
        Encoding(name, _compressed(array, stream, COMPRESSED + number), scalable=number in ("50", "90", "201"))
        for name, number, array, stream in streams
    ]
    return sorted(plain + encoded, key=lambda encoding: not encoding.scalable)


def breast() -> NDArray[np.uint16]:
    """Rows of a half ellipse with the grain and the fine structure that keep lossless codecs busy."""
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS].astype("f4")
    depth = np.clip(1 - (columns / 2400) ** 2 - ((rows - ROWS / 2) / 2200) ** 2, 0, 1)
    grain = np.random.default_rng(14).normal(0, 1, depth.shape).astype("f4") * depth.clip(0, 0.3) * 120
    structure = np.where(depth > 0, 40 * np.sin(columns / 37) * np.cos(rows / 53), 0)
    values: NDArray[np.uint16] = np.clip(200 + depth**0.5 * 2600 + grain + structure, 0, 2**BITS - 1).astype("u2")
    return values


def _attributes(array: NDArray[np.uint16], syntax: str) -> dict[str, object]:
    bits = 8 if array.itemsize == 1 else BITS
    identity = {"SOPClassUID": MAMMOGRAPHY, "SOPInstanceUID": f"1.2.3.1.{syntax}"}
    identity |= {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1"}
    return {**identity, "BitsStored": bits, "WindowCenter": 2**bits / 2, "WindowWidth": 2**bits}


def _compressed(array: NDArray[np.uint16], stream: bytes, syntax: str) -> bytes:
    return compressed_object(array, stream, syntax, **_attributes(array, syntax))
