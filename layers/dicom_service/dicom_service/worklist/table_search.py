"""Searching the service's own worklist: by the index that fits, in order of start, no further than is asked for."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dicom_service import settings
from dicom_service.stores import client, translated
from dicom_service.worklist.asked import DateRange, WorkitemSearch
from dicom_service.worklist.table_rows import LANES, SEVERAL_STATIONS, day_key

if TYPE_CHECKING:
    from dicom_service.stores import Row

MOST_DAYS = 31
"""Of a range that is asked for day by day; of a longer one every item is looked at."""

SMALLEST_PAGE, LARGEST_PAGE = 4, 1000
"""Items of one answer of DynamoDB, which holds 1 MB in any case."""


@dataclass(frozen=True)
class _Key:
    """The key of an index, and between which starts its rows are wanted, empty for all."""

    index: str
    attribute: str
    value: str
    first: str = ""
    last: str = ""


def rows_for(search: WorkitemSearch) -> Iterator["Row"]:
    """At least the rows that match, in order of start; raises StoreUnavailable while it is read."""
    groups = _groups(search)
    wanted = None if search.limit is None else search.offset + search.limit + 1
    for keys in groups:
        page = None if wanted is None else min(max(SMALLEST_PAGE, -(-wanted // len(keys))), LARGEST_PAGE)
        yield from heapq.merge(*(_rows(key, page) for key in keys), key=lambda row: row["start"]["S"])


def _groups(search: WorkitemSearch) -> list[list[_Key]]:
    """The keys to read, those of a group together, one group after the other."""
    for index, attribute, name in (
        ("by-accession", "accessionNumber", "AccessionNumber"),
        ("by-patient", "patientId", "PatientID"),
    ):
        if name in search.equal:
            return [[_Key(index, attribute, search.equal[name])]]
    days = _days(search.start_dates)
    if days and "ScheduledStationAETitle" in search.equal:
        stations = (search.equal["ScheduledStationAETitle"], SEVERAL_STATIONS)
        return [[_Key("by-station", "stationDay", day_key(day, one)) for one in stations] for day in days]
    if days and "Modality" in search.equal:
        return [[_Key("by-modality", "modalityDay", day_key(day, search.equal["Modality"]))] for day in days]
    dates = search.start_dates
    first, last = (dates.first or "0", f"{dates.last}~") if dates else ("", "")
    return [[_Key("by-start", "lane", lane, first, last) for lane in LANES]]


def _days(dates: DateRange | None) -> list[str]:
    """The days of a range with two ends, none where they are many."""
    try:
        first, last = (datetime.strptime(day, "%Y%m%d") for day in (dates.first, dates.last)) if dates else (None, None)  # noqa: DTZ007
    except ValueError:
        return []
    if first is None or last is None or (last - first).days >= MOST_DAYS:
        return []
    return [f"{first + timedelta(days=number):%Y%m%d}" for number in range((last - first).days + 1)]


def _rows(key: _Key, page: int | None) -> Iterator["Row"]:
    """The key's rows in order of start; `page` says how many are likely to be wanted, each further page is larger."""
    condition, values = f"{key.attribute} = :key", {":key": {"S": key.value}}
    if key.last:
        condition += " AND #start BETWEEN :first AND :last"
        values |= {":first": {"S": key.first}, ":last": {"S": key.last}}
    request: dict[str, Any] = {
        "TableName": settings.required("WORKLIST_TABLE"),
        "IndexName": key.index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    if key.last:
        request["ExpressionAttributeNames"] = {"#start": "start"}
    while True:
        limited = request if page is None else request | {"Limit": page}
        with translated("read the worklist"):
            answer = client("dynamodb").query(**limited)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        page = None if page is None else min(2 * page, LARGEST_PAGE)
