"""Whose a row of a search is, by what the row itself says."""

from typing import Any

PATIENT_ID = "00100020"
PADDING = " \0"
"""What may stand around an LO and means nothing (PS3.5 sections 6.2 and 6.1.2.5)."""


def unpadded(patient_id: str) -> str:
    """A Patient ID without what means nothing; its case means something (PS3.4 section C.2.2.2.1)."""
    return patient_id.strip(PADDING)


def patient_of(row: dict[str, Any]) -> str | None:
    """The Patient ID of a DICOM JSON dataset, empty where its value is; None where it has no such attribute.

    Several values name nobody: some PACS list all patients of a study there.
    """
    if PATIENT_ID not in row:
        return None
    element = row[PATIENT_ID]
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list) or len(values) != 1 or values[0] is None:
        return ""
    return unpadded(str(values[0]))


def is_of(row: dict[str, Any], patient_id: str) -> bool:
    """Whether the row says that it is this patient's; one that says nothing is nobody's."""
    return patient_of(row) == unpadded(patient_id) != ""
