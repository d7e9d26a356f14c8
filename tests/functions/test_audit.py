"""The audit trail: a record of every deed to a patient's data, kept before the answer leaves."""

import base64
import importlib
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dicom_service.access.caller import Caller, to_context
from dicom_service.access.scopes import ALL_SCOPES
from dicom_service.audit import trail
from dicom_service.audit.record import Agent, AuditRecord, record_id_at
from dicom_service.audit.rows import row_of
from dicom_service.audit.trail import AuditSearch, keep, search
from dicom_service.errors import StoreUnavailable
from dicom_service.http.door import requirements
from local.aws import Aws
from local.context import context_for
from local.http_api import let_in
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.pacs.objects import make_object, uids
from tests.samples import sample, store_sample
from tests.security.balp import check_bundle
from tests.transfers import send_form, store, work, work_downloads

WHO = Caller("anna", "token", frozenset(ALL_SCOPES), issuer="https://issuer.example", name="Anna B")
WORKITEM = {
    "PatientID": "P1",
    "PatientName": "DOE^JANE",
    "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepDescription": "CT",
    "ScheduledProcedureStepStartDate": "20300115",
    "ScheduledProcedureStepStartTime": "101500",
    "Modality": "CT",
    "AccessionNumber": "A1",
}
DICOM = {"Content-Type": "application/dicom"}
NEVER = datetime(2020, 1, 1, tzinfo=UTC)


def kept(patient: str = "") -> list[AuditRecord]:
    """Every record, the earliest first."""
    now = datetime.now(UTC)
    first = NEVER if patient else now - timedelta(minutes=10)
    return search(AuditSearch(first, now + timedelta(minutes=1), patient, 500)).records


def deeds(patient: str = "") -> list[tuple[str, str, int, str, str]]:
    return [(each.action, each.operation, each.status, each.patient, each.study) for each in kept(patient)]


@pytest.fixture
def exam(pacs: EmbeddedPacs) -> tuple[str, str, str]:
    """The UIDs of an object of patient P1 that the PACS holds."""
    content = make_object(PatientID="P1")
    store(pacs, content)
    return uids(content)


def test_it_says_who_did_what_to_whose_data_when_from_where(
    aws: Aws, invoke: Invoke, exam: tuple[str, str, str]
) -> None:
    before = int(time.time() * 1000)
    answer = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"}, caller=WHO)

    (record,) = kept()
    assert answer["statusCode"] == 200
    assert before <= record.recorded_at <= time.time() * 1000
    assert replace(record, recorded_at=0, record_id="", request_id="") == AuditRecord(
        action="query",
        agent=Agent("anna", "Anna B", "https://issuer.example", "127.0.0.1", record.request_id),
        operation="GET /exams/studies",
        status=200,
        patient="P1",
        server="localhost",
        query="GET /exams/studies?PatientId=P1",
        recorded_at=0,
    )
    assert record.request_id


@pytest.mark.parametrize("asked", ["", "?PatientId=P1"])
def test_what_is_shown_of_an_exam_is_recorded_with_its_patient(
    aws: Aws, invoke: Invoke, exam: tuple[str, str, str], asked: str
) -> None:
    study, series, instance = exam
    patient = asked.removeprefix("?")
    below = f"/exams/studies/{study}/series/{series}"
    one = f"{below}/instances/{instance}"
    for file_type in ("application/dicom", "image/jpeg"):
        query = f"fileType={file_type}&{patient}"
        assert invoke("retrieve_exam", path=one, query=query)["statusCode"] == 200
    assert invoke("retrieve_thumbnail", path=f"/exams/studies/{study}/thumbnail", query=patient)["statusCode"] == 200
    assert invoke("retrieve_thumbnail", path=f"{below}/thumbnail", query=patient)["statusCode"] == 200
    token = f"studyUID={study}&{patient.replace('PatientId', 'patientID')}"
    assert invoke("create_viewer_token", path="/token", query=token)["statusCode"] == 200

    found = kept()
    assert {(each.patient, each.study) for each in found} == {("P1", study)}
    assert [each.action for each in found] == ["read", "read", "read", "read", "execute"]
    assert [(each.series, each.instance) for each in found[:4]] == [
        (series, instance),
        (series, instance),
        ("", ""),
        (series, ""),
    ]


