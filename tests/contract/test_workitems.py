"""What clients of `/workitems` can rely on, whoever keeps the worklist."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dicom_service.errors import Conflict
from dicom_service.uid import is_uid
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.fields import EXAMPLE, FIELDS
from dicom_service.worklist.scheduling import reschedule, schedule
from local.aws import Aws
from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.conftest import PACS_KEY, Body, Invoke, Query

UID = "1.2.752.24.5.2584605181.20150129083013.816906"
IDENTIFIERS = {"StudyInstanceUID", "ScheduledProcedureStepID", "RequestedProcedureID", "AccessionNumber"}
WORKLISTS = ("o3", "dcm4chee", "orthanc", "azure")
"""Dialects whose PACS keep a worklist, each of them another protocol."""

SAMPLE_TAGS = (
    "00080005 00080050 00080090 00100010 00100020 00100030 00100040 00102000 001021C0 0020000D 00321032 00321060 "
    "00380010 00380300 00380500 00400100 00401001 00402016 00403001"
)
SAMPLE_STEP_TAGS = "00080060 00400001 00400002 00400003 00400006 00400007 00400009 00400010"


class Workitems:
    """The three endpoints: each call gives the status and the body, parsed where there is one."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    def post(self, body: Body) -> tuple[int, Any]:
        return self._parsed(self._invoke("create_workitem", "POST", "/workitems", body=body))

    def get(self, query: Query = "", accept: str = "application/json") -> tuple[int, Any]:
        return self._parsed(self._invoke("list_workitems", "GET", "/workitems", query, headers={"accept": accept}))

    def patch(self, uid: str, change: Body) -> tuple[int, Any]:
        return self._parsed(self._invoke("update_workitem", "PATCH", f"/workitems/{uid}", body=change))

    def delete(self, uid: str) -> tuple[int, Any]:
        return self._parsed(self._invoke("delete_workitem", "DELETE", f"/workitems/{uid}"))

    def uids(self, query: Query = "") -> list[str]:
        status, found = self.get(query)
        assert status == 200
        return [dataset["0020000D"]["Value"][0] for dataset in found]

    def _parsed(self, answer: dict[str, Any]) -> tuple[int, Any]:
        self.headers = {name.lower(): value for name, value in (answer["headers"] or {}).items()}
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


@pytest.fixture(params=[*WORKLISTS, "dynamodb"])
def workitems(
    aws: Aws, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Workitems]:
    """The endpoints before each worklist that the service speaks, and before its own."""
    if request.param == "dynamodb":
        monkeypatch.setenv("WORKLIST_BACKEND", "dynamodb")
        yield Workitems(invoke)
        return
    settings = PacsSettings(tmp_path, authorization=PACS_KEY, manner=request.param)
    with EmbeddedPacs(settings) as pacs:
        monkeypatch.setenv("PACS_DIALECT", request.param)
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.base_url)
        monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", PACS_KEY)
        yield Workitems(invoke)


@pytest.fixture
def unconfigured_workitems(invoke: Invoke) -> Workitems:
    """With neither a PACS nor a table: what answers 400 here does so before it asks anyone."""
    return Workitems(invoke)


def body(**values: Any) -> dict[str, Any]:
    return {**EXAMPLE, **values}


def wrong(answered: tuple[int, Any]) -> dict[str, str]:
    """The wrong fields that a 400 names."""
    status, problem = answered
    assert status == 400
    assert problem["status"] == 400
    return {error["field"]: error["message"] for error in problem["errors"]}


def test_identifiers_are_answered_and_generated_where_absent(workitems: Workitems) -> None:
    status, identifiers = workitems.post(body())
    assert status == 200
    assert set(identifiers) == IDENTIFIERS
    assert is_uid(identifiers["StudyInstanceUID"])
    assert re.fullmatch("[0-9A-F]{16}", identifiers["ScheduledProcedureStepID"])
    assert re.fullmatch("[0-9A-F]{16}", identifiers["RequestedProcedureID"])
    assert identifiers["AccessionNumber"] == EXAMPLE["AccessionNumber"]
    _, [simple] = workitems.get("format=simple")
    assert simple == body(**identifiers)


def test_identifiers_are_honoured_where_given(workitems: Workitems) -> None:
    given = {"StudyInstanceUID": UID, "ScheduledProcedureStepID": "SPS-1", "RequestedProcedureID": "RP-1"}
    status, identifiers = workitems.post(body(**given))
    assert status == 200
    assert identifiers == given | {"AccessionNumber": EXAMPLE["AccessionNumber"]}


