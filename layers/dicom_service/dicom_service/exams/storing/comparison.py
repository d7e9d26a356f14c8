"""Whether what the PACS holds under a SOP Instance UID is the object that was to be stored.

A PACS may change an object that it takes: correct a name, add an accession number (PS3.4 section B.4.1.3), compress it.
It does not make another image of it, and an object of another patient is never taken for it.
"""

from dataclasses import dataclass

from dicom_service.exams.part10 import DEFLATED
from dicom_service.exams.storing.fingerprint import (
    IMPLICIT_LITTLE_ENDIAN,
    PIXELS,
    TRANSFER_SYNTAX,
    Fingerprint,
)

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
PATIENT_ID, ISSUER, PATIENT_NAME = 0x00100020, 0x00100021, 0x00100010

SAME_ENCODING = frozenset({IMPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.1", DEFLATED})
"""Transfer syntaxes whose values are the same bytes: uncompressed, little endian (PS3.5 sections A.1, A.2, A.5)."""

SHAPE = frozenset({0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103})
"""Samples, frames, rows, columns and bits: what the pixels mean (PS3.3 section C.7.6.3)."""

COLOUR = frozenset({0x00280004, 0x00280006})
"""Photometric interpretation and planar configuration, which change with the transfer syntax."""

COMPRESSION = COLOUR | {0x00082111, 0x00089215, 0x00282110, 0x00282112, 0x00282114}
"""What changes where pixels are compressed: lossy compression, its ratio and method, and how it came about."""

ABOUT_THE_OBJECT = frozenset({0x0008, 0x0010, 0x0012, 0x0020, 0x0032, 0x0038, 0x0400})
"""Groups in which a PACS may change something of an object without pixels, of which all else is what it is about."""

NAMES = {
    TRANSFER_SYNTAX: "TransferSyntaxUID",
    0x00080005: "SpecificCharacterSet",
    0x00080008: "ImageType",
    0x00080020: "StudyDate",
    0x00080030: "StudyTime",
    0x00080050: "AccessionNumber",
    0x00080080: "InstitutionName",
    0x00080090: "ReferringPhysicianName",
    0x00081030: "StudyDescription",
    0x0008103E: "SeriesDescription",
    0x00081050: "PerformingPhysicianName",
    PATIENT_NAME: "PatientName",
    PATIENT_ID: "PatientID",
    ISSUER: "IssuerOfPatientID",
    0x00100030: "PatientBirthDate",
    0x00100040: "PatientSex",
    0x00101000: "OtherPatientIDs",
    0x00101010: "PatientAge",
    0x00200010: "StudyID",
    0x00280004: "PhotometricInterpretation",
    0x00280006: "PlanarConfiguration",
    0x00282110: "LossyImageCompression",
    0x04000561: "OriginalAttributesSequence",
}
"""What attributes are called that a PACS is known to change (PS3.6); others are told by their tag."""


@dataclass(frozen=True)
class Comparison:
    """Whether it is the same object; where it is, what the PACS has changed of it, by name, and in words where not."""

    same: bool
    changed: tuple[str, ...] = ()
    why: str = ""


ANOTHER = "The PACS holds another object with this SOP Instance UID"
OTHER_PATIENT = f"{ANOTHER}, which says that it is of another patient"
NOT_TO_BE_TOLD = "The PACS holds an object with this SOP Instance UID, and whether it is the same cannot be told"


def compared(ours: Fingerprint, held: Fingerprint) -> Comparison:
    """The object that was to be stored against what the PACS holds."""
    if ours.file == held.file:
        return Comparison(same=True)
    if not (ours.digests and held.digests):
        return Comparison(same=False, why=NOT_TO_BE_TOLD)
    if any(ours.value(tag) != held.value(tag) for tag in (SOP_CLASS, SOP_INSTANCE, STUDY, SERIES)):
        return Comparison(same=False, why=ANOTHER)
    if not _same_patient(ours, held):
        return Comparison(same=False, why=OTHER_PATIENT)
    changed = {tag for tag in {*ours.digests, *held.digests} if ours.digests.get(tag) != held.digests.get(tag)}
    if ours.transfer_syntax == held.transfer_syntax or {ours.transfer_syntax, held.transfer_syntax} <= SAME_ENCODING:
        return _same_pixels(changed, ours)
    return _compressed_anew(changed)


def _same_patient(ours: Fingerprint, held: Fingerprint) -> bool:
    """By Patient ID and, where both have one, its issuer; where neither has an ID, by name."""
    issuers = {side.value(ISSUER) for side in (ours, held)} - {b""}
    if ours.value(PATIENT_ID) != held.value(PATIENT_ID) or len(issuers) > 1:
        return False
    return bool(ours.value(PATIENT_ID)) or ours.digests.get(PATIENT_NAME) == held.digests.get(PATIENT_NAME)


def _same_pixels(changed: set[int], ours: Fingerprint) -> Comparison:
    if PIXELS & ours.digests.keys():
        same = not changed & (PIXELS | SHAPE | COLOUR)
    else:
        same = all(tag >> 16 in ABOUT_THE_OBJECT or tag >> 16 & 1 for tag in changed - PIXELS) and not changed & PIXELS
    return Comparison(same=True, changed=_named(changed)) if same else Comparison(same=False, why=ANOTHER)


def _compressed_anew(changed: set[int]) -> Comparison:
    """Pixels in another transfer syntax are not compared: so nothing but them may differ."""
    if changed & SHAPE:
        return Comparison(same=False, why=ANOTHER)
    if changed - PIXELS - COMPRESSION:
        return Comparison(same=False, why=f"{NOT_TO_BE_TOLD}: it is in another transfer syntax")
    return Comparison(same=True, changed=_named(changed - PIXELS | {TRANSFER_SYNTAX}))


def _named(tags: set[int]) -> tuple[str, ...]:
    return tuple(NAMES.get(tag, f"({tag >> 16:04X},{tag & 0xFFFF:04X})") for tag in sorted(tags))
