"""A DICOMDIR, which lists the files of an archive by patient, study and series (PS3.10 section 8, PS3.3 Annex F).

Records are held encoded, some 400 bytes for an image, and chained when all of them are known.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from dicom_service.errors import PacsError
from dicom_service.exams.downloads.directory_records import (
    IMAGE,
    KEYS,
    KEYS_WHERE_PRESENT,
    NO_TITLE,
    NUMBERS,
    RECORD_TYPES,
    STAND_INS,
    TITLED,
)
from dicom_service.exams.part10 import attributes
from dicom_service.pacs.retrieve import Instance
from dicom_service.uid import nearest, random_uid, uid_root

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DIRECTORY_NAME = "DICOMDIR"
FOLDER = "DICOM"
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

LEVELS = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}
"""What a record of each level is known by."""

NEXT_AT, LOWER_AT = 8, 30
"""Where a record has its offsets of 4 bytes: the values of (0004,1400) and (0004,1420), its first and its third one."""

UNLISTED = "The PACS gave an object that does not say what it is: the study can be had without a DICOMDIR only"
IN_USE = 0xFFFF
ITEM_HEADER = 8
SEQUENCE_HEADER = 12
MODIFIES_CONCEPT = "HAS CONCEPT MOD"


@dataclass
class _Record:
    encoded: bytes
    lower: "dict[str, _Record]" = field(default_factory=dict)


def file_ids(instances: Iterable[Instance]) -> list[str]:
    """A File ID for each: a folder for each series, a number in it; components of 8 characters (PS3.10 section 8.2)."""
    ids, counted = [], dict[str, tuple[int, int]]()
    for instance in instances:
        folder, number = counted.get(instance.series_uid, (len(counted) + 1, 0))
        counted[instance.series_uid] = folder, number + 1
        ids.append(f"{FOLDER}/S{folder:07d}/I{number + 1:07d}")
    return ids


class MediaDirectory:
    """The files that were added, and the DICOMDIR that lists them."""

    def __init__(self) -> None:
        self._patients: dict[str, _Record] = {}

    def add(self, beginning: bytes, file_id: str) -> None:
        """Lists an object (PS3.10 section 7), of which the attributes before its pixels serve.

        A key that it lacks is empty, but for those of type 1 of which a value claims nothing: no patient and no date is
        invented. Raises PacsError where it cannot be read, or does not say what it is.
        """
        try:
            self._add(*attributes(beginning, _keywords()), file_id)
        except PacsError:
            raise
        except Exception as error:  # pydicom raises whatever a broken object makes it stumble over
            raise PacsError(UNLISTED) from error

    def _add(self, dataset: "Dataset", transfer_syntax: str, file_id: str) -> None:
        sop_class, instance_uid = (str(dataset.get(name) or "") for name in ("SOPClassUID", "SOPInstanceUID"))
        if not sop_class or not instance_uid or not transfer_syntax:
            raise PacsError(UNLISTED)
        records = self._patients
        for kind, name in LEVELS.items():
            key = str(dataset.get(name) or "")
            if key not in records:
                records[key] = _Record(_encoded_record(kind, dataset, len(records) + 1))
            records = records[key].lower
        reference = {
            "ReferencedFileID": file_id.split("/"),
            "ReferencedSOPClassUIDInFile": sop_class,
            "ReferencedSOPInstanceUIDInFile": instance_uid,
            "ReferencedTransferSyntaxUIDInFile": transfer_syntax,
        }
        kind = nearest(RECORD_TYPES, sop_class) or IMAGE
        records[file_id] = _Record(_encoded_record(kind, dataset, len(records) + 1, **reference))

    def encoded(self) -> bytes:
        """The DICOMDIR, a file of its own (PS3.10 section 8.6)."""
        uid = random_uid(uid_root())
        start = len(_file_head(uid, 0, 0)) + SEQUENCE_HEADER
        entities = list(_chained(self._patients, start))
        items = b"".join(entities)
        head = _file_head(uid, start, start + len(items) - len(entities[-1]))
        return head + struct.pack("<HH2sHL", 0x0004, 0x1220, b"SQ", 0, len(items)) + items


def _keywords() -> list[str]:
    keys = {key for table in (KEYS, KEYS_WHERE_PRESENT) for keys in table.values() for key in keys}
    return ["SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "VerifyingObserverSequence", *keys]


def _encoded_record(kind: str, dataset: "Dataset", number: int, **reference: Any) -> bytes:
    """A record in Explicit VR Little Endian whose offsets are still 0 (PS3.3 F.3.2.2); `number` is its place."""
    from pydicom.dataset import Dataset

    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = IN_USE
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    for keyword, value in reference.items():
        setattr(record, keyword, value)
    for keyword in KEYS[kind]:
        setattr(record, keyword, None)
        _copy(dataset, keyword, record)
        if record[keyword].is_empty:
            _stand_in(keyword, kind, number, record)
    if kind == "SR DOCUMENT":
        _copy_verification(dataset, record)
    for keyword in ("SpecificCharacterSet", *KEYS_WHERE_PRESENT.get(kind, ())):
        _copy(dataset, keyword, record)
    return _encoded(record)


def _copy(dataset: "Dataset", keyword: str, record: "Dataset") -> None:
    """Copies an element that is there and can be read; of a content tree only what modifies the title."""
    try:
        element = dataset[keyword]
    except Exception:  # noqa: BLE001 - absent, or whatever a malformed value makes pydicom stumble over
        return
    if keyword != "ContentSequence":
        record.add(element)
    elif items := [item for item in element.value if item.get("RelationshipType") == MODIFIES_CONCEPT]:
        record.ContentSequence = items


def _stand_in(keyword: str, kind: str, number: int, record: "Dataset") -> None:
    from pydicom.dataset import Dataset

    if keyword in NUMBERS:
        setattr(record, keyword, str(number))
    elif keyword in STAND_INS:
        setattr(record, keyword, STAND_INS[keyword])
    elif keyword == "ConceptNameCodeSequence" and kind in TITLED:
        title = Dataset()
        for name, value in NO_TITLE.items():
            setattr(title, name, value)
        record.ConceptNameCodeSequence = [title]


def _copy_verification(dataset: "Dataset", record: "Dataset") -> None:
    """When a report was verified last, which its observers say, each in an item (PS3.3 Table F.5-25)."""
    times = [str(item.get("VerificationDateTime") or "") for item in dataset.get("VerifyingObserverSequence") or ()]
    if any(times):
        record.VerificationDateTime = max(times)


def _encoded(dataset: "Dataset") -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, False
    write_dataset(target, dataset)
    return bytes(target.getvalue())


def _chained(records: dict[str, _Record], start: int) -> Iterator[bytes]:
    """The items of a directory entity, each with those below it; `start` is where the first is in the file."""
    left = len(records)
    for record in records.values():
        left -= 1
        lower_at = start + ITEM_HEADER + len(record.encoded)
        below = b"".join(_chained(record.lower, lower_at))
        following = lower_at + len(below)
        item = bytearray(record.encoded)
        struct.pack_into("<L", item, NEXT_AT, following if left else 0)
        struct.pack_into("<L", item, LOWER_AT, lower_at if below else 0)
        yield struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item + below
        start = following


def _file_head(uid: str, first: int, last: int) -> bytes:
    """Everything before the sequence of records; the offsets count from the beginning of the file (PS3.3 F.3.2.2)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.filewriter import dcmwrite

    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MEDIA_STORAGE_DIRECTORY
    directory.file_meta.MediaStorageSOPInstanceUID = uid
    directory.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
    directory.FileSetID = None
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last
    directory.FileSetConsistencyFlag = 0
    target = BytesIO()
    dcmwrite(target, directory, enforce_file_format=True)
    return target.getvalue()
