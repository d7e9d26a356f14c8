"""A workitem that the service keeps is COMPLETED when its exam arrives."""

import json
from pathlib import Path
from typing import Any

import pytest

from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import store_event
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import keywords_of
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.scheduling import reschedule, schedule
from functions.complete_workitem.app import lambda_handler
from local.aws import Aws
from local.context import context_for

DONE: dict[str, Any] = {"batchItemFailures": []}
SAMPLE = json.loads(Path("events/complete_workitem.json").read_text())
EXAM = json.loads(SAMPLE["Records"][0]["body"])["pacsEvent"]


@pytest.fixture(autouse=True)
def kept_here(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKLIST_BACKEND", "dynamodb")


def scheduled(**values: str) -> str:
    return schedule(worklist(), EXAMPLE | values)["StudyInstanceUID"]


def arrives(**values: Any) -> dict[str, Any]:
    body = json.loads(SAMPLE["Records"][0]["body"])
    body["pacsEvent"] = EXAM | values
    event = json.loads(json.dumps(SAMPLE))
    event["Records"][0]["body"] = json.dumps(body)
    return lambda_handler(event, context_for("CompleteWorkitem"))


def status(study_uid: str) -> str:
    [item] = worklist().items(WorkitemSearch.of_study(study_uid))
    return str(keywords_of(normal_form(item)).get("status", "SCHEDULED"))


def test_the_workitem_of_the_study_is_completed_and_stays_so() -> None:
    own, other = scheduled(StudyInstanceUID=EXAM["StudyInstanceUID"], AccessionNumber="A1"), scheduled()
    for _ in range(2):
        assert arrives() == DONE
        assert (status(own), status(other)) == ("COMPLETED", "SCHEDULED")


def test_an_exam_under_another_study_uid_is_known_by_its_accession_number_and_patient() -> None:
    own = scheduled(AccessionNumber=EXAM["AccessionNumber"], PatientID=EXAM["PatientID"])
    strangers = scheduled(AccessionNumber=EXAM["AccessionNumber"], PatientID="SOMEONE-ELSE")
    assert arrives() == DONE
    assert (status(own), status(strangers)) == ("COMPLETED", "SCHEDULED")


@pytest.mark.parametrize("missing", ["AccessionNumber", "PatientID"])
@pytest.mark.parametrize("nothing", [None, "", 5])
def test_an_exam_that_is_not_known_completes_nothing(missing: str, nothing: Any) -> None:
    own = scheduled(AccessionNumber=EXAM["AccessionNumber"], PatientID=EXAM["PatientID"])
    assert arrives(**{missing: nothing}) == DONE
    assert status(own) == "SCHEDULED"


def test_what_was_canceled_stays_canceled() -> None:
    own = scheduled(StudyInstanceUID=EXAM["StudyInstanceUID"])
    reschedule(worklist(), own, {"status": "CANCELED"})
    assert arrives() == DONE
    assert status(own) == "CANCELED"


def test_an_event_too_large_for_a_message_is_looked_up() -> None:
    own = scheduled(StudyInstanceUID=EXAM["StudyInstanceUID"])
    payload = json.dumps(EXAM | {"Report": "x" * 300_000}).encode()
    event_id = store_event(payload, announcement(json.loads(payload)))
    event = json.loads(json.dumps(SAMPLE))
    event["Records"][0]["body"] = json.dumps({"eventId": event_id, "receivedAt": "2026-01-15T09:30:00.000Z"})
    assert lambda_handler(event, context_for("CompleteWorkitem")) == DONE
    assert status(own) == "COMPLETED"


def test_a_worklist_of_the_pacs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKLIST_BACKEND", "pacs")
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")
    assert arrives() == DONE


def test_a_table_that_cannot_be_reached_keeps_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKLIST_TABLE", "no-such-table")
    failed = [{"itemIdentifier": SAMPLE["Records"][0]["messageId"]}]
    assert arrives() == {"batchItemFailures": failed}