def test_searches_below_a_study_are_recorded(aws: Aws, invoke: Invoke, exam: tuple[str, str, str]) -> None:
    study, series, _ = exam
    path = f"/exams/studies/{study}/series"
    invoke("search_series", path=path, query={"PatientId": "P1"})
    invoke("search_instances", path=f"{path}/{series}/instances", query={"PatientId": "P2"})

    assert [(each.action, each.patient, each.study) for each in kept()] == [
        ("query", "P1", study),
        ("query", "P2", study),
    ]


def test_an_attempt_at_another_patients_exam_is_recorded(aws: Aws, invoke: Invoke, exam: tuple[str, str, str]) -> None:
    study = exam[0]
    bound = Caller("mallory", "key", frozenset({"exams:read"}), patient_id="P2")

    answer = invoke("retrieve_thumbnail", path=f"/exams/studies/{study}/thumbnail", caller=bound)
    listed = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"}, caller=bound)

    assert (answer["statusCode"], listed["body"]) == (404, "[]")
    assert [(each.agent.subject, each.status, each.patient) for each in kept()] == [
        ("mallory", 404, "P2"),
        ("mallory", 200, "P1"),
    ]


def test_an_upload_is_recorded_object_by_object(aws: Aws, invoke: Invoke, pacs: EmbeddedPacs) -> None:
    first, second = make_object(PatientID="P1"), make_object(PatientID="P2")
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + content + b"\r\n"
        for content in (first, second)
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert invoke("upload_exam", "POST", "/exams", body=body + b"--x--\r\n", headers=headers)["statusCode"] == 200

    found = kept()
    assert {(each.patient, each.study, each.series, each.instance) for each in found} == {
        ("P1", *uids(first)),
        ("P2", *uids(second)),
    }
    assert {each.action for each in found} == {"create"}


def test_workitems_are_recorded_with_their_patients(aws: Aws, invoke: Invoke, pacs: EmbeddedPacs) -> None:
    study = json.loads(invoke("create_workitem", "POST", "/workitems", body=WORKITEM)["body"])["StudyInstanceUID"]
    invoke("create_workitem", "POST", "/workitems", body={**WORKITEM, "PatientID": "P2"})
    invoke("list_workitems", path="/workitems")
    invoke("list_workitems", path="/workitems", query={"patientID": "P3"})
    bound = Caller("app", "key", frozenset({"workitems:read"}), patient_id="P4")
    invoke("list_workitems", path="/workitems", caller=bound)
    change = {"ScheduledProcedureStepStartDate": "20300116"}
    invoke("update_workitem", "PATCH", f"/workitems/{study}", body=change)
    invoke("delete_workitem", "DELETE", f"/workitems/{study}")
    invoke("delete_workitem", "DELETE", f"/workitems/{study}")

    found = kept()
    assert [(each.action, each.patient, each.status) for each in found if each.action != "query"] == [
        ("create", "P1", 200),
        ("create", "P2", 200),
        ("update", "P1", 200),
        ("delete", "P1", 204),
        ("delete", "", 404),
    ]
    assert [each.patient for each in found if each.action == "query"][2:] == ["P3", "P4"]
    assert {each.patient for each in found if each.action == "query"} == {"P1", "P2", "P3", "P4"}
    assert found[0].accession == "A1"
    assert {each.study for each in found if each.action in ("update", "delete")} == {study}


def test_events_are_recorded_with_their_patients(aws: Aws, invoke: Invoke) -> None:
    event_id = store_sample()

    assert invoke("get_exam_event", path=f"/exam-events/{event_id}")["statusCode"] == 200

    pacs_event = json.loads(sample("receive_exam_event")["body"])
    assert deeds() == [
        ("read", "GET /exam-events/{eventId}", 200, pacs_event["PatientID"], pacs_event["StudyInstanceUID"])
    ]


