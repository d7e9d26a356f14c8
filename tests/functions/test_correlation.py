"""What one request sets off can be found again by one identifier: in the log, at the PACS and at subscribers."""

import json
import uuid

import pytest

from functions.deliver_exam_event.app import lambda_handler as deliver_exam_event
from functions.fan_out_exam_event.app import lambda_handler as fan_out_exam_event
from functions.publish_exam_event.app import lambda_handler as publish_exam_event
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.logs import rendered
from tests.pacs.objects import make_object, uids
from tests.queues import queue_url, received
from tests.scripted import Answer, ScriptedPacs
from tests.transfers import store, upload, work, work_downloads

OWN = str(uuid.UUID(int=7, version=4))
SEARCH = {"PatientId": "P1"}


def test_the_callers_own_goes_to_the_pacs_the_log_and_back(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedPacs(Answer(204)) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        answer = invoke("search_studies", path="/exams/studies", query=SEARCH, headers={"X-Correlation-Id": OWN})

    assert answer["headers"]["X-Correlation-Id"] == OWN
    assert {asked.headers["X-Correlation-Id"] for asked in pacs.asked} == {OWN}
    assert json.loads(rendered(caplog).splitlines()[-1])["correlation_id"] == OWN


@pytest.mark.parametrize("stated", ["", "DOE^JANE", "1CT1", OWN[:-1], f"{OWN}\n", f"{OWN}, {OWN}"])
def test_what_may_name_a_patient_is_not_taken(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, stated: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedPacs(Answer(204)) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        answer = invoke("search_studies", path="/exams/studies", query=SEARCH, headers={"X-Correlation-Id": stated})

    [sent] = {asked.headers["X-Correlation-Id"] for asked in pacs.asked}
    logged = json.loads(rendered(caplog).splitlines()[-1])
    assert answer["headers"]["X-Correlation-Id"] == sent == logged["correlation_id"] == logged["request_id"]
    assert not stated or stated not in rendered(caplog)


def test_problems_have_it_too(invoke: Invoke) -> None:
    answer = invoke("search_studies", path="/exams/studies", headers={"X-Correlation-Id": OWN})

    assert (answer["statusCode"], answer["headers"]["X-Correlation-Id"]) == (400, OWN)


def test_each_request_of_an_environment_has_its_own(invoke: Invoke) -> None:
    seen = {invoke("generate_uid", path="/uid")["headers"]["X-Correlation-Id"] for _ in range(3)}

    assert len(seen) == 3


def test_subscribers_get_that_of_the_announcement(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    with ScriptedPacs(Answer(204)) as subscriber:
        monkeypatch.setenv("CALLBACK_URLS", subscriber.url)
        event, headers = {"StudyInstanceUID": "1.2.3"}, {"X-Correlation-Id": OWN}
        invoke("receive_exam_event", "POST", "/new-exam-callback", body=event, headers=headers)
        invoke("generate_uid", path="/uid")
        rows = aws.client("dynamodb").scan(TableName=table_of(aws, "EventsTable"))["Items"]
        [key] = [row["eventId"] for row in rows if "receivedAt" in row]
        record = {"eventName": "INSERT", "eventID": "1", "dynamodb": {"Keys": {"eventId": key}, "SequenceNumber": "1"}}
        publish_exam_event({"Records": [record]}, context_for("PublishExamEvent"))
        published = received(aws, queue_url(aws, "EventsQueue"))
        assert published is not None
        fan_out_exam_event(published, context_for("FanOutExamEvent"))
        delivery = received(aws, queue_url(aws, "DeliveriesQueue"))
        assert delivery is not None
        deliver_exam_event(delivery, context_for("DeliverExamEvent"))

    assert [asked.headers["X-Correlation-Id"] for asked in subscriber.asked] == [OWN]
    [logged] = [line for line in map(json.loads, rendered(caplog).splitlines()) if line["message"] == "delivery"]
    assert logged["correlation_id"] == OWN


def test_a_worker_goes_on_with_that_of_the_request(
    aws: Aws, invoke: Invoke, pacs: EmbeddedPacs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    invoke("generate_uid", path="/uid")
    upload(invoke, make_object())
    [row] = aws.client("dynamodb").scan(TableName=table_of(aws, "UploadsTable"))["Items"]
    begun = json.loads(row["askedBy"]["S"])["correlation_id"]
    with ScriptedPacs(Answer(503)) as down:
        monkeypatch.setenv("PACS_SERVICE_URL", down.url)
        work(aws)

    assert begun
    assert {asked.headers["X-Correlation-Id"] for asked in down.asked} == {begun}


def test_a_download_goes_on_with_that_of_the_request(
    aws: Aws, invoke: Invoke, pacs: EmbeddedPacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_object(PatientID="P1")
    store(pacs, content)
    path, headers = f"/exams/studies/{uids(content)[0]}/archive", {"X-Correlation-Id": OWN}
    assert invoke("archive_study", path=path, query=SEARCH, headers=headers)["statusCode"] == 202
    invoke("generate_uid", path="/uid")
    with ScriptedPacs(Answer(503)) as down:
        monkeypatch.setenv("PACS_SERVICE_URL", down.url)
        work_downloads(aws)

    assert {asked.headers["X-Correlation-Id"] for asked in down.asked} == {OWN}


def table_of(aws: Aws, logical_id: str) -> str:
    return next(name for name in aws.client("dynamodb").list_tables()["TableNames"] if logical_id in name)
