"""The audit table: one row per record, never changed, gone when its retention is over.

The key is a day and one of a few shards, so that no partition takes all writes, and the record's UUID, which sorts by
time. An index, of the records that have one, finds a patient's.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.audit.record import Agent, AuditRecord

if TYPE_CHECKING:
    from dicom_service.stores import Row

BY_PATIENT = "by-patient"
SHARDS = 8
DAY_SECONDS = 24 * 3600
RETENTION_DAYS = 2190
RETENTION_LIMITS = (1, 36500)


def retention_days() -> int:
    """By AUDIT_RETENTION_DAYS: six years unless it is set (45 CFR 164.316(b)(2))."""
    return settings.whole_number("AUDIT_RETENTION_DAYS", RETENTION_DAYS, *RETENTION_LIMITS)


def table() -> str:
    return settings.required("AUDIT_TABLE")


def row_of(record: AuditRecord) -> "Row":
    """The row of a record that has its identifier."""
    content = asdict(replace(record, record_id=""))
    kept = {name: value for name, value in content.items() if value not in ("", None)}
    return {
        "dayShard": {"S": shard_key(moment(record.recorded_at).date(), int(record.record_id[-1], 16) % SHARDS)},
        "recordId": {"S": record.record_id},
        **({"patientId": {"S": record.patient}} if record.patient else {}),
        "record": {"S": json.dumps(kept, ensure_ascii=False)},
        "expiresAt": {"N": str(record.recorded_at // 1000 + retention_days() * DAY_SECONDS)},
    }


def record_of(row: "Row") -> AuditRecord:
    """The record of a row."""
    content = json.loads(row["record"]["S"])
    agent = {name: value or "" for name, value in content.pop("agent").items()}
    return AuditRecord(**content, agent=Agent(**agent), record_id=row["recordId"]["S"])


def shard_key(day: date, shard: int) -> str:
    """Such as `2026-11-27#3`; the day is that of UTC."""
    return f"{day:%Y-%m-%d}#{shard}"


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def days(first: datetime, last: datetime) -> Iterator[date]:
    """Every day that a time between the two lies in, the earliest first; both are in UTC."""
    for number in range(first.date().toordinal(), last.date().toordinal() + 1):
        yield date.fromordinal(number)
