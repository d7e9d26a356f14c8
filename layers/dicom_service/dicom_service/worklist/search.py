"""Searching a worklist: every filter is applied here, because a PACS may know none of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dicom_service.worklist.fields import BY_NAME
from dicom_service.worklist.mapper import Dataset, steps_of, values_in
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.protocol import Worklist
from dicom_service.worklist.values import wrong

START_DATE = "ScheduledProcedureStepStartDate"
START_TIME = "ScheduledProcedureStepStartTime"
STUDY_UID = "StudyInstanceUID"
EARLIEST, LATEST = "", "99999999"


@dataclass(frozen=True)
class DateRange:
    """Dates as YYYYMMDD, both ends included."""

    first: str
    last: str


@dataclass(frozen=True)
class WorkitemSearch:
    """What is asked for: `equal` values by field name, start dates, and which part of the found items."""

    equal: Mapping[str, str] = field(default_factory=dict)
    start_dates: DateRange | None = None
    offset: int = 0
    limit: int | None = None


def find_workitems(worklist: Worklist, search: WorkitemSearch) -> list[Dataset]:
    """The workitems in normal form, those that start first before the others, so that a page stays a page."""
    answered = worklist.items(patient_id=search.equal.get("PatientID", ""), study_uid=search.equal.get(STUDY_UID, ""))
    found = sorted((item for item in map(normal_form, answered) if _matches(item, search)), key=_start)
    last = None if search.limit is None else search.offset + search.limit
    return found[search.offset : last]


def date_range(text: object) -> DateRange:
    """Range matching (PS3.4 section C.2.2.2.5): one date, `from-to`, `from-` or `-to`; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("must be given once")  # noqa: TRY004 - pydantic makes it a field's error
    first, dash, last = text.partition("-")
    if any(wrong("DA", end) for end in (first, last) if end) or not (first or last):
        raise ValueError("must be a date as YYYYMMDD, or two joined by a hyphen of which one may be left out")
    if not dash:
        return DateRange(first, first)
    if first and last and first > last:
        raise ValueError("must not end before it starts")
    return DateRange(first or EARLIEST, last or LATEST)


def _matches(item: Dataset, search: WorkitemSearch) -> bool:
    top = {name: value for name, value in search.equal.items() if not BY_NAME[name].in_step}
    of_step = {name: value for name, value in search.equal.items() if BY_NAME[name].in_step}
    return _has(item, top) and any(
        _has(step, of_step) and _starts_within(step, search.start_dates) for step in steps_of(item)
    )


def _has(attributes: Dataset, equal: Mapping[str, str]) -> bool:
    return all(value in values_in(attributes, BY_NAME[name]) for name, value in equal.items())


def _starts_within(step: Dataset, dates: DateRange | None) -> bool:
    if dates is None:
        return True
    return any(dates.first <= start <= dates.last for start in values_in(step, BY_NAME[START_DATE]))


def _start(item: Dataset) -> tuple[list[Any], ...]:
    step = steps_of(item)[0]
    return (
        values_in(step, BY_NAME[START_DATE]),
        values_in(step, BY_NAME[START_TIME]),
        values_in(item, BY_NAME[STUDY_UID]),
    )
