"""Each function's role against the calls that it makes, both ways, over the story of an exam and what is beside it."""

import fnmatch
import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from local.demo.client import Client
from local.demo.story import tell
from local.environment import Code
from local.stack import LocalStack, Settings
from local.template import Function, of_type
from tests.iam.calls import Call
from tests.iam.recorder import Recorder
from tests.pacs.objects import make_object, uids

ANY = {"sts:GetCallerIdentity"}
JUSTIFIED = {
    "* secretsmanager:GetSecretValue *": "no parameter names a secret here",
    "* dynamodb:* *CircuitsTable": "the PACS does not fail here",
    "* dynamodb:BatchWriteItem *AuditTable": "a request about one patient writes one record",
    "UploadExam dynamodb:PutItem *AuditTable": "a request with one file writes one record",
    "CompleteWorkitem dynamodb:Query */by-accession": "for an exam that came under another Study Instance UID",
    "* dynamodb:* *WorkitemsTable": "claims are made where the PACS keeps the worklist",
    "DeliverExamEvent dynamodb:DeleteItem *DeliveriesTable": "places of workers that never came back",
    "DeliverExamEvent sqs:ChangeMessageVisibility *DeliveriesQueue": "whether a delivery has to wait is chance here",
    "RedeliverExamEvents * *Deliver*": "nothing was given up here",
    "* sqs:SendMessage *DeadLetterQueue": "nothing is given up here",
    "RetrieveExam sqs:SendMessage *DownloadsQueue": "an object that takes longer than a request",
    "ListWorkitems dynamodb:Query */index/by-*": "which index is asked is the search's own affair",
    "* s3:* */answers/*": "no answer is that large here",
    "* s3:AbortMultipartUpload *": "nothing breaks off here",
    "GetArchive s3:GetObject */retrievals/*": "the address is signed with its role, and followed only once",
    "GetUpload s3:PutObject */uploads/*": "addresses to resume are signed with its role",
    "ListDeliveries dynamodb:GetItem *EventsTable": "an event that no subscriber wanted",
    "ListWorkitems dynamodb:GetItem *WorklistTable": "a search by Study Instance UID",
    "StoreUpload s3:ListBucket *": "without it, an object that is not there is forbidden to be looked at",
    "SweepExamEvents *": "everything got out by itself",
}
"""Permissions without a call in this story, as `FUNCTION ACTION RESOURCE`, and what they are for."""

CHANCE = {"DeliverExamEvent sqs:ChangeMessageVisibility *DeliveriesQueue"}
"""Those of them that are used in some runs: deliveries to one subscriber may meet."""