def test_workers_record_who_asked(aws: Aws, invoke: Invoke, pacs: EmbeddedPacs, exam: tuple[str, str, str]) -> None:
    content = make_object(PatientID="P9")
    body = {"files": [{"name": "a", "size": len(content)}]}
    begun = json.loads(invoke("start_upload", "POST", "/exams/uploads", body=body, caller=WHO)["body"])
    send_form(begun["files"][0]["upload"], content)
    work(aws)
    path = f"/exams/studies/{exam[0]}/archive"
    archive = json.loads(invoke("archive_study", path=path, query={"PatientId": "P1"}, caller=WHO)["body"])
    work_downloads(aws)
    invoke("get_archive", path=f"/exams/archives/{archive['archiveId']}", caller=replace(WHO, subject="ben"))

    found = [(each.agent.subject, each.action, each.operation, each.patient, each.study) for each in kept()]
    study = exam[0]
    assert found == [
        ("anna", "create", "store_upload", "P9", uids(content)[0]),
        ("anna", "read", "GET /exams/studies/{studyUID}/archive", "P1", study),
        ("anna", "read", "prepare_download", "P1", study),
        ("ben", "read", "GET /exams/archives/{archiveId}", "P1", study),
    ]


def test_an_upload_whose_record_cannot_be_kept_is_tried_again(
    aws: Aws, invoke: Invoke, pacs: EmbeddedPacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_object(PatientID="P9")
    begun = json.loads(
        invoke("start_upload", "POST", "/exams/uploads", body={"files": [{"name": "a", "size": len(content)}]})["body"]
    )
    send_form(begun["files"][0]["upload"], content)
    with monkeypatch.context() as broken:
        broken.setenv("AUDIT_TABLE", "gone")
        work(aws)

    path = f"/exams/uploads/{begun['uploadId']}"
    (told,) = json.loads(invoke("get_upload", path=path)["body"])["files"]
    assert told["state"] == "STORING"
    assert "audit record" in told["reason"]


def test_no_answer_leaves_without_its_record(
    aws: Aws, invoke: Invoke, exam: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_TABLE", "gone")

    answer = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})

    assert answer["statusCode"] == 503
    assert exam[0] not in answer["body"]
    assert "audit record" in json.loads(answer["body"])["detail"]


def test_what_could_not_be_read_and_what_failed_without_effect_leaves_none(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")

    assert invoke("search_studies", path="/exams/studies", query={"PatientId": "P*"})["statusCode"] == 400
    assert invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})["statusCode"] == 502
    assert kept() == []


