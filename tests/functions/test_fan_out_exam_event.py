"""One published event becomes one delivery for each subscriber that wants it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dicom_service.events.delivery_log import read_delivery
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


def test_one_message_and_one_pending_row_per_subscriber(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", f"{A},{B},{C}")
    assert lambda_handler(sample, CONTEXT) == {"batchItemFailures": []}
    event_id = json.loads(sample["Records"][0]["body"])["eventId"]
    messages = [received(aws, os.environ["DELIVERIES_QUEUE_URL"]) for _ in range(4)]
    records = [message["Records"][0] for message in messages if message]
    expected = {key_of(url): {"eventId": event_id, "subscriber": key_of(url), "run": 0} for url in (A, B, C)}
    assert {record["attributes"]["MessageGroupId"]: json.loads(record["body"]) for record in records} == expected
    for url in (A, B, C):
        row = read_delivery(event_id, key_of(url))
        assert row is not None
        assert (row.url, row.state, row.attempts, row.received_at) == (url, "pending", 0, "2024-01-17T10:15:30.000Z")


def test_only_to_those_whose_filters_let_it_through(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", f"{A}#modality=MR,{B}#modality=CT&event=COMPLETED,{C}#event=INSTANCES_ADDED")
    lambda_handler(sample, CONTEXT)
    assert [body["subscriber"] for body in bodies(aws, os.environ["DELIVERIES_QUEUE_URL"])] == [key_of(B)]


def test_a_repeat_asks_again_and_leaves_the_log_as_it_is(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, sample: dict[str, Any]
) -> None:
    monkeypatch.setenv("CALLBACK_URLS", A)
    lambda_handler(sample, CONTEXT)
    event_id = json.loads(sample["Records"][0]["body"])["eventId"]
    first = read_delivery(event_id, key_of(A))
    lambda_handler(sample, CONTEXT)
    assert len(bodies(aws, os.environ["DELIVERIES_QUEUE_URL"])) == 2
    assert read_delivery(event_id, key_of(A)) == first


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
