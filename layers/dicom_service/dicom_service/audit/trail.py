"""The audit trail: kept before an answer leaves, never changed, read by time or by patient."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from dicom_service import metrics
from dicom_service.audit.record import LARGEST_REST, AuditRecord, record_id_at
from dicom_service.audit.rows import BY_PATIENT, SHARDS, days, moment, record_of, row_of, shard_key, table
from dicom_service.errors import StoreUnavailable
from dicom_service.stores import client, query_rows, translated

if TYPE_CHECKING:
    from dicom_service.stores import Row

MOST_IN_A_BATCH = 25
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""

MOST_TRIES = 6
FIRST_PAUSE_SECONDS = 0.05
MOST_SECONDS = 12.0
"""Of reading one page: a longer search goes on with the next one."""


@dataclass(frozen=True)
class AuditSearch:
    """Which records: those between two times, both included, of a patient where one is given, behind a record."""

    first: datetime
    last: datetime
    patient: str = ""
    limit: int = 100
    after: str = ""


@dataclass(frozen=True)
class AuditPage:
    """Records, the earliest first, and the record to go on behind; empty where no more follow."""

    records: list[AuditRecord]
    after: str


def keep(records: Sequence[AuditRecord]) -> None:
    """Writes the records for good; raises StoreUnavailable where one of them is not certain to be kept."""
    identified = [replace(record, record_id=record_id_at(record.recorded_at)) for record in records]
    if len(identified) == 1:
        with translated("keep the audit record"):
            client("dynamodb").put_item(TableName=table(), Item=row_of(identified[0]))
    else:
        for start in range(0, len(identified), MOST_IN_A_BATCH):
            _write([row_of(record) for record in identified[start : start + MOST_IN_A_BATCH]])
    metrics.add(metrics.AUDIT_RECORDS, len(identified))


def search(asked: AuditSearch) -> AuditPage:
    """A page of records; raises StoreUnavailable."""
    begin = record_id_at(_milliseconds(asked.first), 0)
    end = record_id_at(_milliseconds(asked.last), LARGEST_REST)
    if asked.after >= end:
        return AuditPage([], "")
    if asked.patient:
        rows = _query(BY_PATIENT, "patientId", asked.patient, (begin, end), asked)
        return _page(asked, rows)
    return _by_time(asked, begin, end)


def _by_time(asked: AuditSearch, begin: str, end: str) -> AuditPage:
    first = max(asked.first, moment(_time_of(asked.after))) if asked.after else asked.first
    found: list[Row] = []
    until = time.monotonic() + MOST_SECONDS
    with ThreadPoolExecutor(SHARDS, "audit") as threads:
        for day in days(first, asked.last):
            if time.monotonic() > until:
                return AuditPage([record_of(row) for row in found], _end_before(day))
            keys = [shard_key(day, shard) for shard in range(SHARDS)]
            shards = threads.map(lambda key: _query("", "dayShard", key, (begin, end), asked), keys)
            found += sorted((row for rows in shards for row in rows), key=_identifier)
            if len(found) > asked.limit:
                break
    return _page(asked, found)


def _page(asked: AuditSearch, rows: "list[Row]") -> AuditPage:
    records = [record_of(row) for row in rows[: asked.limit]]
    return AuditPage(records, records[-1].record_id if len(rows) > asked.limit else "")


def _query(index: str, key: str, value: str, span: tuple[str, str], asked: AuditSearch) -> "list[Row]":
    """Rows behind `after` in the order of their identifiers, one more than wanted where there are more."""
    place = {"IndexName": index} if index else {}
    begin, end, most = max(span[0], asked.after), span[1], asked.limit + 2
    if begin > end:
        return []
    rows = query_rows(
        "read the audit trail",
        TableName=table(),
        KeyConditionExpression="#key = :value AND recordId BETWEEN :begin AND :end",
        ExpressionAttributeNames={"#key": key},
        ExpressionAttributeValues={":value": {"S": value}, ":begin": {"S": begin}, ":end": {"S": end}},
        PaginationConfig={"PageSize": most, "MaxItems": most},
        **place,
    )
    return [row for row in rows if _identifier(row) > asked.after]


def _write(rows: "list[Row]") -> None:
    left = {table(): [{"PutRequest": {"Item": row}} for row in rows]}
    for attempt in range(MOST_TRIES):
        with translated("keep the audit records"):
            answer = client("dynamodb").batch_write_item(RequestItems=left)  # type: ignore[arg-type]  # of rows
        left = answer.get("UnprocessedItems", {})  # type: ignore[assignment]  # the same shape
        if not left:
            return
        time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    raise StoreUnavailable("The service could not keep the audit records (throttled)")


def _identifier(row: "Row") -> str:
    return row["recordId"]["S"]


def _end_before(day: date) -> str:
    """The identifier behind those of all earlier days."""
    return record_id_at(_milliseconds(datetime.combine(day, datetime.min.time(), UTC)) - 1, LARGEST_REST)


def _milliseconds(when: datetime) -> int:
    return max(0, int(when.timestamp() * 1000))


def _time_of(record_id: str) -> int:
    return int(record_id.replace("-", "")[:12], 16)
