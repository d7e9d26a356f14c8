"""One published event becomes one delivery for each subscriber that wants it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dicom_service.stores import client
from functions.fan_out_exam_event.app import lambda_handler
from local.aws import Aws
from local.context import context_for
from tests.courier import key_of
from tests.queues import bodies, received

CONTEXT = context_for("FanOutExamEvent")
A, B, C = "https://a.example/hook", "https://b.example/", "https://c.example/"


@pytest.fixture
def sample() -> dict[str, Any]:
    """The sample event: a completed CT study."""
    event: dict[str, Any] = json.loads(Path("events/fan_out_exam_event.json").read_text())
    return event


def test_one_message_per_subscriber(aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]) -> None:
    monkeypatch.setenv("CALLBACK_URLS", f"{A},{B},{C}")
    assert lambda_handler(sample, CONTEXT) == {"batchItemFailures": []}
    event_id = json.loads(sample["Records"][0]["body"])["eventId"]
    messages = [received(aws, os.environ["DELIVERIES_QUEUE_URL"]) for _ in range(4)]
    records = [message["Records"][0] for message in messages if message]
    expected = {key_of(url): {"eventId": event_id, "subscriber": key_of(url), "run": 0} for url in (A, B, C)}
    assert {record["attributes"]["MessageGroupId"]: json.loads(record["body"]) for record in records} == expected


def test_only_to_those_whose_filters_let_it_through(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", f"{A}#modality=MR,{B}#modality=CT&event=COMPLETED,{C}#event=INSTANCES_ADDED")
    lambda_handler(sample, CONTEXT)
    assert [body["subscriber"] for body in bodies(aws, os.environ["DELIVERIES_QUEUE_URL"])] == [key_of(B)]


def test_a_full_batch_for_five_subscribers_takes_five_calls(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", ",".join(f"https://{name}.example/" for name in "abcde"))
    [record] = sample["Records"]
    records = [
        record | {"messageId": f"m{number}", "body": json.dumps({"eventId": f"{number:032x}"})} for number in range(10)
    ]
    calls: list[str] = []
    client("sqs").meta.events.register("before-call.sqs", lambda model, **_: calls.append(model.name))
    assert lambda_handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    assert calls == ["SendMessageBatch"] * 5
    asked = {(body["eventId"], body["subscriber"]) for body in bodies(aws, os.environ["DELIVERIES_QUEUE_URL"])}
    assert len(asked) == 50


def test_of_a_batch_only_what_failed_comes_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", A)
    [record] = sample["Records"]
    records = [record | {"messageId": "none", "body": "no event"}, record]
    assert lambda_handler({"Records": records}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "none"}]}
    assert len(bodies(aws, os.environ["DELIVERIES_QUEUE_URL"])) == 1

    monkeypatch.setenv("DELIVERIES_QUEUE_URL", os.environ["DELIVERIES_QUEUE_URL"] + "-none")
    failed = lambda_handler({"Records": [record]}, CONTEXT)["batchItemFailures"]
    assert failed == [{"itemIdentifier": record["messageId"]}]


def test_what_the_queue_does_not_take_of_a_call_comes_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", f"{A},{B}")
    [record] = sample["Records"]

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        events.unregister("after-call.sqs.SendMessageBatch", refuse)
        parsed["Failed"] = [{"Id": "1", "Code": "InternalError", "SenderFault": False}]

    events = client("sqs").meta.events
    events.register("after-call.sqs.SendMessageBatch", refuse)
    failed = lambda_handler({"Records": [record]}, CONTEXT)["batchItemFailures"]
    assert failed == [{"itemIdentifier": record["messageId"]}]


def test_without_subscribers_the_event_is_done_with(aws: Aws, sample: dict[str, Any]) -> None:
    assert lambda_handler(sample, CONTEXT) == {"batchItemFailures": []}
    assert bodies(aws, os.environ["DELIVERIES_QUEUE_URL"]) == []


@pytest.mark.parametrize("urls", ["not a url", "http://a.example/"])
def test_a_wrong_configuration_keeps_the_event(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any], urls: str
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", urls)
    failed = [{"itemIdentifier": sample["Records"][0]["messageId"]}]
    assert lambda_handler(sample, CONTEXT) == {"batchItemFailures": failed}
