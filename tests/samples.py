"""The samples of events/, each with what must have happened before its function gets it and what must come of it."""

import base64
import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage

from dicom_service.access.keys import ApiKey, minted
from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import store_event
from dicom_service.events.subscribers import subscribers
from dicom_service.exams.downloads.rows import Download, begin, read
from dicom_service.exams.uploads.rows import Outcome, UploadRow, announce, read_upload
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session
from dicom_service.pacs.store import store_instance
from dicom_service.stores import client
from local.aws import Aws
from local.context import context_for
from tests.pacs.objects import make_object, uids
from tests.queues import bodies, queue_url
from tests.scripted import Answer, ScriptedPacs

FOLDER = Path(__file__).parents[1] / "events"

Call = Callable[[str, dict[str, Any]], Any]
"""Calls a function, by its folder's name, with an event."""


@dataclass(frozen=True)
class Told:
    """What an API function must answer: status and content type, and a part of the body."""

    status: int
    content_type: str = ""
    part: bytes = b""
    before: tuple[str, ...] = ()
    event_stored: bool = False
    upload_announced: bool = False
    archive_asked_for: bool = False
    key_made: bool = False


ANSWERS = {
    "check_health": Told(200, "application/json", b'"ready"'),
    "create_viewer_token": Told(200, "application/json", b'"token"', before=("upload_exam",)),
    "create_workitem": Told(200, "application/json", b'"1.2.826.0.1.3680043.10.1.20260115.1"'),
    "list_workitems": Told(200, "application/json", b'"00400100"', before=("create_workitem",)),
    "update_workitem": Told(200, "application/json", b'"ARRIVED"', before=("create_workitem",)),
    "delete_workitem": Told(204, before=("create_workitem",)),
    "upload_exam": Told(200, "application/json", b'"00081199"'),
    "search_studies": Told(200, "application/json", b'"0020000D"', before=("upload_exam",)),
    "search_series": Told(200, "application/json", b'"0020000E"', before=("upload_exam",)),
    "search_instances": Told(200, "application/json", b'"00080018"', before=("upload_exam",)),
    "retrieve_exam": Told(200, "image/jpeg", b"\xff\xd8\xff", before=("upload_exam",)),
    "retrieve_thumbnail": Told(200, "image/jpeg", b"\xff\xd8\xff", before=("upload_exam",)),
    "archive_study": Told(202, "application/json", b'"QUEUED"', before=("upload_exam",)),
    "get_archive": Told(202, "application/json", b'"QUEUED"', archive_asked_for=True),
    "start_upload": Told(201, "application/json", b'"complete"'),
    "get_upload": Told(200, "application/json", b'"WAITING"', upload_announced=True),
    "list_audit_events": Told(200, "application/fhir+json", b'"searchset"'),
    "create_api_key": Told(201, "application/json", b'"key":"dsk_'),
    "list_api_keys": Told(200, "application/json", b'"reception"', key_made=True),
    "revoke_api_key": Told(204, key_made=True),
    "generate_uid": Told(200, "application/json", b'"uid"'),
    "serve_documentation": Told(200, "text/html; charset=utf-8", b'id="swagger-ui"'),
    "receive_exam_event": Told(204),
    "list_exam_events": Told(200, "application/json", b'"events"'),
    "get_exam_event": Told(200, "application/json", b'"pacsEvent"', event_stored=True),
    "list_deliveries": Told(200, "application/json", b'"deliveries"', event_stored=True),
    "redeliver_exam_event": Told(202, "application/json", b'"deliveries"', event_stored=True),
    "redeliver_exam_events": Told(202, "application/json", b'"deliveries"'),
}

AUTHORIZER = "authorize_request"
SCHEDULED = {"sweep_exam_events": {"published": 0}}

TRANSFERS = ("prepare_download", "store_upload")
TRANSFER = "5d41402abc4b2a76b9719d911017c592"
"""Which upload and which download their samples are about."""

BATCHES = ("publish_exam_event", "fan_out_exam_event", "deliver_exam_event", "complete_workitem")


