"""The three functions of the worklist before a scripted PACS: what it is asked, and what its faults become."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import dataset_of
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.logs import rendered
from tests.scripted import Answer, Asked, ScriptedPacs

EVENTS = Path(__file__).parents[2] / "events"
UID = "1.2.752.24.5.2584605181.20150129083013.816906"
BODY = {**EXAMPLE, "StudyInstanceUID": UID}
PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"})


def at(monkeypatch: pytest.MonkeyPatch, pacs: ScriptedPacs) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", "raw-key")


def items(*datasets: Any) -> Answer:
    return Answer(200, json.dumps(datasets).encode(), {"Content-Type": "application/dicom+json"})


def creating(answer: Answer) -> ScriptedPacs:
    """A PACS with an empty worklist that answers creations so."""
    return ScriptedPacs(by=lambda asked: answer if asked.method == "POST" else items())


def post(invoke: Invoke, **values: Any) -> tuple[int, Any]:
    answer = invoke("create_workitem", "POST", "/workitems", body={**EXAMPLE, **values})
    return answer["statusCode"], json.loads(answer["body"])


def get(invoke: Invoke, query: str = "") -> tuple[int, Any]:
    answer = invoke("list_workitems", "GET", "/workitems", query)
    return answer["statusCode"], json.loads(answer["body"])


def delete(invoke: Invoke) -> int:
    status: int = invoke("delete_workitem", "DELETE", f"/workitems/{UID}")["statusCode"]
    return status


def run(name: str) -> dict[str, Any]:
    event = json.loads((EVENTS / f"{name}.json").read_text())
    answer: dict[str, Any] = importlib.import_module(f"functions.{name}.app").lambda_handler(event, context_for(name))
    return answer


def test_the_sample_events(aws: Aws, pacs: EmbeddedPacs) -> None:
    created, listed, deleted = run("create_workitem"), run("list_workitems"), run("delete_workitem")
    assert [answer["statusCode"] for answer in (created, listed, deleted)] == [200, 200, 204]
    uid = json.loads(created["body"])["StudyInstanceUID"]
    assert [item["0020000D"]["Value"] for item in json.loads(listed["body"])] == [[uid]]
    assert not deleted["body"]


def test_what_the_pacs_is_sent(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with creating(Answer(201)) as pacs:
        at(monkeypatch, pacs)
        status, identifiers = post(invoke, PatientSex="F")
    assert status == 200
    [asked] = pacs.asked
    assert (asked.method, asked.path) == ("POST", "/o3-dpacs-wado/mwl/create")
    assert asked.headers["Authorization"] == "raw-key"
    assert asked.headers["Content-Type"] == "application/dicom+json"
    assert json.loads(asked.body) == dataset_of({**EXAMPLE, "PatientSex": "F", **identifiers})


def test_the_three_paths_are_configurable(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_WORKITEM_CREATION_ENDPOINT", "/w/new")
    monkeypatch.setenv("PACS_WORKITEM_RETRIEVAL_ENDPOINT", "w/all")
    monkeypatch.setenv("PACS_WORKITEM_DELETION_ENDPOINT", "/w/{studyInstanceUID}/gone/")
    with creating(Answer(200)) as pacs:
        at(monkeypatch, pacs)
        assert (post(invoke, StudyInstanceUID=UID)[0], delete(invoke)) == (200, 204)
    assert [(asked.method, asked.path) for asked in pacs.asked] == [
        ("GET", "/w/all"),
        ("POST", "/w/new"),
        ("GET", "/w/all"),
        ("DELETE", f"/w/{UID}/gone"),
    ]


def test_an_item_that_the_pacs_has_from_elsewhere_is_a_conflict(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedPacs(items(dataset_of({**BODY, "PatientID": "P2"}))) as pacs:
        at(monkeypatch, pacs)
        assert post(invoke, StudyInstanceUID=UID)[0] == 409
    assert [asked.method for asked in pacs.asked] == ["GET"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(401), 401),
        (Answer(403), 401),
        (Answer(409), 409),
        (Answer(400, b"no"), 502),
        (Answer(404), 502),
        (Answer(422), 502),
        (Answer(302, headers={"Location": "/login"}), 502),
    ],
)
def test_after_a_refusal_the_study_is_free(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int
) -> None:
    with monkeypatch.context() as patch, creating(answer) as refusing:
        at(patch, refusing)
        assert post(invoke, StudyInstanceUID=UID)[0] == status
    assert post(invoke, StudyInstanceUID=UID)[0] == 200


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(reset=True), PAGE])
def test_after_a_fault_that_leaves_it_open_the_study_stays_claimed(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    with monkeypatch.context() as patch, creating(answer) as failing:
        at(patch, failing)
        status, problem = post(invoke, StudyInstanceUID=UID)
        assert status == 502
        assert "may have been created" in problem["detail"]
    assert [asked.method for asked in failing.asked] == ["GET", "POST"]
    status, problem = post(invoke, StudyInstanceUID=UID)
    assert status == 409
    assert "try again in 60 seconds" in problem["detail"]


@pytest.mark.parametrize("answer", [Answer(500), Answer(401), Answer(404), PAGE])
def test_where_the_worklist_cannot_be_asked_nothing_is_created_and_the_study_is_free(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    with monkeypatch.context() as patch, ScriptedPacs(answer) as failing:
        at(patch, failing)
        assert post(invoke, StudyInstanceUID=UID)[0] == (401 if answer.status == 401 else 502)
    assert {asked.method for asked in failing.asked} == {"GET"}
    assert post(invoke, StudyInstanceUID=UID)[0] == 200


def test_a_pacs_that_is_down(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")
    assert post(invoke)[0] == post(invoke, StudyInstanceUID=UID)[0] == get(invoke)[0] == delete(invoke) == 502


@pytest.mark.parametrize("backend", ["pacs", "dynamodb"])
def test_tables_that_cannot_be_reached(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("WORKLIST_BACKEND", backend)
    monkeypatch.setenv("WORKITEMS_TABLE", "no-such-table")
    monkeypatch.setenv("WORKLIST_TABLE", "no-such-table")
    assert post(invoke, StudyInstanceUID=UID)[0] == delete(invoke) == 503


def test_a_pacs_without_a_worklist_is_a_fault_of_the_configuration(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    status, problem = post(invoke)
    assert status == 500
    assert "WORKLIST_BACKEND" in problem["detail"]


EVERY_FILTER = (
    "patientID=P1&StudyInstanceUID=1.2.3&AccessionNumber=A1&Modality=CT&ScheduledStationAETitle=CT1"
    "&ScheduledProcedureStepStartDate="
)
STEP = "ScheduledProcedureStepSequence"
OF_ORDER = {"PatientID": "P1", "StudyInstanceUID": "1.2.3"}


@pytest.mark.parametrize(
    ("dialect", "dates", "passed_on"),
    [
        ("o3", "20300101", {"patientID": "P1", "StudyInstanceUID": "1.2.3"}),
        (
            "dcm4chee",
            "20300101",
            OF_ORDER
            | {
                "AccessionNumber": "A1",
                f"{STEP}.Modality": "CT",
                f"{STEP}.ScheduledProcedureStepStartDate": "20300101",
            },
        ),
        ("dcm4chee", "20300101-20300131", {f"{STEP}.ScheduledProcedureStepStartDate": "20300101-20300131"}),
        ("dcm4chee", "20300101-", {f"{STEP}.ScheduledProcedureStepStartDate": "20300101-"}),
        ("dcm4chee", "-20300131", {f"{STEP}.ScheduledProcedureStepStartDate": "-20300131"}),
        (
            "azure",
            "20300101",
            OF_ORDER
            | {
                "ReferencedRequestSequence.AccessionNumber": "A1",
                "ScheduledStationClassCodeSequence.CodeValue": "CT",
                "ScheduledProcedureStepStartDateTime": "20291231000000-20300102235959.999999",
            },
        ),
        ("azure", "20300101-", {"ScheduledProcedureStepStartDateTime": "20291231000000-99981231235959.999999"}),
        ("azure", "-20300131", {"ScheduledProcedureStepStartDateTime": "10000101000000-20300201235959.999999"}),
        ("azure", "-00010101", {"ScheduledProcedureStepStartDateTime": "10000101000000-10000103235959.999999"}),
    ],
)
def test_filters_that_the_pacs_knows_are_passed_on(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, dialect: str, dates: str, passed_on: dict[str, str]
) -> None:
    monkeypatch.setenv("PACS_DIALECT", dialect)
    with ScriptedPacs(Answer(204)) as pacs:
        at(monkeypatch, pacs)
        assert get(invoke, EVERY_FILTER + dates) == (200, [])
    [asked] = pacs.asked
    query = {name: values[0] for name, values in asked.query.items()}
    assert query.items() >= passed_on.items()
    assert not [name for name in query if "Station" in name and "AETitle" in name]


def test_an_item_of_several_stations_is_found_by_each_of_them(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = dataset_of({**BODY, "ScheduledStationAETitle": ["CT1", "CT2"]})
    monkeypatch.setenv("PACS_DIALECT", "dcm4chee")
    with ScriptedPacs(items(several), items(several)) as pacs:
        at(monkeypatch, pacs)
        for station in ("CT1", "CT2"):
            assert [item["0020000D"]["Value"] for item in get(invoke, f"ScheduledStationAETitle={station}")[1]] == [
                [UID]
            ]


@pytest.mark.parametrize("answer", [Answer(204), Answer(200), Answer(200, b"[]"), Answer(200, b" \n")])
def test_nothing_found_is_an_empty_array(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    with ScriptedPacs(answer) as pacs:
        at(monkeypatch, pacs)
        assert get(invoke, "patientID=P1") == (200, [])
    assert [asked.query["patientID"] for asked in pacs.asked] == [["P1"]]


def test_a_pacs_that_ignores_the_patient_shows_nobody_elses_workitems(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    nameless = dataset_of({**BODY, "StudyInstanceUID": "1.9"})
    del nameless["00100020"]
    others = [
        dataset_of({**BODY, "StudyInstanceUID": uid, "PatientID": patient})
        for uid, patient in (("1.1", "P1"), ("1.2", "P2"), ("1.3", "p1"), ("1.4", "P1 X"))
    ]
    with ScriptedPacs(items(*others, nameless)) as pacs:
        at(monkeypatch, pacs)
        _, found = get(invoke, "patientID=P1&format=simple")
    assert [workitem["StudyInstanceUID"] for workitem in found] == ["1.1"]


@pytest.mark.parametrize("pages", ["in full pages", "with a warning"])
def test_every_page_of_the_pacs_is_read(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, pages: str) -> None:
    size = 100 if pages == "in full pages" else 30
    all_items = [dataset_of({**BODY, "StudyInstanceUID": f"1.{number}"}) for number in range(250)]

    def page(asked: Asked) -> Answer:
        start = int(asked.query["offset"][0])
        answer = items(*all_items[start : start + size])
        if size < 100 and start + size < 250:
            answer.headers["Warning"] = '299 pacs "There are additional results that can be requested"'
        return answer

    with ScriptedPacs(by=page) as pacs:
        at(monkeypatch, pacs)
        assert len(get(invoke)[1]) == 250


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(401), 401),
        (Answer(404), 502),
        (Answer(500), 502),
        (PAGE, 502),
        (Answer(200, b'["text"]'), 502),
        (Answer(200, b'[{"00100020": '), 502),
        (Answer(200, b"[{}]", cut=2), 502),
    ],
)
def test_faults_while_listing(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int
) -> None:
    with ScriptedPacs(answer) as pacs:
        at(monkeypatch, pacs)
        assert get(invoke)[0] == status


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200), 204),
        (Answer(200, b"{}"), 204),
        (Answer(202), 204),
        (Answer(204), 204),
        (Answer(404), 404),
        (Answer(401), 401),
        (Answer(500), 502),
        (PAGE, 502),
        (Answer(reset=True), 502),
    ],
)
def test_answers_to_a_deletion(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int
) -> None:
    with ScriptedPacs(answer) as pacs:
        at(monkeypatch, pacs)
        assert delete(invoke) == status
    changes = [(asked.method, asked.path) for asked in pacs.asked if asked.method != "GET"]  # whose it is, is looked up
    assert changes == [("DELETE", f"/o3-dpacs-wado/mwl/delete/{UID}")]


def test_no_patient_reaches_the_log(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert post(invoke, StudyInstanceUID=UID)[0] == 200
    assert post(invoke, StudyInstanceUID=UID)[0] == 409
    assert post(invoke, PatientBirthDate="ROSSI", ROSSI="MARIO")[0] == 400
    assert get(invoke, f"patientID={EXAMPLE['PatientID']}")[0] == 200
    with creating(Answer(400, json.dumps(BODY).encode())) as refusing:
        at(monkeypatch, refusing)
        status, problem = post(invoke, StudyInstanceUID="1.2.3")
    assert status == 502
    written = rendered(caplog) + json.dumps(problem)
    assert "POST /workitems" in written
    assert not [secret for secret in ("ROSSI", "MARIO", EXAMPLE["PatientID"], UID, "raw-key") if str(secret) in written]