class Recorded(LocalStack):
    """A stack whose functions each have credentials of their own, by which a recorder knows them."""

    recorder: Recorder

    def _code(self, function: Function) -> Code:
        code = super()._code(function)
        own = {"AWS_ACCESS_KEY_ID": function.name, "AWS_ENDPOINT_URL": self._recorder().url}
        return replace(code, variables={**code.variables, **own})

    def _recorder(self) -> Recorder:
        if not hasattr(self, "recorder"):
            self.recorder = self._running.enter_context(Recorder(self.aws.url))
        return self.recorder


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A stack in which everything has happened that can happen without a fault."""
    with Recorded(Settings(auth=True, variables={"WORKLIST_BACKEND": "dynamodb"})) as stack:
        assert isinstance(stack, Recorded)
        tell(Client(stack.url, stack.keys["all"]), tmp_path_factory.mktemp("pictures"))
        beside(stack)
        yield stack


def beside(stack: Recorded) -> None:
    """What the story does not tell of: large uploads, archives, changes of workitems, redelivery, keys, the trail."""
    key = {"Authorization": f"Bearer {stack.keys['all']}"}

    def ask(method: str, path: str, *expected: int, **more: Any) -> requests.Response:
        answer = requests.request(method, stack.url + path, headers=key, timeout=60, allow_redirects=False, **more)
        assert answer.status_code in expected, (method, path, answer.text)
        return answer

    content = make_object(PatientID="P1", Rows=2400, Columns=1600, PixelData=bytes(range(256)) * 30_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.dcm", make_object(PatientID="P1"))
    for file, in_parts in ((content, False), (packed.getvalue(), False), (bytes(101_000_000), True)):
        announced = {"files": [{"name": "f", "size": len(file)}], "multipart": in_parts}
        begun = ask("POST", "/exams/uploads", 201, json=announced).json()
        path = f"/exams/uploads/{begun['uploadId']}"
        if in_parts:
            assert requests.put(begun["files"][0]["parts"][0]["url"], data=file[:33554432], timeout=60).ok
            ask("GET", f"{path}?resume=true", 200)
            continue
        form = begun["files"][0]["upload"]
        assert requests.post(form["url"], data=form["fields"], files={"file": file}, timeout=60).status_code == 204
        while ask("GET", path, 200).json()["files"][0]["state"] != "STORED":
            time.sleep(0.2)
    study, series, instance = uids(content)
    place = f"/exams/studies/{study}/archive?PatientId=P1"
    location = ask("GET", place, 202).headers["Location"]
    while ask("GET", location, 202, 303).status_code == 202:
        time.sleep(0.2)
    assert requests.get(ask("GET", place, 303).headers["Location"], timeout=60).ok
    one = f"/exams/studies/{study}/series/{series}/instance/{instance}?fileType=application/dicom"
    assert requests.get(ask("GET", one, 303).headers["Location"], timeout=60).content == content
    workitem = {
        "PatientID": "P1", "PatientName": "DOE", "ScheduledStationAETitle": "CT1", "AccessionNumber": "A1",
        "ScheduledProcedureStepStartDate": "20300115", "ScheduledProcedureStepStartTime": "101500",
        "ScheduledProcedureStepDescription": "CT", "Modality": "CT",
    }  # fmt: skip
    made = ask("POST", "/workitems", 200, json=workitem).json()["StudyInstanceUID"]
    ask("PATCH", f"/workitems/{made}", 200, json={"status": "ARRIVED"})
    ask("GET", "/workitems", 200)
    requests.post(f"{stack.url}/new-exam-callback", json={"StudyInstanceUID": made}, timeout=60)
    large = {"StudyInstanceUID": made, "PatientID": "P1", "Report": "x" * 400_000}
    requests.post(f"{stack.url}/new-exam-callback", json=large, timeout=60)
    deadline = time.monotonic() + 60
    events: list[Any] = []
    while len(events) < 2 and time.monotonic() < deadline:
        time.sleep(0.3)
        events = ask("GET", f"/exam-events?StudyInstanceUID={made}", 200).json()["events"]
    for event in events:
        ask("GET", f"/exam-events/{event['eventId']}", 200)
        ask("GET", f"/exam-events/{event['eventId']}/deliveries", 200)
        ask("POST", f"/exam-events/{event['eventId']}/redeliver", 202)
    ask("POST", "/exam-events/redeliver", 202)
    ask("GET", f"/exams/studies/{study}/thumbnail", 200)
    ask("GET", "/audit-events", 200)
    ask("GET", "/audit-events?patient=P1", 200)
    ask("GET", "/api-keys", 200)
    stack.invoke("SweepExamEvents", {})
    time.sleep(3)


def permissions(stack: Recorded, function: str) -> set[Call]:
    """What the function's role lets it do; a resource may end in a wildcard."""
    role = stack.resources[f"{function}Role"]["Properties"]
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    managed = [each["Ref"] for each in role["ManagedPolicyArns"] if isinstance(each, dict)]
    documents += [stack.resources[name]["Properties"]["PolicyDocument"] for name in managed]
    return {
        Call(action, resource if isinstance(resource, str) else json.dumps(resource))
        for document in documents
        for statement in document["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(call: Call, permitted: set[Call]) -> bool:
    return any(each.action == call.action and fnmatch.fnmatch(call.resource, each.resource) for each in permitted)


def functions(stack: Recorded) -> list[str]:
    return [name for name, _ in of_type(stack.resources, "AWS::Lambda::Function")]


def test_no_function_makes_a_call_that_its_role_does_not_permit(told: Recorded) -> None:
    refused = {
        (name, call)
        for name in functions(told)
        for call in told.recorder.calls[name]
        if call.action not in ANY and not allowed(call, permissions(told, name))
    }

    assert refused == set()


def test_every_function_that_has_stores_was_seen_to_call_them(told: Recorded) -> None:
    silent = {name for name in functions(told) if permissions(told, name) and not told.recorder.calls[name]}

    assert silent == set()


def test_no_call_was_made_by_anybody_unknown(told: Recorded) -> None:
    assert set(told.recorder.calls) - set(functions(told)) <= {""}


def test_a_permission_without_a_call_is_justified(told: Recorded) -> None:
    unused = {
        f"{name} {each.action} {each.resource}"
        for name in functions(told)
        for each in permissions(told, name)
        if not any(allowed(call, {each}) for call in told.recorder.calls[name])
    }
    needed = {pattern for pattern in JUSTIFIED if any(fnmatch.fnmatch(each, pattern) for each in unused)}

    assert {each for each in unused if not any(fnmatch.fnmatch(each, pattern) for pattern in JUSTIFIED)} == set()
    assert set(JUSTIFIED) - CHANCE == needed - CHANCE, "a reason for what is called by now"
