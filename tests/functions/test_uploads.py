"""Uploads of large files: announced, sent to a signed address, stored from the queue."""

import hashlib
import json
from typing import Any

import pytest
import requests

from dicom_service.exams.uploads.rows import LEASE_SECONDS
from dicom_service.stores import client
from functions.store_upload.app import lambda_handler as store_upload
from local.aws import STACK, Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from local.redrive import queue_urls, redrive
from tests.conftest import Invoke
from tests.pacs.objects import make_object, real_object, uids
from tests.queues import queue_url, received
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.transfers import arrived, hurry, in_pacs, send_form, start, status, upload, work

CT = real_object("CT_small.dcm")
MB = 1000 * 1000


def objects_in_bucket(aws: Aws) -> list[str]:
    s3 = aws.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return [found["Key"] for name in names for found in s3.list_objects_v2(Bucket=name).get("Contents", [])]


def test_a_file_that_was_announced_and_sent_is_stored(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    # given
    announced = start(invoke, {"name": "ct.dcm", "size": len(CT), "sha256": hashlib.sha256(CT).hexdigest()})
    (file,) = announced["files"]
    assert (file["id"], file["name"]) == ("0001", "ct.dcm")
    assert status(invoke, announced["uploadId"]) == [{"id": "0001", "name": "ct.dcm", "state": "WAITING"}]
    # when
    assert send_form(file["upload"], CT).status_code == 204
    work(aws)
    # then
    (stored,) = status(invoke, announced["uploadId"])
    assert stored["state"] == "STORED"
    assert stored["result"]["00081199"]["Value"][0]["00081155"]["Value"] == [uids(CT)[2]]
    assert in_pacs(pacs, CT) == CT
    assert objects_in_bucket(aws) == []


def test_the_form_takes_exactly_the_bytes_that_were_announced(aws: Aws, invoke: Invoke) -> None:
    import base64

    (file,) = start(invoke, {"name": "ct.dcm", "size": 4321})["files"]
    policy = json.loads(base64.b64decode(file["upload"]["fields"]["policy"]))
    assert ["content-length-range", 4321, 4321] in policy["conditions"]
    assert {"key": file["upload"]["fields"]["key"]} in policy["conditions"]


def test_other_bytes_than_those_announced_are_refused(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    shorter = start(invoke, {"name": "a", "size": len(CT) + 1})
    send_form(shorter["files"][0]["upload"], CT)
    other = upload(invoke, CT, sha256="0" * 64)
    work(aws)
    assert [(file["state"], file["reason"]) for file in status(invoke, shorter["uploadId"])] == [
        ("REFUSED", f"it has {len(CT)} bytes, not the {len(CT) + 1} that were announced")
    ]
    assert [(file["state"], file["reason"]) for file in status(invoke, other)] == [
        ("REFUSED", "its SHA-256 is not the one that was announced")
    ]
    assert in_pacs(pacs, CT) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no DICOM at all", "it is no DICOM Part 10 file: DICM is missing at byte 128"),
        (CT[:-100], "it is cut off before its end, or a length in it is wrong: element (FFFC,FFFC) should have"),
        (
            real_object("waveform_ecg.dcm")[:200_000],
            "it is cut off before its end, inside element (5400,0100)",
        ),
        (real_object("reportsi.dcm")[:2000], "it is cut off before its end, inside element (0040,A730)"),
        (make_object(StudyInstanceUID=None), "it has no StudyInstanceUID"),
        (real_object("image_dfl.dcm")[:-2000], "it is cut off: its deflated data set does not inflate to its end"),
    ],
)
def test_what_is_no_object_is_refused_with_the_reason(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, content: bytes, reason: str
) -> None:
    upload_id = upload(invoke, content)
    work(aws)
    [file] = status(invoke, upload_id)
    assert file["state"] == "REFUSED"
    assert file["reason"].startswith(reason)
    assert objects_in_bucket(aws) == []


@pytest.mark.parametrize("name", ["image_dfl.dcm", "JPEG2000.dcm", "test-SR.dcm", "MR_small_bigendian.dcm"])
def test_objects_of_any_syntax_are_stored(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, name: str) -> None:
    content = real_object(name)
    upload_id = upload(invoke, content)
    work(aws)
    assert [file["state"] for file in status(invoke, upload_id)] == ["STORED"]
    assert in_pacs(pacs, content) == content


