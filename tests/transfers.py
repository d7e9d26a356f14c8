"""What a client of large uploads does, and the service's workers, one step at a time."""

import json
from typing import Any

import requests

from functions.prepare_download.app import lambda_handler as prepare_download
from functions.store_upload.app import lambda_handler as store_upload
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.pacs.objects import send, uids
from tests.queues import queue_url, received


def start(invoke: Invoke, *files: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Announces files; the answer's JSON."""
    answer = invoke("start_upload", "POST", "/exams/uploads", body={"files": list(files), **options})
    assert answer["statusCode"] == 201, answer["body"]
    announced: dict[str, Any] = json.loads(answer["body"])
    return announced


def send_form(form: dict[str, Any], content: bytes) -> requests.Response:
    """Posts a file to its signed form, as a browser would."""
    return requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=60)


def upload(invoke: Invoke, content: bytes, name: str = "a.dcm", **facts: Any) -> str:
    """Announces one file and sends it; the upload's identifier."""
    announced = start(invoke, {"name": name, "size": len(content), **facts})
    assert send_form(announced["files"][0]["upload"], content).status_code == 204
    return str(announced["uploadId"])


def work(aws: Aws) -> None:
    """Lets `store_upload` handle each message that can be seen now, the bucket's test event among them."""
    url = queue_url(aws, "UploadsQueue")
    while event := received(aws, url):
        failed = store_upload(event, context_for("StoreUpload", timeout=900))["batchItemFailures"]
        if not failed:
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=event["Records"][0]["receiptHandle"])


def arrived(aws: Aws) -> dict[str, Any]:
    """The event of a file that has arrived, invisible from now on."""
    while True:
        event = received(aws, queue_url(aws, "UploadsQueue"))
        assert event is not None
        if "s3:TestEvent" not in event["Records"][0]["body"]:
            return event


def hurry(aws: Aws, logical_id: str, event: dict[str, Any]) -> None:
    """Makes a postponed message visible at once."""
    aws.client("sqs").change_message_visibility(
        QueueUrl=queue_url(aws, logical_id),
        ReceiptHandle=event["Records"][0]["receiptHandle"],
        VisibilityTimeout=0,
    )


def status(invoke: Invoke, upload_id: str, query: str = "") -> list[dict[str, Any]]:
    """The files of an upload as they stand."""
    answer = invoke("get_upload", path=f"/exams/uploads/{upload_id}", query=query)
    assert answer["statusCode"] == 200, answer["body"]
    files: list[dict[str, Any]] = json.loads(answer["body"])["files"]
    return files


def in_pacs(pacs: EmbeddedPacs, content: bytes) -> bytes | None:
    """The object as the PACS has it."""
    study, series, instance = uids(content)
    answer = requests.get(
        f"{pacs.url}/dicom-web/studies/{study}/series/{series}/instances/{instance}",
        headers={"Accept": "application/dicom", "Authorization": PACS_KEY},
        timeout=10,
    )
    return answer.content if answer.ok else None


def store(pacs: EmbeddedPacs, *contents: bytes) -> None:
    """Stores objects without the service."""
    for content in contents:
        headers = {"Authorization": PACS_KEY}
        assert send(f"{pacs.url}/dicom-web/studies", content, headers=headers).status_code == 200


def work_downloads(aws: Aws) -> int:
    """Lets `prepare_download` handle each message that can be seen now; how many are to come again."""
    url, again = queue_url(aws, "DownloadsQueue"), 0
    while event := received(aws, url):
        if prepare_download(event, context_for("PrepareDownload", timeout=900))["batchItemFailures"]:
            again += 1
            hurry_again = event
        else:
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=event["Records"][0]["receiptHandle"])
    if again:
        hurry(aws, "DownloadsQueue", hurry_again)
    return again
