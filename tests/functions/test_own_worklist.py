"""The worklist that the service keeps: what a search costs does not grow with what is stored, and nothing is missed."""

import gzip
import json
import os
import random
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from bench.ledger import Meter
from dicom_service.errors import NotFound
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import Dataset, dataset_of, keywords_of
from dicom_service.worklist.scheduling import reschedule
from dicom_service.worklist.search import date_range, workitems
from dicom_service.worklist.table import TableWorklist
from dicom_service.worklist.table_rows import DAY_SECONDS, RETENTION_DAYS
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke

START = 1_790_000_000.0
DAYS = [f"203001{day:02}" for day in range(1, 29)]
MODALITIES = ["CT", "MR", "US"]
STATIONS = ["CT1", "CT2", "MR1"]


class Unordered(TableWorklist):
    """The same rows, read whole: what the answer would be without any index."""

    in_order = False

    def items(self, search: WorkitemSearch) -> Iterator[Dataset]:
        return super().items(WorkitemSearch())


@pytest.fixture
def worklist(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> TableWorklist:
    monkeypatch.setenv("WORKLIST_BACKEND", "dynamodb")
    return TableWorklist(lambda: START)


def add(worklist: TableWorklist, uid: str, **values: Any) -> None:
    worklist.create(uid, dataset_of({**EXAMPLE, "StudyInstanceUID": uid, **values}), fresh=True)


def fill(worklist: TableWorklist, count: int, first: int = 0) -> None:
    chance = random.Random(first)
    for number in range(first, first + count):
        add(
            worklist,
            f"1.2.{number}",
            PatientID=f"P{number % 40}",
            AccessionNumber=f"A{number}",
            Modality=chance.choice(MODALITIES),
            ScheduledStationAETitle=chance.choice([["CT1"], ["CT2"], ["MR1"], ["CT1", "MR1"]]),
            ScheduledProcedureStepStartDate=chance.choice(DAYS),
            ScheduledProcedureStepStartTime=f"{chance.randrange(24):02}{chance.randrange(60):02}",
        )


def uids(worklist: TableWorklist, search: WorkitemSearch) -> list[str]:
    return [str(keywords_of(item)["StudyInstanceUID"]) for item in workitems(worklist, search)]


EQUAL: list[dict[str, str]] = [
    {},
    {"PatientID": "P7"},
    {"AccessionNumber": "A11"},
    {"Modality": "MR"},
    {"ScheduledStationAETitle": "CT1"},
    {"ScheduledStationAETitle": "MR1", "Modality": "CT"},
    {"PatientID": "P7", "Modality": "CT"},
    {"StudyInstanceUID": "1.2.9"},
    {"StudyInstanceUID": "1.2.9", "PatientID": "P7"},
]


@pytest.mark.parametrize("dates", ["", "20300103", "20300103-20300109", "20300120-", "-20300105", "20291201-20300301"])
@pytest.mark.parametrize(("offset", "limit"), [(0, None), (0, 7), (5, 11), (3, None)])
def test_every_search_finds_what_looking_at_everything_finds(
    aws: Aws, dates: str, offset: int, limit: int | None
) -> None:
    indexed, whole = TableWorklist(lambda: START), Unordered(lambda: START)
    fill(indexed, 120)
    for equal in EQUAL:
        search = WorkitemSearch(equal, date_range(dates) if dates else None, offset, limit)
        assert uids(indexed, search) == uids(whole, search), equal


SEARCHES = [
    WorkitemSearch({"Modality": "MR"}, date_range("20300103")),
    WorkitemSearch({"ScheduledStationAETitle": "CT2"}, date_range("20300103")),
    WorkitemSearch({"AccessionNumber": "A11"}),
    WorkitemSearch({"PatientID": "P7"}),
    WorkitemSearch({"StudyInstanceUID": "1.2.9"}),
    WorkitemSearch(limit=10),
    WorkitemSearch(limit=10, start_dates=date_range("20300103-")),
]


def test_a_search_reads_the_same_of_a_hundred_and_of_thousands(worklist: TableWorklist) -> None:
    """The further items are of other days, patients, stations and modalities: nothing of them is asked for."""
    fill(worklist, 100)
    day = {"ScheduledProcedureStepStartDate": "20300103"}
    add(worklist, "1.2.500", Modality="MR", ScheduledStationAETitle=["CT2"], **day)
    few = costs(worklist)
    for number in range(1000, 3000):
        other = {"PatientID": f"Q{number}", "AccessionNumber": f"B{number}"}
        add(worklist, f"1.2.{number}", ScheduledProcedureStepStartDate="20310101", **other)
    assert costs(worklist) == few
    assert max(few) <= 20


def costs(worklist: TableWorklist) -> list[float]:
    """Read units of each search."""
    meter, units = Meter(), list[float]()
    for search in SEARCHES:
        with meter.counting() as ledger:
            found = workitems(worklist, search)
        assert found, search
        assert "Scan" not in ledger.calls
        units.append(ledger.read_units)
    return units


def test_the_parts_of_a_list_make_the_whole(worklist: TableWorklist, invoke: Invoke) -> None:
    fill(worklist, 25)
    path, query, found = "/workitems", "limit=7&Modality=CT", list[str]()
    while path:
        answer = invoke("list_workitems", "GET", path, query)
        found += [item["0020000D"]["Value"][0] for item in json.loads(answer["body"])]
        link = answer["headers"].get("Link", "")
        assert not link or link.endswith('>; rel="next"')
        path, _, query = link[1 : link.find(">")].partition("?") if link else ("", "", "")
    assert found == uids(worklist, WorkitemSearch({"Modality": "CT"}))
    assert len(found) > 7


@pytest.mark.parametrize("backend", ["dynamodb", "pacs"])
@pytest.mark.parametrize(
    ("query", "count"), [(f"limit={10**30}", 3), (f"offset={10**30}", 0), (f"limit=1&offset={10**30}", 0)]
)
def test_a_part_may_be_of_any_size(
    worklist: TableWorklist,
    pacs: EmbeddedPacs,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    query: str,
    count: int,
) -> None:
    monkeypatch.setenv("WORKLIST_BACKEND", backend)
    for number in range(3):
        body = {**EXAMPLE, "StudyInstanceUID": f"1.2.{number}"}
        assert invoke("create_workitem", "POST", "/workitems", body=body)["statusCode"] == 200
    answer = invoke("list_workitems", "GET", "/workitems", query)
    assert (answer["statusCode"], len(json.loads(answer["body"]))) == (200, count)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_answer_of_any_size_is_whole(worklist: TableWorklist, invoke: Invoke, encoding: str) -> None:
    """Text that does not shrink, so that the gzipped answer is above the platform's limit too."""
    chance = random.Random(1)
    for number in range(60):
        comments = {"vr": "LT", "Value": [_noise(chance, 50_000)]}
        dataset = dataset_of({**EXAMPLE, "StudyInstanceUID": f"1.2.{number}"}) | {"00104000": comments}
        worklist.create(f"1.2.{number}", dataset, fresh=True)
    answer = invoke("list_workitems", "GET", "/workitems", headers={"Accept-Encoding": encoding})
    assert answer["statusCode"] == 303
    assert answer["headers"]["Cache-Control"] == "private, no-store"
    with urllib.request.urlopen(answer["headers"]["Location"]) as fetched:
        content, headers = fetched.read(), fetched.headers
    assert headers.get("Content-Encoding", "") == encoding
    items = json.loads(gzip.decompress(content) if encoding else content)
    assert headers["Content-Type"] == "application/json"
    assert [item["0020000D"]["Value"][0] for item in items] == uids(worklist, WorkitemSearch())


def _noise(chance: random.Random, length: int) -> str:
    return "".join(chr(chance.randrange(0x4E00, 0x9F00)) for _ in range(length))


def test_without_a_limit_too_many_are_refused_and_the_field_is_named(
    worklist: TableWorklist, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_service.worklist.search.MOST_TOGETHER", 10)
    fill(worklist, 11)
    answer = invoke("list_workitems", "GET", "/workitems")
    assert answer["statusCode"] == 400
    assert [each["field"] for each in json.loads(answer["body"])["errors"]] == ["limit"]
    assert invoke("list_workitems", "GET", "/workitems", "limit=11")["statusCode"] == 200


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELED"])
def test_an_ended_workitem_leaves_when_its_retention_is_over(worklist: TableWorklist, aws: Aws, status: str) -> None:
    add(worklist, "1.2.3")
    add(worklist, "1.2.4")
    reschedule(worklist, "1.2.3", {"status": status})
    [row] = [row for row in _rows(aws) if row["studyInstanceUid"]["S"] == "1.2.3"]
    ends = int(START) + RETENTION_DAYS * DAY_SECONDS
    assert row["expiresAt"] == {"N": str(ends)}
    assert uids(TableWorklist(lambda: ends - 1.0), WorkitemSearch()) == ["1.2.3", "1.2.4"]
    later = TableWorklist(lambda: ends + 1.0)
    assert uids(later, WorkitemSearch()) == ["1.2.4"]
    assert uids(later, WorkitemSearch.of_study("1.2.3")) == []
    with pytest.raises(NotFound):
        later.delete("1.2.3")
    later.create("1.2.3", dataset_of({**EXAMPLE, "StudyInstanceUID": "1.2.3"}), fresh=False)
    assert uids(later, WorkitemSearch.of_study("1.2.3")) == ["1.2.3"]


def test_what_is_kept_for_ever_has_no_end(worklist: TableWorklist, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKITEM_RETENTION_DAYS", "0")
    add(worklist, "1.2.3")
    reschedule(worklist, "1.2.3", {"status": "COMPLETED"})
    [row] = _rows(aws)
    assert "expiresAt" not in row


def test_a_workitem_is_found_by_what_it_was_changed_to(worklist: TableWorklist) -> None:
    add(worklist, "1.2.3", Modality="CT", ScheduledProcedureStepStartDate="20300103")
    reschedule(worklist, "1.2.3", {"Modality": "MR", "ScheduledProcedureStepStartDate": "20300104"})
    assert uids(worklist, WorkitemSearch({"Modality": "CT"}, date_range("20300103"))) == []
    assert uids(worklist, WorkitemSearch({"Modality": "MR"}, date_range("20300104"))) == ["1.2.3"]


def _rows(aws: Aws) -> list[Any]:
    rows: list[Any] = aws.client("dynamodb").scan(TableName=os.environ["WORKLIST_TABLE"])["Items"]
    return rows