def test_a_refusal_of_the_pacs_is_told_with_its_reason(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    first = make_object(PatientID="P1")
    study, series, instance = uids(first)
    second = make_object(PatientID="P2", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance)
    accepted, refused = upload(invoke, first), upload(invoke, second)
    work(aws)
    assert [file["state"] for file in status(invoke, accepted)] == ["STORED"]
    (file,) = status(invoke, refused)
    assert file["state"] == "REFUSED"
    assert "another object with this SOP Instance UID, which says that it is of another patient" in file["reason"]
    assert "00081198" in file["result"]
    assert in_pacs(pacs, first) == first


def test_an_object_that_the_pacs_holds_already_is_stored_where_it_is_the_same(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a PACS that refuses every second copy, and whose answer to the first one was lost
    sop = {"00081150": {"vr": "UI", "Value": ["1.2"]}, "00081155": {"vr": "UI", "Value": [uids(CT)[2]]}}
    failed = [sop | {"00081197": {"vr": "US", "Value": [45070]}}]
    refusal = json.dumps({"00081198": {"vr": "SQ", "Value": failed}}).encode()

    def by(asked: Asked) -> Answer:
        return Answer(409, refusal) if asked.method == "POST" else Answer(200, CT)

    with ScriptedPacs(by=by) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        upload_id = upload(invoke, CT)
        work(aws)
    (file,) = status(invoke, upload_id)
    assert file["state"] == "STORED"
    assert file["result"]["00081199"]["Value"][0]["00081155"]["Value"] == [uids(CT)[2]]


def test_a_pacs_without_room_is_asked_again(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    sop = {"00081155": {"vr": "UI", "Value": [uids(CT)[2]]}}
    failed = [sop | {"00081197": {"vr": "US", "Value": [0xA700]}}]
    full = Answer(409, json.dumps({"00081198": {"vr": "SQ", "Value": failed}}).encode())
    stored = Answer(200, json.dumps({"00081199": {"vr": "SQ", "Value": [sop]}}).encode())
    with ScriptedPacs(full, stored) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        upload_id = upload(invoke, CT)
        event = arrived(aws)
        assert len(store_upload(event, context_for("StoreUpload"))["batchItemFailures"]) == 1
        (file,) = status(invoke, upload_id)
        assert file["state"] == "STORING"
        assert "Out of resources" in file["reason"]
        hurry(aws, "UploadsQueue", event)
        work(aws)
    assert [file["state"] for file in status(invoke, upload_id)] == ["STORED"]


def test_a_pacs_that_is_down_for_the_first_five_tries(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    upload_id = upload(invoke, CT)
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")
    # when
    for attempt in range(6):
        event = arrived(aws)
        if attempt == 5:
            monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        failures = store_upload(event, context_for("StoreUpload", timeout=900))["batchItemFailures"]
        (file,) = status(invoke, upload_id)
        if attempt < 5:
            assert len(failures) == 1
            assert file["state"] == "STORING"
            assert "could not be reached" in file["reason"]
            assert received(aws, queue_url(aws, "UploadsQueue")) is None, "it waits before the next try"
            hurry(aws, "UploadsQueue", event)
    # then
    assert (failures, file["state"]) == ([], "STORED")
    assert in_pacs(pacs, CT) == CT


def test_a_pacs_that_stays_down_fails_the_file_which_can_be_begun_anew(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    upload_id = upload(invoke, CT)
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")
    # when
    for _ in range(20):
        event = arrived(aws)
        if not store_upload(event, context_for("StoreUpload", timeout=900))["batchItemFailures"]:
            break
        hurry(aws, "UploadsQueue", event)
    # then
    (file,) = status(invoke, upload_id)
    assert file["state"] == "FAILED"
    assert file["reason"].endswith("given up after 9 attempts")
    # when its message is moved back from the dead letters
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
    assert redrive(aws.client("sqs"), queue_urls(aws.client("cloudformation"), STACK)) == 1
    work(aws)
    # then
    assert [file["state"] for file in status(invoke, upload_id)] == ["STORED"]
    assert in_pacs(pacs, CT) == CT


def test_a_message_that_comes_twice_does_not_store_twice(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    upload_id = upload(invoke, CT)
    event = arrived(aws)
    assert store_upload(event, context_for("StoreUpload"))["batchItemFailures"] == []
    # when
    with ScriptedPacs(Answer(500)) as other:
        monkeypatch.setenv("PACS_SERVICE_URL", other.url)
        assert store_upload(event, context_for("StoreUpload"))["batchItemFailures"] == []
        # then
        assert other.asked == []
    assert [file["state"] for file in status(invoke, upload_id)] == ["STORED"]


def test_a_file_that_another_worker_has_is_left_to_it(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a PACS that is told of the object while the same message is handled once more
    upload_id = upload(invoke, CT)
    event = arrived(aws)
    sop = {"00081155": {"vr": "UI", "Value": [uids(CT)[2]]}}
    again: list[Any] = []

    def by(_: Asked) -> Answer:
        again.append(store_upload(event, context_for("StoreUpload"))["batchItemFailures"])
        return Answer(200, json.dumps({"00081199": {"vr": "SQ", "Value": [sop]}}).encode())

    with ScriptedPacs(by=by) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        assert store_upload(event, context_for("StoreUpload"))["batchItemFailures"] == []
    # then
    assert len(pacs.asked) == 1
    assert [len(failures) for failures in again] == [1]
    assert [file["state"] for file in status(invoke, upload_id)] == ["STORED"]


def test_the_message_of_a_killed_worker_is_back_when_its_lease_has_ended(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke
) -> None:
    upload(invoke, CT)
    event, asked = arrived(aws), []
    client("sqs").meta.events.register(
        "before-parameter-build.sqs.ChangeMessageVisibility",
        lambda params, **_: asked.append(params["VisibilityTimeout"]),
    )
    assert store_upload(event, context_for("StoreUpload"))["batchItemFailures"] == []
    assert asked == [LEASE_SECONDS]


def test_the_test_event_of_a_bucket_is_nothing(aws: Aws) -> None:
    event = received(aws, queue_url(aws, "UploadsQueue"))
    assert event is not None
    assert "s3:TestEvent" in event["Records"][0]["body"]
    assert store_upload(event, context_for("StoreUpload"))["batchItemFailures"] == []


@pytest.mark.parametrize("key", ["", "x/", "a/b/c", "%C3%BC/0001", "0" * 32])
def test_what_lies_beside_the_uploads_in_the_bucket_is_nothing(aws: Aws, key: str) -> None:
    """S3's console makes an object of each folder."""
    body = json.dumps({"Records": [{"s3": {"object": {"key": f"uploads/{key}"}}}]})
    aws.client("sqs").send_message(QueueUrl=queue_url(aws, "UploadsQueue"), MessageBody=body)
    for _ in range(2):  # the bucket's test event is the other
        event = received(aws, queue_url(aws, "UploadsQueue"))
        assert event is not None
        assert store_upload(event, context_for("StoreUpload"))["batchItemFailures"] == []


def test_a_large_file_comes_in_parts_and_goes_on_after_a_break(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    # given
    pixels = bytes(range(256)) * (101 * MB // 256)
    content = make_object(Rows=1010, Columns=1000, NumberOfFrames=50, PixelData=pixels[: 1010 * 1000 * 100])
    announced = start(invoke, {"name": "tomo.dcm", "size": len(content)}, multipart=True)
    (file,) = announced["files"]
    assert "upload" not in file
    assert sum(part["size"] for part in file["parts"]) == len(content)
    # when the first two parts have come, and the client asks how far it is
    at, etags = 0, []
    for part in file["parts"][:2]:
        etags.append(requests.put(part["url"], data=content[at : at + part["size"]], timeout=60).headers["ETag"])
        at += part["size"]
    (waiting,) = status(invoke, announced["uploadId"], "resume=true")
    # then
    assert waiting["state"] == "WAITING"
    assert [part.get("etag") for part in waiting["parts"]] == [*etags, None, None]
    # when the rest is sent
    for part in waiting["parts"][2:]:
        etags.append(requests.put(part["url"], data=content[at : at + part["size"]], timeout=60).headers["ETag"])
        at += part["size"]
    items = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
    body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>"
    assert requests.post(waiting["complete"]["url"], data=body, timeout=60).status_code == 200
    (complete,) = status(invoke, announced["uploadId"], "resume=true")
    work(aws)
    # then
    assert "parts" not in complete
    assert [file["state"] for file in status(invoke, announced["uploadId"])] == ["STORED"]
    assert in_pacs(pacs, content) == content


def test_a_small_file_gets_a_form_also_where_parts_are_asked_for(aws: Aws, invoke: Invoke) -> None:
    (file,) = start(invoke, {"name": "a", "size": 100 * MB}, multipart=True)["files"]
    assert "upload" in file
    assert "parts" not in file


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["files"]),
        ({"files": []}, ["files"]),
        ({"files": [{"name": "", "size": 0}]}, ["files.0.name", "files.0.size"]),
        ({"files": [{"name": "a", "size": "7", "sha256": "x"}]}, ["files.0.size", "files.0.sha256"]),
        ({"files": [{"name": "a", "size": 6 * 1024**3}]}, ["files.0.size"]),
        ({"files": [{"name": "a", "size": 7, "hash": "x"}]}, ["files.0.hash"]),
        ({"files": [{"name": "a", "size": 10 * 1024**3}] * 9, "multipart": True}, ["files"]),
    ],
)
def test_a_wrong_announcement_is_told_in_full(
    aws: Aws, invoke: Invoke, body: dict[str, Any], fields: list[str]
) -> None:
    answer = invoke("start_upload", "POST", "/exams/uploads", body=body)
    assert answer["statusCode"] == 400
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == fields


@pytest.mark.parametrize(("upload_id", "expected"), [("0" * 32, 404), ("nonsense", 400)])
def test_an_unknown_upload(aws: Aws, invoke: Invoke, upload_id: str, expected: int) -> None:
    assert invoke("get_upload", path=f"/exams/uploads/{upload_id}")["statusCode"] == expected
