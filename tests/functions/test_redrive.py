"""`make redrive`: dead letters go back to where they came from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.aws import Aws
from tests.courier import Courier
from tests.queues import queue_url, received

ROOT = Path(__file__).parents[2]


def redrive(aws: Aws) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local.redrive", "--aws", aws.url], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_delivery_that_was_given_up_begins_anew(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    monkeypatch.setenv("CALLBACK_URLS", "http://127.0.0.1:1/")
    courier = Courier(aws)
    [message] = courier.announce()
    courier.carry(message)
    assert redrive(aws) == "1 message(s) moved\n"
    event = received(aws, os.environ["DELIVERIES_QUEUE_URL"])
    assert event is not None
    [record] = event["Records"]
    assert json.loads(record["body"]) == {"eventId": message.event_id, "subscriber": message.subscriber, "run": 1}
    assert record["attributes"]["MessageGroupId"] == message.subscriber
    assert redrive(aws) == "0 message(s) moved\n"


def test_an_event_that_could_not_be_fanned_out_keeps_its_attributes(aws: Aws) -> None:
    attributes = {"EventType": {"DataType": "String", "StringValue": "COMPLETED"}}
    body = json.dumps({"eventId": "e1", "receivedAt": "2024-01-17T10:15:30.000Z"})
    dead_letters = queue_url(aws, "DeadLetterQueue")
    aws.client("sqs").send_message(QueueUrl=dead_letters, MessageBody=body, MessageAttributes=attributes)
    assert redrive(aws) == "1 message(s) moved\n"
    event = received(aws, queue_url(aws, "EventsQueue"))
    assert event is not None
    [record] = event["Records"]
    assert record["body"] == body
    assert record["messageAttributes"]["EventType"]["stringValue"] == "COMPLETED"


def test_what_is_none_of_ours_stays(aws: Aws) -> None:
    dead_letters = queue_url(aws, "DeadLetterQueue")
    for body in ("nonsense", '["nonsense"]', "{}"):
        aws.client("sqs").send_message(QueueUrl=dead_letters, MessageBody=body)
    assert redrive(aws) == "0 message(s) moved\n"
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "3"
