"""What a search result holds at each level, by tag, with its VR: PS3.18 Tables 10.6.3-3, 10.6.3-4 and 10.6.3-5."""

from typing import Any

CHARACTER_SET = {"00080005": "CS"}

STUDY = CHARACTER_SET | {
    "00080020": "DA",  # StudyDate
    "00080030": "TM",  # StudyTime
    "00080050": "SH",  # AccessionNumber
    "00080056": "CS",  # InstanceAvailability
    "00080061": "CS",  # ModalitiesInStudy
    "00080090": "PN",  # ReferringPhysicianName
    "00080201": "SH",  # TimezoneOffsetFromUTC
    "00081190": "UR",  # RetrieveURL
    "00100010": "PN",  # PatientName
    "00100020": "LO",  # PatientID
    "00100030": "DA",  # PatientBirthDate
    "00100040": "CS",  # PatientSex
    "0020000D": "UI",  # StudyInstanceUID
    "00200010": "SH",  # StudyID
    "00201206": "IS",  # NumberOfStudyRelatedSeries
    "00201208": "IS",  # NumberOfStudyRelatedInstances
}

SERIES = CHARACTER_SET | {
    "00080060": "CS",  # Modality
    "00080201": "SH",  # TimezoneOffsetFromUTC
    "0008103E": "LO",  # SeriesDescription
    "00081190": "UR",  # RetrieveURL
    "0020000D": "UI",  # StudyInstanceUID
    "0020000E": "UI",  # SeriesInstanceUID
    "00200011": "IS",  # SeriesNumber
    "00201209": "IS",  # NumberOfSeriesRelatedInstances
    "00400244": "DA",  # PerformedProcedureStepStartDate
    "00400245": "TM",  # PerformedProcedureStepStartTime
    "00400275": "SQ",  # RequestAttributesSequence
}

INSTANCE = CHARACTER_SET | {
    "00080016": "UI",  # SOPClassUID
    "00080018": "UI",  # SOPInstanceUID
    "00080056": "CS",  # InstanceAvailability
    "00080201": "SH",  # TimezoneOffsetFromUTC
    "00081190": "UR",  # RetrieveURL
    "0020000D": "UI",  # StudyInstanceUID
    "0020000E": "UI",  # SeriesInstanceUID
    "00200013": "IS",  # InstanceNumber
    "00280008": "IS",  # NumberOfFrames
    "00280010": "US",  # Rows
    "00280011": "US",  # Columns
    "00280100": "US",  # BitsAllocated
}


def completed(dataset: dict[str, Any], level: dict[str, str]) -> dict[str, Any]:
    """The dataset in tag order, with every attribute of its level: those that the PACS left out are empty."""
    full = {tag: {"vr": vr} for tag, vr in level.items()} | dataset
    return {tag: full[tag] for tag in sorted(full)}


def first_value(dataset: dict[str, Any], tag: str) -> Any:
    """The attribute's first value; None where it is missing or empty."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def whole_number(dataset: dict[str, Any], tag: str) -> int | None:
    """The first value of an IS or US; None where it is missing, or no number, as PACS answer it at times."""
    try:
        return int(first_value(dataset, tag))
    except (TypeError, ValueError):
        return None
