"""What docs/events.md shows works: its receivers verify, refuse and dedupe deliveries; its filter policy filters."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import store_event
from dicom_service.events.topic import publish_events
from local.aws import Aws
from tests.courier import STUDY, Courier
from tests.installed import program
from tests.queues import bodies

PAGE = (Path(__file__).parents[2] / "docs/events.md").read_text()
SECRET, OTHER_SECRET = ("whsec_" + base64.b64encode(bytes([number]) * 24).decode() for number in (1, 2))


def block(language: str, beginning: str = "") -> str:
    """The page's first code block of a language that begins so."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return next(found for found in blocks if found.startswith(beginning))


class Receiver:
    """A receiver of the page in a process of its own."""

    def __init__(self, command: list[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        environment = {**os.environ, "SECRET": SECRET, "PORT": str(self.port)}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 10
        while not self._listens() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def printed(self) -> str:
        """All that it printed; it is ended."""
        self._process.terminate()
        return self._process.communicate(timeout=10)[0]


@pytest.fixture(params=["python", "javascript"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    """Each receiver that the page shows."""
    if request.param == "python":
        interpreter, name = sys.executable, "receive.py"
    else:
        interpreter, name = program("node", "nodejs"), "receive.mjs"
    path = tmp_path / name
    path.write_text(block(request.param))
    found = Receiver([interpreter, str(path)])
    yield found
    found.printed()


@pytest.fixture
def courier(aws: Aws, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Courier:
    """Events of now on their way to the receiver."""
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    monkeypatch.setenv("CALLBACK_URLS", receiver.url)
    courier = Courier(aws, pacs_event={"StudyInstanceUID": STUDY, "EventType": "COMPLETED", "PatientName": "Zoë 山田"})
    courier.clock.now = time.time()
    return courier


def test_a_receiver_takes_what_is_signed_and_acts_once(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", f"{OTHER_SECRET} {SECRET}")
    [message] = courier.announce()
    assert courier.carry(message) == []
    assert courier.carry(type(message)(message.event_id, message.subscriber, run=1)) == []
    assert (courier.row(message).run, courier.row(message).state) == (1, "delivered")
    assert receiver.printed() == f"COMPLETED {STUDY}\n"


@pytest.mark.parametrize("secrets", ["", OTHER_SECRET], ids=["unsigned", "signed by another"])
def test_a_receiver_refuses_everything_else(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, secrets: str
) -> None:
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", secrets)
    [message] = courier.announce()
    courier.attempt(message)
    assert courier.row(message).last_status == 401
    assert receiver.printed() == ""


def test_a_receiver_refuses_an_old_delivery(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", SECRET)
    courier.clock.now -= 600
    [message] = courier.announce()
    courier.attempt(message)
    assert courier.row(message).last_status == 401


@pytest.mark.parametrize("signature", ["v1", "v1,", "v1,AAAA", "v2,AAAA v1,=", "x"])
def test_a_receiver_survives_a_broken_signature(receiver: Receiver, signature: str) -> None:
    headers = {"webhook-id": "e1", "webhook-timestamp": str(int(time.time())), "webhook-signature": signature}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(receiver.url, b"{}", headers), timeout=10)
    refused.value.close()
    assert refused.value.code == 401


def test_the_filter_policy_of_the_page(aws: Aws) -> None:
    sqs, sns = aws.client("sqs"), aws.client("sns")
    queue = sqs.create_queue(QueueName="own")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = block("json", '{"EventType"')
    assert json.dumps(json.loads(policy)).replace('"', '\\"') in PAGE, "the command has the same policy"
    sns.subscribe(
        TopicArn=os.environ["EVENTS_TOPIC_ARN"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": policy},
    )
    sent: list[dict[str, Any]] = [
        {"EventType": "COMPLETED", "ModalitiesInStudy": ["CT"]},
        {"EventType": "COMPLETED", "ModalitiesInStudy": ["SR", "MR"]},
        {"EventType": "COMPLETED", "ModalitiesInStudy": ["XA"]},
        {"EventType": "INSTANCES_ADDED", "ModalitiesInStudy": ["CT"]},
        {"EventType": None, "ModalitiesInStudy": None},
    ]
    for number, facts in enumerate(sent):
        pacs_event = {"StudyInstanceUID": f"1.2.{number}"} | facts
        event_id = store_event(json.dumps(pacs_event).encode(), announcement(pacs_event))
        assert event_id is not None
        assert publish_events([event_id]) == {}
    assert sorted(body["pacsEvent"]["StudyInstanceUID"] for body in bodies(aws, queue)) == ["1.2.0", "1.2.1"]