def test_a_change_whose_outcome_is_in_doubt_is_recorded(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")
    content = make_object(PatientID="P1")

    assert invoke("upload_exam", "POST", "/exams", body=content, headers=DICOM)["statusCode"] == 502
    assert deeds() == [("create", "POST /exams", 502, "P1", uids(content)[0])]


def test_every_guarded_route_says_what_it_is_in_the_trail() -> None:
    """Those that say nothing show and change nothing of a patient."""
    silent = set()
    for path in sorted(Path("functions").glob("*/app.py")):
        app = getattr(importlib.import_module(f"functions.{path.parent.name}.app"), "app", None)
        found = requirements(app).items() if app else ()
        silent |= {route for route, requirement in found if not requirement.action and not requirement.is_open}

    assert silent == {
        "GET /-/ready",
        "GET /api-keys",
        "POST /api-keys",
        "DELETE /api-keys/{keyId}",
        "GET /audit-events",
        "GET /exam-events/{eventId}/deliveries",
        "GET /uid",
        "POST /exams/uploads",
    }


def test_functions_may_only_put_records(translated: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for name, resource in translated["Resources"].items():
        properties = resource.get("Properties", {})
        for policy in [*properties.get("Policies", []), properties]:
            for statement in (policy.get("PolicyDocument") or {}).get("Statement", []) if "Ref" not in policy else []:
                if '["AuditTable", "Arn"]' in json.dumps(statement["Resource"]):
                    found.setdefault(str(statement["Action"]), set()).add(name)

    assert found == {
        "['dynamodb:PutItem', 'dynamodb:BatchWriteItem']": {"WriteAudit"},
        "dynamodb:Query": {"ListAuditEventsRole"},
        "dynamodb:DescribeTable": {"CheckHealthRole"},
    }


class TestReading:
    @pytest.fixture
    def week(self, aws: Aws) -> list[AuditRecord]:
        """Fifty records over three days, of two patients."""
        begin = int(datetime(2026, 11, 20, 22, tzinfo=UTC).timestamp() * 1000)
        records = [
            AuditRecord("read", Agent("anna"), "GET /x", 200, f"P{number % 2}", recorded_at=begin + number * 5_000_000)
            for number in range(50)
        ]
        keep(records)
        return records

    def pages(self, asked: AuditSearch) -> list[AuditRecord]:
        found = []
        for _ in range(100):
            page = search(asked)
            found += page.records
            if not page.after:
                return found
            asked = replace(asked, after=page.after)
        raise AssertionError("it never ends")

    @pytest.mark.parametrize("limit", [1, 7, 49, 50, 500])
    @pytest.mark.parametrize("patient", ["", "P1"])
    def test_pages_hold_each_record_once_and_in_order(self, week: list[AuditRecord], patient: str, limit: int) -> None:
        wanted = [each.recorded_at for each in week if not patient or each.patient == patient]
        asked = AuditSearch(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC), patient, limit)

        assert [each.recorded_at for each in self.pages(asked)] == wanted

    @pytest.mark.parametrize("patient", ["", "P1"])
    def test_both_ends_belong_to_the_span(self, week: list[AuditRecord], patient: str) -> None:
        first, last = week[11].recorded_at, week[31].recorded_at
        moments = [datetime.fromtimestamp(each / 1000, UTC) for each in (first, last)]

        found = self.pages(AuditSearch(moments[0], moments[1], patient, 6))

        assert (found[0].recorded_at, found[-1].recorded_at) == (first, last)
        assert len(found) == (11 if patient else 21)

    def test_a_search_that_takes_long_goes_on_with_the_next_page(
        self, week: list[AuditRecord], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trail, "MOST_SECONDS", -1.0)
        page = search(AuditSearch(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)))

        assert (page.records, bool(page.after)) == ([], True)

    def test_many_records_are_kept_together(self, aws: Aws) -> None:
        keep([AuditRecord("query", Agent("anna"), "GET /workitems", 200, f"P{number}") for number in range(60)])

        assert {each.patient for each in kept()} == {f"P{number}" for number in range(60)}

    def test_throttling_that_does_not_end_is_a_fault(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []

        class Throttled:
            def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's
                tried.append(len(next(iter(RequestItems.values()))))
                return {"UnprocessedItems": RequestItems}

        monkeypatch.setattr(trail, "client", lambda _service: Throttled())
        monkeypatch.setattr(trail, "FIRST_PAUSE_SECONDS", 0.0)
        with pytest.raises(StoreUnavailable):
            keep([AuditRecord("query", Agent("anna"), "GET /workitems", 200) for _ in range(2)])
        assert tried == [2] * trail.MOST_TRIES

    def test_a_record_ends_after_its_retention(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUDIT_RETENTION_DAYS", "10")
        record = AuditRecord("read", Agent("anna"), "GET /x", 200, recorded_at=1_000_000, record_id=record_id_at(1))

        assert row_of(record)["expiresAt"] == {"N": str(1000 + 10 * 86400)}

    def test_identifiers_sort_by_time_and_are_uuids(self) -> None:
        import uuid

        identifiers = [record_id_at(number) for number in range(100)]
        assert identifiers == sorted(identifiers)
        assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in identifiers} == {(7, uuid.RFC_4122)}


class TestTheRoute:
    def read(self, invoke: Invoke, query: Any, **more: Any) -> tuple[int, dict[str, Any]]:
        answer = invoke("list_audit_events", path="/audit-events", query=query, **more)
        return answer["statusCode"], json.loads(answer["body"])

    def test_every_kind_of_record_is_an_audit_event_of_its_pattern(
        self, aws: Aws, invoke: Invoke, pacs: EmbeddedPacs, exam: tuple[str, str, str]
    ) -> None:
        study = json.loads(invoke("create_workitem", "POST", "/workitems", body=WORKITEM, caller=WHO)["body"])
        path = f"/workitems/{study['StudyInstanceUID']}"
        change = {"ScheduledProcedureStepStartDate": "20300116"}
        invoke("update_workitem", "PATCH", path, body=change, caller=WHO)
        invoke("list_workitems", path="/workitems", query={"patientID": "P1"}, caller=WHO)
        invoke("list_workitems", path="/workitems", query={"AccessionNumber": "NONE"}, caller=WHO)
        invoke("delete_workitem", "DELETE", path, caller=WHO)
        invoke("delete_workitem", "DELETE", path, caller=WHO)
        invoke("retrieve_thumbnail", path=f"/exams/studies/{exam[0]}/thumbnail", caller=WHO)
        invoke("create_viewer_token", path="/token", query={"studyUID": exam[0]}, caller=WHO)

        status, bundle = self.read(invoke, "")

        events = check_bundle(bundle)
        profiles = [event.get("meta", {}).get("profile", [""])[0].rpartition(".")[2] for event in events]
        assert status == 200
        assert profiles == [
            "PatientCreate", "PatientUpdate", "PatientQuery", "Query", "PatientDelete", "", "PatientRead", "",
        ]  # fmt: skip
        assert [event["outcome"] for event in events] == ["0", "0", "0", "0", "0", "4", "0", "0"]
        query = next(entity["query"] for entity in events[2]["entity"] if "query" in entity)
        assert base64.b64decode(query) == b"GET /workitems?patientID=P1"
        user = events[0]["agent"][2]
        assert user["who"]["identifier"] == {"value": "anna", "system": "https://issuer.example"}
        assert user["name"] == "Anna B"

    def test_pages_are_followed_by_their_links(self, aws: Aws, invoke: Invoke) -> None:
        keep([AuditRecord("read", Agent("anna"), "GET /x", 200, "P1") for _ in range(5)])
        seen: list[str] = []
        query = "patient=P1&limit=2"
        for _ in range(4):
            status, bundle = self.read(invoke, query, base_path="/dicom")
            assert status == 200
            seen += [event["id"] for event in check_bundle(bundle)]
            links = {link["relation"]: link["url"] for link in bundle["link"]}
            if "next" not in links:
                break
            address, _, query = links["next"].partition("?")
            assert address == "/dicom/audit-events"
        assert len(seen) == len(set(seen)) == 5

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("from=2026-02-01&to=2026-01-01", "from"),
            ("from=2026-01-01&to=2026-03-01", "from"),
            ("from=yesterday", "from"),
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("after=1", "after"),
            ("after=", "after"),
            ("patient=P*", "patient"),
            ("user=anna", "user"),
        ],
    )
    def test_a_search_that_cannot_be_is_a_400_that_names_the_field(
        self, aws: Aws, invoke: Invoke, query: str, field: str
    ) -> None:
        status, problem = self.read(invoke, query)

        assert (status, [error["field"] for error in problem["errors"]]) == (400, [field])

    def test_a_cursor_behind_the_end_of_time_leads_nowhere(self, aws: Aws, invoke: Invoke) -> None:
        status, bundle = self.read(invoke, {"after": "ffffffff-ffff-7fff-bfff-ffffffffffff"})

        assert (status, [link["relation"] for link in bundle["link"]]) == (200, ["self"])

    def test_a_span_of_years_is_searched_for_one_patient(self, aws: Aws, invoke: Invoke) -> None:
        status, bundle = self.read(invoke, "patient=P1&from=2020-01-01&to=2026-01-01")

        assert (status, "entry" in bundle) == (200, False)

    def test_it_asks_for_its_scope(self, aws: Aws, invoke: Invoke) -> None:
        event = let_in(
            sample("list_audit_events"), to_context(Caller("anna", "key", frozenset(ALL_SCOPES) - {"audit:read"}))
        )
        handler = importlib.import_module("functions.list_audit_events.app").lambda_handler

        assert handler(event, context_for("ListAuditEvents"))["statusCode"] == 403
        assert os.environ["AUDIT_TABLE"]