def sample(function: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((FOLDER / f"{function}.json").read_text())
    return event


def here(function: str, event: dict[str, Any]) -> Any:
    """Calls the function in this process."""
    return importlib.import_module(f"functions.{function}.app").lambda_handler(event, context_for(function))


def check_answer(call: Call, function: str) -> None:
    """An API function answers its sample, after those before it, as it is told above."""
    told = ANSWERS[function]
    for earlier in told.before:
        assert here(earlier, sample(earlier))["statusCode"] == 200
    if told.event_stored:
        store_sample()
    if told.archive_asked_for:
        archive_id = sample(function)["pathParameters"]["archiveId"]
        begin(Download(archive_id, ("archive", "1.2", "P1"), "QUEUED", "", time.time() + 60), time.time())
    if told.key_made:
        put_key()
    if told.upload_announced:
        upload_id = sample(function)["pathParameters"]["uploadId"]
        announce(UploadRow(upload_id, "0001", "ct.zip", 4096, "", "", 0, Outcome("WAITING")), time.time())

    answer = call(function, sample(function))

    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    assert answer["statusCode"] == told.status, body
    assert answer.get("headers", {}).get("Content-Type", "") == told.content_type
    assert told.part in content


def put_key() -> None:
    """The row of the key that the samples show."""
    shown = sample(AUTHORIZER)["identitySource"][0].removeprefix("Bearer ")
    key = ApiKey(
        shown.split("_")[1], "reception", frozenset({"uids:write"}), "", int(time.time()), "key:0a1b2c3d4e5f6071"
    )
    row = minted(key)[0] | {"hash": {"S": hashlib.sha256(shown.encode()).hexdigest()}}
    client("dynamodb").put_item(TableName=os.environ["API_KEYS_TABLE"], Item=row)


def check_authorizer(call: Call) -> None:
    """The authorizer says who shows the sample's key, and nobody of a key that is not there."""
    unknown = call(AUTHORIZER, sample(AUTHORIZER))
    put_key()
    known = call(AUTHORIZER, sample(AUTHORIZER))

    assert unknown == {"isAuthorized": True, "context": {"version": "1", "refused": "unknown"}}
    assert known["isAuthorized"] is True
    assert (known["context"]["name"], known["context"]["scopes"]) == ("reception", "uids:write")


def check_transfer(call: Call, function: str, aws: Aws) -> None:
    """A worker handles its sample: a file is stored, or a study archived with a directory of its objects."""
    content = make_object(PatientID="P7")
    if function == "store_upload":
        announce(UploadRow(TRANSFER, "0001", "ct.dcm", len(content), "", "", 0, Outcome("WAITING")), time.time())
        aws.client("s3").put_object(Bucket=os.environ["TRANSFER_BUCKET"], Key=f"uploads/{TRANSFER}/0001", Body=content)
    else:
        store_instance(pacs_session(), dialect(), content, CTImageStorage, uids(content)[2])
        begin(
            Download(TRANSFER, ("archive", uids(content)[0], "P7", "dicomdir"), "QUEUED", "", time.time() + 60),
            time.time(),
        )

    assert call(function, sample(function)) == {"batchItemFailures": []}

    if function == "store_upload":
        assert [row.outcome.state for row in read_upload(TRANSFER)] == ["STORED"]
    else:
        download = read(TRANSFER)
        assert download is not None
        assert (download.state, download.done) == ("READY", 1)


def check_batch(call: Call, function: str, aws: Aws) -> None:
    """A function of the event path handles its sample, and what it passes on arrives."""
    with ScriptedPacs(Answer(204)) as subscriber, pytest.MonkeyPatch.context() as environment:
        environment.setenv("CALLBACK_URLS", subscriber.url)
        environment.setenv("CALLBACK_ALLOW_INSECURE", "true")
        event_id = store_sample()
        event = sample(function)
        if function == "deliver_exam_event":
            here("fan_out_exam_event", sample("fan_out_exam_event"))
            event["Records"][0]["body"] = addressed(event["Records"][0]["body"])

        answer = call(function, event)

        assert answer == {"batchItemFailures": []}
        if function == "deliver_exam_event":
            assert [asked.headers["webhook-id"] for asked in subscriber.asked] == [event_id]
        elif function != "complete_workitem":  # whose own tests tell what becomes of the worklist
            next_queue = {"publish_exam_event": "EventsQueue", "fan_out_exam_event": "DeliveriesQueue"}[function]
            assert [body["eventId"] for body in bodies(aws, queue_url(aws, next_queue))] == [event_id]


def store_sample() -> str:
    """Stores the event of the samples under the identifier that they give it."""
    pacs_event = sample("receive_exam_event")["body"].encode()
    event_id: str = json.loads(sample("fan_out_exam_event")["Records"][0]["body"])["eventId"]
    store_event(pacs_event, announcement(json.loads(pacs_event)), new_id=lambda: event_id)
    return event_id


def addressed(body: str) -> str:
    """The sample's delivery message for the one subscriber that there is."""
    return json.dumps({**json.loads(body), "subscriber": next(iter(subscribers()))})
