"""What a file must be to be stored: a DICOM Part 10 file (PS3.10 section 7) that names itself and is whole."""

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_service.errors import NotDicom

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

PREFIX_AT = 128
PREFIX = b"DICM"
DEFERRED_BYTES = 4096
"""Longer values are not read, only checked to be there."""


@dataclass(frozen=True)
class Part10:
    """Which object a file holds."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


def identify(content: bytes) -> Part10:
    """The identity of the object in a Part 10 file.

    Raises NotDicom, saying why, where it is another kind of file, is cut off, or lacks one of its UIDs.
    """
    if not content:
        raise NotDicom("it is empty")
    if content[PREFIX_AT : PREFIX_AT + len(PREFIX)] != PREFIX:
        raise NotDicom("it is no DICOM Part 10 file: DICM is missing at byte 128")
    dataset = _parsed(content)
    uids = {
        keyword: str(dataset.get(keyword) or "").strip("\0 ")
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
    }
    missing = [keyword for keyword, uid in uids.items() if not uid]
    if missing:
        raise NotDicom(f"it has no {', '.join(missing)}")
    return Part10(*uids.values())


def _parsed(content: bytes) -> "FileDataset":
    """The dataset without its long values, read to the end of the file, so that a file that is cut off shows."""
    import warnings

    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(content), defer_size=DEFERRED_BYTES)
            ends = [
                element.value_tell + element.length
                for element in dataset.values()
                if isinstance(element, pydicom.dataelem.RawDataElement) and element.length != 0xFFFFFFFF
            ]
    except zlib.error as error:
        raise NotDicom("it is cut off or corrupt: its deflated data set does not inflate") from error
    except EOFError as error:
        raise NotDicom("it is cut off before its end") from error
    except Exception as error:  # pydicom raises whatever a broken file makes it stumble over
        raise NotDicom("its data set cannot be parsed") from error
    deflated = dataset.file_meta.get("TransferSyntaxUID") == pydicom.uid.DeflatedExplicitVRLittleEndian
    if not deflated and max(ends, default=0) > len(content):
        raise NotDicom("it is cut off before its end")
    return dataset
