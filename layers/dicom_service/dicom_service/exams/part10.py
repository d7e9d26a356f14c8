"""What a file must be to be stored: a DICOM Part 10 file (PS3.10 section 7) that names itself and is whole."""

import io
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from dicom_service.errors import NotDicom
from dicom_service.exams.patients.character_sets import decoded
from dicom_service.exams.quiet import keep_pydicom_quiet
from dicom_service.exams.reading.budget import Budget, of_request, of_worker
from dicom_service.exams.reading.headers import HEADER, Encoding, states_vr
from dicom_service.exams.reading.source import FileSource, InflatedSource, Source
from dicom_service.exams.reading.walk import PIXELS, DataSet, Walk
from dicom_service.uid import is_existing_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PREFIX_AT = 128
PREFIX = b"DICM"
META_GROUP = 0x0002
TRANSFER_SYNTAX = 0x00020010
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
INFLATED_BYTES = 1024 * 1024
"""Of a deflated data set, for the attributes near its beginning."""

HIGHEST_FIRST_GROUP = 0x0008
"""Of the data set of an object, which has its SOP class there."""

MEANINGLESS_VRS = (b"  ", b"??", b"--")
"""Of writers that know no VR but leave room for one."""

UIDS = {
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
    0x00080016: "SOPClassUID",
    0x00080018: "SOPInstanceUID",
}
CHARACTER_SET, PATIENT_ID = 0x00080005, 0x00100020
ROWS, COLUMNS, BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280100
PIXELS_ELSEWHERE = {0x00287FE0, 0x56000020}
"""Pixel Data Provider URL and Spectroscopy Data, in the place of pixels (PS3.3 sections C.7.6.3 and C.8.14.4)."""

STANDARD_CLASSES = "1.2.840.10008."


@dataclass(frozen=True)
class Part10:
    """Which object a file holds; `patient_id` is the last Patient ID in it, empty where that is not certain."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    patient_id: str = ""


def identify(content: bytes, budget: Budget | None = None) -> Part10:
    """The identity of the object in a Part 10 file; raises NotDicom as `identify_file` does.

    Of files that come together each takes its part of one budget.
    """
    return _identity(Source(content), budget or of_request())


def identify_file(file: BinaryIO, size: int, budget: Budget | None = None) -> Part10:
    """The identity of the object in a Part 10 file of `size` bytes that can be sought; little of it is held at a time.

    Raises NotDicom, saying why, where it is another kind of file, is cut off or damaged, lacks one of its UIDs, or
    takes more to read than any object does.
    """
    return _identity(FileSource(file, size), budget or of_worker())


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


def _identity(source: Source, budget: Budget) -> Part10:
    if not source.size:
        raise NotDicom("it is empty")
    if source.bytes_at(PREFIX_AT, len(PREFIX)) != PREFIX:
        raise NotDicom("it is no DICOM Part 10 file: DICM is missing at byte 128")
    meta = Walk(
        source, PREFIX_AT + len(PREFIX), Encoding(False, False), budget, (TRANSFER_SYNTAX,), META_GROUP
    ).data_set()
    syntax, place = _uid(meta, TRANSFER_SYNTAX), meta.end
    if syntax == DEFLATED:
        source, place = InflatedSource(source, place, budget), 0
    encoding = _encoding(source.bytes_at(place, HEADER), syntax)
    kept = {*UIDS, CHARACTER_SET, PATIENT_ID, ROWS, COLUMNS, BITS_ALLOCATED, *PIXELS_ELSEWHERE}
    data_set = Walk(source, place, encoding, budget, kept).data_set()
    identity = _named(data_set)
    if _lacks_pixels(data_set, identity.sop_class_uid):
        raise NotDicom("it is cut off before its end: the pixel data that its Rows and Columns announce is missing")
    return identity


def _encoding(start: bytes, syntax: str) -> Encoding:
    """What the first element shows goes before the transfer syntax, which writers get wrong or leave out."""
    implicit = not states_vr(start) and start[4:6] not in MEANINGLESS_VRS
    little, big = (int.from_bytes(start[:2], order) for order in ("little", "big"))
    big_endian = syntax == EXPLICIT_BIG
    if (big if big_endian else little) > HIGHEST_FIRST_GROUP >= (little if big_endian else big):
        big_endian = not big_endian
    return Encoding(implicit, big_endian)


def _named(data_set: DataSet) -> Part10:
    uids = {keyword: _uid(data_set, tag) for tag, keyword in UIDS.items()}
    missing = [keyword for keyword, uid in uids.items() if not uid]
    if missing:
        raise NotDicom(f"it has no {', '.join(missing)}")
    wrong = [keyword for keyword, uid in uids.items() if not is_existing_uid(uid)]
    if wrong:
        raise NotDicom(f"its {', '.join(wrong)} must be digits and dots, at most 64 characters")
    return replace(Part10(*uids.values()), patient_id=_patient_id(data_set))


def _patient_id(data_set: DataSet) -> str:
    return decoded(data_set.values.get(PATIENT_ID, b""), data_set.values.get(CHARACTER_SET, b""))


def _uid(data_set: DataSet, tag: int) -> str:
    return data_set.values.get(tag, b"").decode("latin-1").strip("\0 ")


def _lacks_pixels(data_set: DataSet, sop_class_uid: str) -> bool:
    """Whether the standard demands pixel data of such an object (PS3.3 section C.7.6.3) and the file ends before it."""
    return (
        data_set.highest < PIXELS
        and all(any(data_set.values.get(tag, b"")) for tag in (ROWS, COLUMNS, BITS_ALLOCATED))
        and not PIXELS_ELSEWHERE & data_set.values.keys()
        and sop_class_uid.startswith(STANDARD_CLASSES)
    )


def _transfer_syntax(file: BinaryIO) -> str:
    """Of a file that stands behind its prefix; it is left behind its file meta information."""
    from pydicom.filereader import read_dataset

    meta = read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    return str(meta.get("TransferSyntaxUID") or "").strip("\0 ")
