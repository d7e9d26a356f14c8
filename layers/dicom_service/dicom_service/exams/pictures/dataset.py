"""Reading a Part 10 object as far as its pixels, and noting where those are instead of copying them."""

import logging
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial

from dicom_service.exams.pictures.undrawable import Undrawable

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

FLOAT_PIXELS = 0x7FE00008
DOUBLE_PIXELS = 0x7FE00009
INTEGER_PIXELS = 0x7FE00010
PIXEL_TAGS = (FLOAT_PIXELS, DOUBLE_PIXELS, INTEGER_PIXELS)
UNDEFINED_LENGTH = 0xFFFFFFFF
INFLATED_LIMIT = 256 * 2**20


@dataclass(frozen=True)
class PixelElement:
    """Where pixel data lies: `length` bytes of `source` from `offset`; None for the undefined length of fragments."""

    source: bytes
    offset: int
    length: int | None
    tag: int
    vr: str

    @property
    def available(self) -> int:
        """Bytes that are there, which a truncated object has fewer of than it declares."""
        rest = len(self.source) - self.offset
        return rest if self.length is None else min(rest, self.length)


@dataclass(frozen=True)
class StoredObject:
    """A dataset without its pixel data, how it is encoded, and where its pixel data lies, if it has any."""

    dataset: Dataset
    transfer_syntax: str
    pixels: PixelElement | None

    @property
    def big_endian(self) -> bool:
        return self.transfer_syntax == EXPLICIT_BIG


class _UntilPixels:
    """Stops pydicom's reader at the pixel data, remembering where it starts."""

    def __init__(self, source: bytes) -> None:
        self.stream = BytesIO(source)
        self.source = source
        self.pixels: PixelElement | None = None

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        if tag not in PIXEL_TAGS:
            return False
        known = None if length == UNDEFINED_LENGTH else length
        self.pixels = PixelElement(self.source, self.stream.tell(), known, int(tag), vr or "OW")
        return True


def read_object(part10: bytes) -> StoredObject:
    """Read the attributes that precede the pixel data (PS3.10 section 7.1; preamble and file meta may be missing).

    Raises Undrawable when a deflated object inflates to more than 256 MiB, and whatever pydicom raises over bytes that
    are no dataset.
    """
    _keep_pydicom_quiet()
    meta, meta_end = _file_meta(part10)
    if meta.get("TransferSyntaxUID") == DEFLATED:
        reader = _UntilPixels(_inflate(part10[meta_end:]))
        dataset = read_dataset(reader.stream, False, True, stop_when=reader)
        return StoredObject(dataset, DEFLATED, reader.pixels)
    reader = _UntilPixels(part10)
    dataset = read_partial(reader.stream, stop_when=reader, force=True)
    syntax = str(meta.get("TransferSyntaxUID") or _guessed_syntax(dataset)).strip("\0 ")
    return StoredObject(dataset, syntax, reader.pixels)


def _file_meta(part10: bytes) -> tuple[Dataset, int]:
    stream = BytesIO(part10)
    stream.seek(132 if part10[128:132] == b"DICM" else 0)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
    return meta, stream.tell()


def _inflate(deflated: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(deflated, INFLATED_LIMIT)
    if inflater.unconsumed_tail:
        raise Undrawable("it inflates beyond the limit")
    return inflated


def _guessed_syntax(dataset: Dataset) -> str:
    implicit, little = dataset.original_encoding
    if implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if little else EXPLICIT_BIG


def _keep_pydicom_quiet() -> None:
    """Silence pydicom's remarks on odd values, which quote them. A filter by module is safe between threads."""
    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"pydicom\.")