def test_every_field_is_kept(workitems: Workitems) -> None:
    every = {field.name: field.example for field in FIELDS if field.name != "status"}
    assert workitems.post(every)[0] == 200
    assert workitems.get("format=simple") == (200, [every])


def test_simple_is_the_shape_that_creation_takes(workitems: Workitems) -> None:
    workitems.post(
        body(MedicalAlerts=["A", "B"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", PregnancyStatus=4)
    )
    _, [simple] = workitems.get("format=simple")
    assert workitems.delete(simple["StudyInstanceUID"])[0] == 204
    assert workitems.post(simple)[0] == 200
    assert workitems.get("format=simple") == (200, [simple])


def test_a_dataset_has_every_attribute_in_tag_order(workitems: Workitems) -> None:
    workitems.post(body(PatientName="Yamada^Tarou=山田^太郎"))
    _, [dataset] = workitems.get()
    assert set(SAMPLE_TAGS.split()) <= set(dataset)
    assert list(dataset) == sorted(dataset)
    assert dataset["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert dataset["00100010"]["Value"] == [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]
    assert dataset["00380010"] == {"vr": "LO"}
    [step] = dataset["00400100"]["Value"]
    assert set(SAMPLE_STEP_TAGS.split()) == set(step)
    assert list(step) == sorted(step)


def test_dicom_json_is_served_under_the_name_that_the_client_prefers(workitems: Workitems) -> None:
    for accept in ("application/json", "application/dicom+json"):
        workitems.get(accept=accept)
        assert workitems.headers["content-type"] == accept


def test_a_second_workitem_for_a_study_is_a_conflict(workitems: Workitems) -> None:
    assert workitems.post(body(StudyInstanceUID=UID))[0] == 200
    status, problem = workitems.post(body(StudyInstanceUID=UID, PatientID="P2"))
    assert (status, problem["status"], problem["title"]) == (409, 409, "Conflict")
    assert workitems.get("format=simple")[1][0]["PatientID"] == EXAMPLE["PatientID"]


def test_a_deleted_workitem_can_be_created_again_at_once(workitems: Workitems) -> None:
    for _ in range(3):
        assert workitems.post(body(StudyInstanceUID=UID))[0] == 200
        assert workitems.delete(UID) == (204, None)
        assert workitems.uids() == []


def test_deleting_what_is_not_there_is_a_404(workitems: Workitems) -> None:
    status, problem = workitems.delete(UID)
    assert (status, problem["status"]) == (404, 404)


def test_of_twenty_creations_of_one_study_one_wins(workitems: Workitems) -> None:
    def create(number: int) -> bool:
        try:
            schedule(worklist(), body(StudyInstanceUID=UID, PatientID=f"P{number}"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        won = list(threads.map(create, range(20)))
    assert sum(won) == 1
    _, [kept] = workitems.get("format=simple")
    assert kept["PatientID"] == f"P{won.index(True)}"


def test_a_patient_sees_only_the_own_workitems(workitems: Workitems) -> None:
    for uid, patient in (("1.1", "P1"), ("1.2", "P2"), ("1.3", "P1"), ("1.4", "P11")):
        workitems.post(body(StudyInstanceUID=uid, PatientID=patient))
    assert workitems.uids("patientID=P1") == ["1.1", "1.3"]
    assert workitems.uids("PatientId=P1") == workitems.uids("PATIENTID=P1") == ["1.1", "1.3"]
    assert workitems.uids("patientID=nobody") == []
    assert workitems.uids() == ["1.1", "1.2", "1.3", "1.4"]


def test_filters_order_and_pages(workitems: Workitems) -> None:
    days = {"1.1": "20300103", "1.2": "20300101", "1.3": "20300102"}
    for uid, day in days.items():
        workitems.post(body(StudyInstanceUID=uid, ScheduledProcedureStepStartDate=day, AccessionNumber=f"A{uid}"))
    workitems.post(body(StudyInstanceUID="1.4", Modality="MR", ScheduledStationAETitle=["MR1", "MR2"]))
    assert workitems.uids("StudyInstanceUID=1.2") == ["1.2"]
    assert workitems.uids("AccessionNumber=A1.3") == ["1.3"]
    assert workitems.uids("Modality=MR") == workitems.uids("ScheduledStationAETitle=MR2") == ["1.4"]
    assert workitems.uids("ScheduledProcedureStepStartDate=20300101-20300102") == ["1.2", "1.3"]
    assert workitems.uids("ScheduledProcedureStepStartDate=-20300101&Modality=CT") == ["1.2"]
    assert workitems.uids("ScheduledProcedureStepStartDate=20300115-") == ["1.4"]
    assert workitems.uids("limit=2") == ["1.2", "1.3"]
    assert workitems.uids("limit=2&offset=2") == ["1.1", "1.4"]
    assert workitems.uids("offset=4") == []


def test_a_long_worklist_is_not_cut(workitems: Workitems) -> None:
    worklist_of_today = worklist()
    for number in range(130):
        schedule(worklist_of_today, body(PatientID="P1" if number % 2 else "P2"))
    assert len(workitems.uids()) == 130
    assert len(workitems.uids("patientID=P1")) == 65


RESCHEDULED = {
    "ScheduledProcedureStepStartDate": "20300301",
    "ScheduledProcedureStepStartTime": "1415",
    "ScheduledStationAETitle": ["CT1", "CT2"],
    "ScheduledPerformingPhysiciansName": "NERI^PAOLA",
    "ScheduledProcedureStepDescription": "CT abdomen",
}


def test_a_workitem_is_rescheduled_and_keeps_the_rest(workitems: Workitems) -> None:
    _, identifiers = workitems.post(body(StudyInstanceUID=UID, MedicalAlerts=["A", "B"], PatientName="Yamada=山田"))
    workitems.post(body(StudyInstanceUID="1.9"))
    status, answered = workitems.patch(UID, RESCHEDULED)
    assert (status, workitems.headers["content-type"]) == (200, "application/json")
    assert answered == body(**identifiers, MedicalAlerts=["A", "B"], PatientName="Yamada=山田") | RESCHEDULED
    assert workitems.get(f"StudyInstanceUID={UID}&format=simple") == (200, [answered])
    assert workitems.get("StudyInstanceUID=1.9&format=simple")[1][0]["Modality"] == EXAMPLE["Modality"]


def test_a_changed_workitem_is_still_the_only_one_and_can_be_deleted(workitems: Workitems) -> None:
    workitems.post(body(StudyInstanceUID=UID))
    for day in ("20300301", "20300302"):
        assert workitems.patch(UID, {"ScheduledProcedureStepStartDate": day})[0] == 200
    assert workitems.post(body(StudyInstanceUID=UID))[0] == 409
    assert workitems.uids() == [UID]
    assert workitems.delete(UID)[0] == 204
    assert workitems.uids() == []


def test_a_mistake_is_corrected_where_the_worklist_can(workitems: Workitems, request: pytest.FixtureRequest) -> None:
    correction = {"PatientID": "P2", "PatientName": "ROSSI^MARIA", "PatientSex": "F", "MedicalAlerts": "A"}
    workitems.post(body(StudyInstanceUID=UID, MedicalAlerts=["A", "B"]))
    status, answered = workitems.patch(UID, correction)
    if "azure" in request.node.callspec.id:  # no step lets its patient be changed (PS3.4 Table CC.2.5-3)
        assert set(wrong((status, answered))) == set(correction)
        return
    assert status == 200
    assert answered.items() >= correction.items()
    assert workitems.uids("patientID=P2") == [UID]
    assert workitems.uids(f"patientID={EXAMPLE['PatientID']}") == []


def test_what_is_optional_can_be_taken_away(workitems: Workitems) -> None:
    workitems.post(body(StudyInstanceUID=UID, ScheduledStationName="CT ROOM 2"))
    _, answered = workitems.patch(UID, {"ScheduledStationName": ""})
    assert "ScheduledStationName" not in answered
    assert "ScheduledStationName" not in workitems.get("format=simple")[1][0]


@pytest.mark.parametrize("status", ["ARRIVED", "STARTED", "COMPLETED", "CANCELED", "SCHEDULED"])
def test_the_status_is_kept_where_the_worklist_can(
    workitems: Workitems, request: pytest.FixtureRequest, status: str
) -> None:
    workitems.post(body(StudyInstanceUID=UID))
    answered = workitems.patch(UID, {"ScheduledProcedureStepStatus": status})
    if "azure" in request.node.callspec.id and status not in ("SCHEDULED", "CANCELED"):
        assert set(wrong(answered)) == {"status"}
        return
    assert (answered[0], answered[1].get("status", "SCHEDULED")) == (200, status)
    if "azure" in request.node.callspec.id and status == "CANCELED":
        assert workitems.uids() == []
        return
    [listed] = workitems.get("format=simple")[1]
    assert listed.get("status", "SCHEDULED") == status


def test_changing_what_is_not_there_is_a_404(workitems: Workitems) -> None:
    assert workitems.patch(UID, RESCHEDULED)[0] == 404


def test_changes_at_the_same_time_are_made_one_after_the_other_or_refused(workitems: Workitems) -> None:
    workitems.post(body(StudyInstanceUID=UID))
    changes = [{"ScheduledProcedureStepStartDate": "20300301"}, {"ScheduledStationName": "ROOM"}] * 4

    def change(values: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return reschedule(worklist(), UID, values)
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(change, changes))
    made = [values for values, answered in zip(changes, answers, strict=True) if answered]
    [kept] = workitems.get("format=simple")[1]
    assert made
    assert all(kept.items() >= values.items() for values in made)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "body"),
        ({"StudyInstanceUID": "1.2"}, "StudyInstanceUID"),
        ({"PatientID": ""}, "PatientID"),
        ({"PatientID": None}, "PatientID"),
        ({"Modality": "ct"}, "Modality"),
        ({"status": "DONE"}, "status"),
        ({"Status": "STARTED"}, "Status"),
        ({"status": "STARTED", "ScheduledProcedureStepStatus": "STARTED"}, "ScheduledProcedureStepStatus"),
    ],
)
def test_a_wrong_change_is_a_400_that_names_the_field(
    aws: Aws, unconfigured_workitems: Workitems, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], field: str
) -> None:
    monkeypatch.setenv("WORKLIST_BACKEND", "dynamodb")
    assert set(wrong(unconfigured_workitems.patch(UID, change))) == {field}


@pytest.mark.parametrize("uid", ["1..3", "1" * 65, "abc", "1.2.", "*"])
def test_deleting_by_what_is_no_uid_is_a_400(unconfigured_workitems: Workitems, uid: str) -> None:
    assert set(wrong(unconfigured_workitems.delete(uid))) == {"studyInstanceUID"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("patientID=P*", "patientID"),
        ("PatientId=P%3F", "PatientId"),
        ("patientID=", "patientID"),
        ("patientID=P%5CQ", "patientID"),
        ("patientID=P%00", "patientID"),
        (f"patientID={'P' * 65}", "patientID"),
        ("StudyInstanceUID=1..2", "StudyInstanceUID"),
        ("StudyInstanceUID=1.2%0A", "StudyInstanceUID"),
        ("studyinstanceuid=x", "studyinstanceuid"),
        ("Modality=ct", "Modality"),
        ("AccessionNumber=12345678901234567", "AccessionNumber"),
        ("ScheduledStationAETitle=%C3%89", "ScheduledStationAETitle"),
        ("ScheduledProcedureStepStartDate=20300230", "ScheduledProcedureStepStartDate"),
        ("ScheduledProcedureStepStartDate=20300102-20300101", "ScheduledProcedureStepStartDate"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("format=xml", "format"),
        ("Modalitty=CT", "Modalitty"),
    ],
)
def test_a_wrong_query_is_a_400_that_names_it(unconfigured_workitems: Workitems, query: str, field: str) -> None:
    assert set(wrong(unconfigured_workitems.get(query))) == {field}


def test_all_that_is_wrong_in_a_query_is_told_at_once(unconfigured_workitems: Workitems) -> None:
    assert set(wrong(unconfigured_workitems.get("patientid=*&limit=0&format=x&foo=1"))) == {
        "patientid",
        "limit",
        "format",
        "foo",
    }


def test_all_that_is_wrong_in_a_body_is_told_at_once(unconfigured_workitems: Workitems) -> None:
    told = wrong(
        unconfigured_workitems.post({"PatientSex": "X", "PatientBirthDate": "20010229", "patientName": "ROSSI"})
    )
    assert {name for name, message in told.items() if message == "is required"} == set(EXAMPLE)
    assert told["PatientSex"] == "must be M, F or O"
    assert told["PatientBirthDate"] == "must be a date that exists"
    assert told["patientName"] == "is not a known field (did you mean PatientName?)"


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "null", '"text"', "{", "<html>", "[" * 500_000, '{"a":' * 200_000, "\ufeff", "{'a': 1}"]
)
def test_a_body_that_is_no_json_object_is_a_400(unconfigured_workitems: Workitems, text: str) -> None:
    assert set(wrong(unconfigured_workitems.post(text))) == {"body"}
