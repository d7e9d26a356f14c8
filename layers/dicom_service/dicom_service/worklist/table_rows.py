"""The rows of the service's own worklist: the item, and what its indexes find it by.

    lane           0 to 7            every item, in order of start: together the whole worklist
    modalityDay    day#modality      a modality's items of a day
    stationDay     day#station       a station's items of a day; those of several stations are under one key of the day
    accessionNumber
    patientId

Each index has `start`, date and time and Study Instance UID, for its order. An ended item has `expiresAt`.
"""

import json
import secrets
import zlib
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.worklist.fields import BY_NAME, ENDED, START_DATE, START_TIME
from dicom_service.worklist.mapper import Dataset, values_of

if TYPE_CHECKING:
    from dicom_service.stores import Row

MARK = "writtenBy"
"""Which write left the row: by it one whose answer was lost knows its own."""

LANES = tuple(map(str, range(8)))
SEVERAL_STATIONS = "\\"
"""In place of a station: a backslash separates values, and no title has it (PS3.5 section 6.2)."""

RETENTION_DAYS = 90
RETENTION_LIMITS = (0, 36500)
DAY_SECONDS = 24 * 3600


def row_of(study_uid: str, dataset: Dataset, now: float) -> "Row":
    """The row of an item that is written `now` (seconds since 1970); raises ConfigurationError."""
    day, time, modality = (_first(dataset, name) for name in (START_DATE, START_TIME, "Modality"))
    found_by = {
        "patientId": _first(dataset, "PatientID"),
        "accessionNumber": _first(dataset, "AccessionNumber"),
        "lane": LANES[zlib.crc32(study_uid.encode()) % len(LANES)],
        "start": f"{day}{time}#{study_uid}",
        "modalityDay": day_key(day, modality),
        "stationDay": day_key(day, _station(dataset)),
    }
    row: Row = {name: {"S": text} for name, text in found_by.items() if text}
    row |= {
        "studyInstanceUid": {"S": study_uid},
        "dataset": {"S": json.dumps(dataset, ensure_ascii=False, separators=(",", ":"))},
        MARK: {"S": secrets.token_hex(16)},
    }
    days = retention_days()
    if days and ENDED.intersection(values_of(dataset, BY_NAME["status"])):
        row["expiresAt"] = {"N": str(int(now) + days * DAY_SECONDS)}
    return row


def day_key(day: str, name: str) -> str:
    """The key of a day's items of a modality or a station."""
    return f"{day}#{name}"


def has_ended(row: "Row", now: float) -> bool:
    """Whether the row's retention is over; DynamoDB removes it in its own time."""
    return "expiresAt" in row and int(row["expiresAt"]["N"]) < now


def retention_days() -> int:
    """By WORKITEM_RETENTION_DAYS: for how long an ended item stays, 0 for ever; raises ConfigurationError."""
    return settings.whole_number("WORKITEM_RETENTION_DAYS", RETENTION_DAYS, *RETENTION_LIMITS)


def _station(dataset: Dataset) -> str:
    stations = values_of(dataset, BY_NAME["ScheduledStationAETitle"])
    return str(stations[0]) if len(stations) == 1 else SEVERAL_STATIONS


def _first(dataset: Dataset, name: str) -> str:
    return str(next(iter(values_of(dataset, BY_NAME[name])), ""))
