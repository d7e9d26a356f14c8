"""What a file must be to be stored: a DICOM Part 10 file (PS3.10 section 7) that names itself and is whole."""

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from dicom_service.errors import NotDicom, ServiceError
from dicom_service.exams.quiet import keep_pydicom_quiet

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PREFIX_AT = 128
PREFIX = b"DICM"
DEFERRED_BYTES = 4096
"""Longer values are not read, only checked to be there."""

INFLATED_BYTES = 1024 * 1024
"""The most of a deflated data set that is held: its UIDs are near its beginning."""

AFTER_THE_UIDS = 0x00200010
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class Part10:
    """Which object a file holds."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


def identify(content: bytes) -> Part10:
    """The identity of the object in a Part 10 file; raises NotDicom as `identify_file` does."""
    return identify_file(io.BytesIO(content), len(content))


def identify_file(file: BinaryIO, size: int) -> Part10:
    """The identity of the object in a Part 10 file of `size` bytes that can be sought; little of it is held at a time.

    Raises NotDicom, saying why, where it is another kind of file, is cut off, or lacks one of its UIDs.
    """
    if not size:
        raise NotDicom("it is empty")
    file.seek(0)
    if file.read(PREFIX_AT + len(PREFIX))[PREFIX_AT:] != PREFIX:
        raise NotDicom("it is no DICOM Part 10 file: DICM is missing at byte 128")
    dataset = _parsed(file, size)
    uids = {
        keyword: str(dataset.get(keyword) or "").strip("\0 ")
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
    }
    missing = [keyword for keyword, uid in uids.items() if not uid]
    if missing:
        raise NotDicom(f"it has no {', '.join(missing)}")
    return Part10(*uids.values())


def attributes(beginning: bytes, keywords: list[str]) -> "tuple[Dataset, str]":
    """The named attributes before the pixel data of a Part 10 file that begins so, and its transfer syntax.

    What is cut off is absent; of a deflated data set the first MiB is read.
    """
    import pydicom
    from pydicom.filereader import read_dataset

    keep_pydicom_quiet()
    file = io.BytesIO(beginning)
    file.seek(PREFIX_AT + len(PREFIX))
    syntax = _transfer_syntax(file)
    if syntax == DEFLATED:
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), INFLATED_BYTES)
        return read_dataset(io.BytesIO(inflated), False, True), syntax
    file.seek(0)
    return pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(keywords)), syntax


def _parsed(file: BinaryIO, size: int) -> "Dataset":
    """The dataset without its long values, read to the end of the file, so that a file that is cut off shows."""
    from pydicom.filereader import read_dataset

    keep_pydicom_quiet()
    try:
        if _transfer_syntax(file) == DEFLATED:
            return read_dataset(
                io.BytesIO(_inflated_start(file)), False, True, stop_when=lambda tag, *_: tag >= AFTER_THE_UIDS
            )
        return _whole(file, size)
    except (ServiceError, OSError):  # of the file that is read
        raise
    except zlib.error as error:
        raise NotDicom("it is cut off or corrupt: its deflated data set does not inflate") from error
    except EOFError as error:
        raise NotDicom("it is cut off before its end") from error
    except Exception as error:  # pydicom raises whatever a broken file makes it stumble over
        raise NotDicom("its data set cannot be parsed") from error


def _transfer_syntax(file: BinaryIO) -> str:
    """Of a file that stands behind its prefix; it is left behind its file meta information."""
    from pydicom.filereader import read_dataset

    meta = read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    return str(meta.get("TransferSyntaxUID") or "").strip("\0 ")


def _whole(file: BinaryIO, size: int) -> "Dataset":
    import pydicom

    file.seek(0)
    dataset = pydicom.dcmread(file, defer_size=DEFERRED_BYTES)
    ends = [
        element.value_tell + element.length
        for element in dataset.values()
        if isinstance(element, pydicom.dataelem.RawDataElement) and element.length != 0xFFFFFFFF
    ]
    if max(ends, default=0) > size:
        raise NotDicom("it is cut off before its end")
    return dataset


def _inflated_start(file: BinaryIO) -> bytes:
    """The beginning of a deflated data set (PS3.5 section A.5), inflated to its end to see that it has one."""
    inflater, start = zlib.decompressobj(-zlib.MAX_WBITS), b""
    while not inflater.eof and (piece := inflater.unconsumed_tail or file.read(INFLATED_BYTES)):
        inflated = inflater.decompress(piece, INFLATED_BYTES)
        start += inflated[: INFLATED_BYTES - len(start)]
    if not inflater.eof:
        raise NotDicom("it is cut off or corrupt: its deflated data set does not inflate")
    return start
