"""What the PACS reads of a DICOM Part 10 object, and why it may refuse one."""

import re
from dataclasses import dataclass
from enum import IntEnum

import pydicom

from local.pacs.dicom_json import Attributes, quiet_pydicom, tag, to_dicom_json
from local.pacs.storage import Received

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID_LENGTH = 64
PREAMBLE_LENGTH = 128


class FailureReason(IntEnum):
    """Why an object was not stored (PS3.18 Table I.2-2; the duplicate from PS3.7 C.5.5)."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    OUT_OF_RESOURCES = 0xA700
    DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000


class ObjectRefusedError(Exception):
    """An object that is not stored: the reason, and its SOP Class and Instance UID as far as they are known."""

    def __init__(self, reason: FailureReason, sop_class_uid: str = "", sop_instance_uid: str = "") -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.sop_class_uid = sop_class_uid
        self.sop_instance_uid = sop_instance_uid


@dataclass(frozen=True)
class InstanceHeader:
    """What identifies an object, and its attributes without bulk data as DICOM JSON."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    attributes: Attributes

    def refused(self, reason: FailureReason) -> ObjectRefusedError:
        """The error that names this object."""
        return ObjectRefusedError(reason, self.sop_class_uid, self.sop_instance_uid)


def is_uid(value: object) -> bool:
    """Whether it is digits and dots of at most 64 characters; leading zeros pass, since devices produce them."""
    return isinstance(value, str) and len(value) <= MAX_UID_LENGTH and UID_PATTERN.fullmatch(value) is not None


def is_part10(start: bytes) -> bool:
    """Whether the bytes begin as PS3.10 section 7.1 says: 128 bytes of preamble, then DICM."""
    return start[PREAMBLE_LENGTH : PREAMBLE_LENGTH + 4] == b"DICM"


def read_header(received: Received) -> InstanceHeader:
    """Reads everything before the pixels; raises ObjectRefusedError for what is no storable object."""
    if not is_part10(received.start):
        raise ObjectRefusedError(FailureReason.CANNOT_UNDERSTAND)
    quiet_pydicom()
    try:
        dataset = pydicom.dcmread(received.path, stop_before_pixels=True)
        attributes = to_dicom_json(dataset)
        transfer_syntax_uid = str(dataset.file_meta.get("TransferSyntaxUID", IMPLICIT_VR_LITTLE_ENDIAN))
    except Exception as error:  # pydicom raises whatever a broken file provokes
        raise ObjectRefusedError(FailureReason.CANNOT_UNDERSTAND) from error
    header = InstanceHeader(
        study_instance_uid=_uid(attributes, "StudyInstanceUID"),
        series_instance_uid=_uid(attributes, "SeriesInstanceUID"),
        sop_instance_uid=_uid(attributes, "SOPInstanceUID"),
        sop_class_uid=_uid(attributes, "SOPClassUID"),
        transfer_syntax_uid=transfer_syntax_uid,
        attributes=attributes,
    )
    uids = (header.study_instance_uid, header.series_instance_uid, header.sop_instance_uid, header.sop_class_uid)
    if not all(uids) or not is_uid(transfer_syntax_uid):
        raise header.refused(FailureReason.CANNOT_UNDERSTAND)
    return header


def _uid(attributes: Attributes, keyword: str) -> str:
    values = attributes.get(tag(keyword), {}).get("Value", [])
    return values[0] if len(values) == 1 and is_uid(values[0]) else ""
