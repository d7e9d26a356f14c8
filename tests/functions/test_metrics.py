"""What CloudWatch learns from the log of each function, and nothing else of what it handles."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from dicom_service import metrics
from dicom_service.events.messages import ask_for_delivery
from functions.deliver_exam_event.app import lambda_handler as deliver_exam_event
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.courier import Clock, Courier
from tests.pacs.objects import make_object, uids
from tests.queues import queue_url, received
from tests.scripted import Answer, ScriptedPacs
from tests.transfers import store

DICOM = {"Content-Type": "application/dicom"}
Counted = Callable[[], dict[str, tuple[dict[str, str], list[float]]]]
"""The metrics since the last call: by name, the dimensions and the values."""


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "ward-7")
    metrics.flush()
    capsys.readouterr()

    def found() -> dict[str, tuple[dict[str, str], list[float]]]:
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        read: dict[str, tuple[dict[str, str], list[float]]] = {}
        for line in lines:
            for name, (dimensions, values) in embedded(json.loads(line)).items():
                read[name] = (dimensions, read.get(name, ({}, []))[1] + values)
        return read

    return found


def embedded(record: dict[str, Any]) -> dict[str, tuple[dict[str, str], list[float]]]:
    """Reads a line as CloudWatch does, and wants nothing in it beside dimensions and numbers."""
    [directive] = record.pop("_aws")["CloudWatchMetrics"]
    assert directive["Namespace"] == "DicomService"
    [names] = directive["Dimensions"]
    dimensions = {name: record.pop(name) for name in names}
    found = {metric["Name"]: (dimensions, record.pop(metric["Name"])) for metric in directive["Metrics"]}
    assert record == {}
    assert all(len(values) <= 100 and all(isinstance(value, float) for value in values) for _, values in found.values())
    return found


SERVICE = {"service": "ward-7"}
OF_O3 = {"service": "ward-7", "dialect": "o3"}


def test_a_request_and_how_long_the_pacs_took(invoke: Invoke, pacs: EmbeddedPacs, counted: Counted) -> None:
    invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})

    found = counted()
    assert found["Requests"] == (SERVICE, [1.0])
    dimensions, latencies = found["PacsLatency"]
    assert (dimensions, len(latencies) > 0, all(0 < each < 5000 for each in latencies)) == (OF_O3, True, True)
    assert not found.keys() & {"PacsFailures", "ClientErrors", "ServerErrors", "PacsSpared"}


def test_what_went_wrong_is_told_apart(
    aws: Aws, invoke: Invoke, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    with ScriptedPacs(Answer(500)) as failing:
        monkeypatch.setenv("PACS_SERVICE_URL", failing.url)
        invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})
    invoke("search_studies", path="/exams/studies", query={"PatientID": ""})
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:9")
    invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})

    found = counted()
    assert found["PacsFailures"][0] == {"service": "ward-7", "dialect": "dicomweb"}
    assert sum(found["PacsFailures"][1]) == 1 + 3  # it is asked again only where nobody answers
    assert found["ServerErrors"] == (SERVICE, [1.0, 1.0])
    assert found["ClientErrors"] == (SERVICE, [1.0])
    assert len(found["PacsLatency"][1]) == 1


def test_a_pacs_that_is_spared_is_not_called_failing(
    aws: Aws, invoke: Invoke, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = aws.client("dynamodb").list_tables()["TableNames"]
    monkeypatch.setenv("CIRCUITS_TABLE", next(name for name in tables if "Circuits" in name))
    monkeypatch.setenv("PACS_SERVICE_URL", "http://127.0.0.1:9")
    statuses = [
        invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})["statusCode"] for _ in range(7)
    ]

    found = counted()
    assert statuses == [502] * 5 + [503] * 2
    assert found["PacsSpared"] == (OF_O3, [1.0, 1.0])
    assert sum(found["PacsFailures"][1]) == 5 * 3


def test_pictures_and_placeholders(
    invoke: Invoke, pacs: EmbeddedPacs, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_PICTURES", "none")
    image = make_object(Rows=8, Columns=8, PixelData=b"\0\1" * 64)
    raw = make_object(SOPClassUID="1.2.840.10008.5.1.4.1.1.66", Modality="OT", PixelData=None)
    for content in (image, raw):
        store(pacs, content)
        study, series, instance = uids(content)
        path = f"/exams/studies/{study}/series/{series}/instance/{instance}"
        assert invoke("retrieve_exam", path=path, query={"fileType": "image/jpeg"})["statusCode"] == 200

    found = counted()
    assert (found["Pictures"], found["Placeholders"]) == ((SERVICE, [1.0]), (SERVICE, [1.0]))


def test_objects_and_their_bytes(invoke: Invoke, pacs: EmbeddedPacs, counted: Counted) -> None:
    content = make_object(PatientID="P1")
    other = make_object(PatientID="P2", SOPInstanceUID=uids(content)[2], StudyInstanceUID=uids(content)[0])
    for each in (content, other):
        invoke("upload_exam", "POST", "/exams", body=each, headers=DICOM)

    found = counted()
    assert found["ObjectsStored"] == (SERVICE, [1.0])
    assert found["BytesStored"] == (SERVICE, [float(len(content))])
    assert found["ObjectsRefused"] == (SERVICE, [1.0])
    assert sum(found["AuditRecords"][1]) == 2


def test_events_and_deliveries_by_outcome(
    aws: Aws, invoke: Invoke, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    event = {"StudyInstanceUID": "1.2.3"}
    for _ in range(2):
        assert invoke("receive_exam_event", "POST", "/new-exam-callback", body=event)["statusCode"] == 204
    assert counted()["EventsReceived"] == (SERVICE, [1.0])

    with ScriptedPacs(Answer(204)) as healthy, ScriptedPacs(Answer(500)) as ill:
        monkeypatch.setenv("CALLBACK_URLS", f"{healthy.url}/a,{ill.url}/b")
        courier = Courier(aws)
        for message in courier.announce():
            courier.attempt(message)
    metrics.flush()

    found = counted()
    assert (found["DeliveriesMade"], found["DeliveriesFailed"]) == ((SERVICE, [1.0]), (SERVICE, [1.0]))


def test_a_delivery_that_is_given_up(aws: Aws, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    with ScriptedPacs(Answer(500)) as ill:
        monkeypatch.setenv("CALLBACK_URLS", ill.url)
        courier = Courier(aws)
        [message] = courier.announce()
        monkeypatch.setenv("CALLBACK_URLS", "")
        courier.attempt(message)
    metrics.flush()

    assert counted()["DeliveriesGivenUp"] == (SERVICE, [1.0])


def test_a_worker_tells_of_its_batch(aws: Aws, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    with ScriptedPacs(Answer(204)) as healthy:
        monkeypatch.setenv("CALLBACK_URLS", healthy.url)
        [message] = Courier(aws, Clock(time.time())).announce()
        ask_for_delivery(message)
        event = received(aws, queue_url(aws, "DeliveriesQueue"))
        assert event is not None
        deliver_exam_event(event, context_for("DeliverExamEvent"))

    assert counted()["DeliveriesMade"] == (SERVICE, [1.0])


def test_more_values_than_a_line_may_have(counted: Counted) -> None:
    for number in range(250):
        metrics.add(metrics.PACS_LATENCY, number)
    metrics.add(metrics.PACS_FAILURES)
    metrics.flush()
    metrics.flush()

    found = counted()
    assert found["PacsLatency"][1] == [float(number) for number in range(250)]
    assert found["PacsFailures"][1] == [1.0]
