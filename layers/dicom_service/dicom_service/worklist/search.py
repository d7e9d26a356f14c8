"""Searching a worklist: every filter is applied here, because a PACS may know none of them."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.worklist.asked import EARLIEST, LATEST, DateRange, WorkitemSearch
from dicom_service.worklist.fields import BY_NAME, START_DATE, START_TIME
from dicom_service.worklist.mapper import Dataset, steps_of, values_in
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.protocol import Worklist
from dicom_service.worklist.values import wrong

STUDY_UID = "StudyInstanceUID"

MOST_TOGETHER = 50_000
"""Workitems of an answer to a search without a limit: as many as can be read and written while a request waits."""


@dataclass(frozen=True)
class Found[Shown]:
    """What was found, each as it is to be shown, and whether more of it lies behind."""

    workitems: list[Shown]
    more: bool


def workitems(worklist: Worklist, search: WorkitemSearch) -> list[Dataset]:
    """The workitems in normal form, those that start first before the others."""
    return find_workitems(worklist, search, lambda workitem: workitem).workitems


def find_workitems[Shown](worklist: Worklist, search: WorkitemSearch, show: Callable[[Dataset], Shown]) -> Found[Shown]:
    """The workitems, those that start first before the others, so that a page stays a page.

    Each is shown as soon as it is read, and not kept. Raises InvalidRequest where they are too many for one answer.
    """
    matching = (item for item in map(normal_form, worklist.items(search)) if _matches(item, search))
    found = matching if worklist.in_order else iter(sorted(matching, key=_start))
    rest = islice(found, min(search.offset, sys.maxsize), None)
    wanted = MOST_TOGETHER if search.limit is None else min(search.limit, sys.maxsize)
    page = [show(item) for item in islice(rest, wanted)]
    more = next(rest, None) is not None
    if more and search.limit is None:
        too_many = FieldError("limit", f"must be given, or a filter: more than {MOST_TOGETHER} workitems match")
        raise InvalidRequest("The workitems are too many for one answer", [too_many])
    return Found(page, more)


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
