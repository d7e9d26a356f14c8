"""Filters, order and pages of a worklist, whatever the worklist itself can do."""

from typing import Any, ClassVar

import pytest

from dicom_service.worklist.asked import DateRange, WorkitemSearch
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import Dataset, dataset_of, keywords_of
from dicom_service.worklist.search import date_range, workitems


class Everything:
    """A worklist that ignores what it is asked for, as a PACS may."""

    in_order: ClassVar = False

    def __init__(self, *items: Dataset) -> None:
        self._items = list(items)

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:
        raise NotImplementedError

    def items(self, search: WorkitemSearch) -> list[Dataset]:
        return self._items

    def delete(self, study_uid: str) -> None:
        raise NotImplementedError


def item(uid: str, **values: Any) -> Dataset:
    return dataset_of({**EXAMPLE, "StudyInstanceUID": uid, **values})


WORKLIST = Everything(
    item("1.4", PatientID="P2", ScheduledProcedureStepStartDate="20300103"),
    item("1.1", PatientID="P1", Modality="MR", ScheduledProcedureStepStartDate="20300101", AccessionNumber="A1"),
    item("1.3", PatientID="P1", ScheduledStationAETitle=["CT1", "CT2"], ScheduledProcedureStepStartDate="20300102"),
    item("1.2", PatientID="P1", ScheduledProcedureStepStartTime="08", ScheduledProcedureStepStartDate="20300102"),
)


def found(search: WorkitemSearch, worklist: Everything = WORKLIST) -> list[Any]:
    return [keywords_of(dataset)["StudyInstanceUID"] for dataset in workitems(worklist, search)]


@pytest.mark.parametrize(
    ("equal", "uids"),
    [
        ({}, ["1.1", "1.2", "1.3", "1.4"]),
        ({"PatientID": "P1"}, ["1.1", "1.2", "1.3"]),
        ({"PatientID": "p1"}, []),
        ({"PatientID": "P"}, []),
        ({"StudyInstanceUID": "1.4"}, ["1.4"]),
        ({"StudyInstanceUID": "1.4", "PatientID": "P1"}, []),
        ({"AccessionNumber": "A1"}, ["1.1"]),
        ({"Modality": "MR"}, ["1.1"]),
        ({"ScheduledStationAETitle": "CT2"}, ["1.3"]),
        ({"ScheduledStationAETitle": "CT2", "Modality": "MR"}, []),
    ],
)
def test_filters_and_order(equal: dict[str, str], uids: list[str]) -> None:
    assert found(WorkitemSearch(equal)) == uids


@pytest.mark.parametrize(
    ("dates", "uids"),
    [
        ("20300102", ["1.2", "1.3"]),
        ("20300101-20300102", ["1.1", "1.2", "1.3"]),
        ("20300102-", ["1.2", "1.3", "1.4"]),
        ("-20300102", ["1.1", "1.2", "1.3"]),
        ("20310101-", []),
    ],
)
def test_start_dates(dates: str, uids: list[str]) -> None:
    assert found(WorkitemSearch(start_dates=date_range(dates))) == uids


@pytest.mark.parametrize(
    ("offset", "limit", "uids"),
    [(0, 2, ["1.1", "1.2"]), (2, 2, ["1.3", "1.4"]), (3, 2, ["1.4"]), (9, 2, []), (1, None, ["1.2", "1.3", "1.4"])],
)
def test_pages(offset: int, limit: int | None, uids: list[str]) -> None:
    assert found(WorkitemSearch(offset=offset, limit=limit)) == uids


def test_filters_of_the_step_hold_for_one_and_the_same_step() -> None:
    two = item("1.1", Modality="CT", ScheduledProcedureStepStartDate="20300101")
    two["00400100"]["Value"] += item("1.1", Modality="MR", ScheduledProcedureStepStartDate="20300202")["00400100"][
        "Value"
    ]
    of_mr, day = {"Modality": "MR"}, DateRange("20300101", "20300101")
    assert found(WorkitemSearch(of_mr), Everything(two)) == ["1.1"]
    assert found(WorkitemSearch(start_dates=day), Everything(two)) == ["1.1"]
    assert found(WorkitemSearch(of_mr, day), Everything(two)) == []


def test_an_item_without_a_date_is_found_but_not_by_date() -> None:
    dateless = Everything({"0020000D": {"vr": "UI", "Value": ["1.1"]}})
    assert found(WorkitemSearch(), dateless) == ["1.1"]
    assert found(WorkitemSearch(start_dates=date_range("-20991231")), dateless) == []


@pytest.mark.parametrize(
    "text", ["", "-", "2030", "20300230", "20300101-x", "20300101-20300102-20300103", "20300102-20300101", "*", "\\"]
)
def test_what_is_no_range_of_dates(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        date_range(text)
