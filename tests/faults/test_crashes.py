"""The path of an event with a worker killed between any two of its steps: what was acknowledged arrives everywhere."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dicom_service.events.delivery_log import Delivery, read_deliveries
from local.aws import Aws
from tests.faults.proxy import KillingProxy, When
from tests.faults.worker import Worker
from tests.queues import queue_url, received
from tests.scripted import Answer, Asked
from tests.scripted import ScriptedPacs as ScriptedSubscriber

VISIBILITY_SECONDS = 300
CALLBACK = json.loads((Path(__file__).parents[2] / "events/receive_exam_event.json").read_text())
CALLS = 18
"""To AWS on the path of one event to two subscribers; a test shows that there are so many."""


@dataclass
class EventPath:
    """The steps from the callback to the subscribers, each repeated after a crash as AWS would repeat it."""

    aws: Aws
    proxy: KillingProxy
    worker: Worker
    now: float = field(default_factory=time.time)
    crashes: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Takes one event from the PACS to the end of all its deliveries."""
        while (answer := self.step("receive_exam_event", CALLBACK)) is None or answer["statusCode"] != 204:
            continue
        while self.step("publish_exam_event", {"Records": self._stream()}) != {"batchItemFailures": []}:
            continue
        self._drain("EventsQueue", lambda event: self.step("fan_out_exam_event", event) == {"batchItemFailures": []})
        self._drain("DeliveriesQueue", self._delivered)

    def step(self, name: str, event: Any) -> Any:
        """What the function answers; None where it was killed."""
        process, answers = self.worker.start(name, event, self.now)
        self.proxy.victim = process.pid or 0
        process.join(20)
        assert process.exitcode is not None, f"{name} hangs"
        try:
            return answers.recv()
        except EOFError:
            assert self.proxy.killed, f"{name} failed by itself"
        self.crashes.append(name)
        return None

    def _delivered(self, event: Any) -> bool:
        message = event["Records"][0]["body"]
        before = len(self.crashes)
        wait = self.step("deliver_exam_event", message)
        if len(self.crashes) > before:
            self.now += VISIBILITY_SECONDS
            return False
        self.now += wait or 0
        return wait is None

    def _drain(self, queue: str, handled: Any) -> None:
        """Hands each message over until it is handled; one that is not becomes visible again."""
        url, sqs = queue_url(self.aws, queue), self.aws.client("sqs")
        while event := received(self.aws, url):
            receipt = event["Records"][0]["receiptHandle"]
            if handled(event):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
            else:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def _stream(self) -> list[Any]:
        """All that was ever written, as the stream has it."""
        streams = self.aws.client("dynamodbstreams")
        arn = streams.list_streams(TableName=os.environ["EVENTS_TABLE"])["Streams"][0]["StreamArn"]
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return json.loads(json.dumps(records, default=str))


@pytest.fixture
def path(aws: Aws, resources_environment: dict[str, str]) -> Iterator[EventPath]:
    """The path of events through AWS, by a proxy that can kill."""
    with KillingProxy(aws.url) as proxy:
        environment = {**resources_environment, **aws.environment, "AWS_ENDPOINT_URL": proxy.url}
        yield EventPath(aws, proxy, Worker({**environment, "CALLBACK_ALLOW_INSECURE": "true"}))


class Subscribers:
    """Two of them, and what they were told."""

    def __init__(self, path: EventPath, monkeypatch: pytest.MonkeyPatch, *servers: ScriptedSubscriber) -> None:
        self._servers = servers
        urls = ",".join(server.url for server in servers)
        monkeypatch.setenv("CALLBACK_URLS", urls)
        monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
        path.worker._environment["CALLBACK_URLS"] = urls

    def check(self) -> None:
        """Each got the PACS's bytes at least once, always under one identifier, and the log says so."""
        identifiers = {asked.headers["webhook-id"] for server in self._servers for asked in server.asked}
        assert len(identifiers) == 1, identifiers
        for server in self._servers:
            assert {asked.body for asked in server.asked} == {CALLBACK["body"].encode()}
        assert {row.state for row in self.rows(identifiers.pop())} == {"delivered"}

    def rows(self, event_id: str) -> list[Delivery]:
        """The log of the event, one row for each of them."""
        rows = read_deliveries(event_id)
        assert len(rows) == len(self._servers)
        return rows


def test_without_a_crash_each_step_is_made_once(path: EventPath, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(200)) as one, ScriptedSubscriber(Answer(200)) as two:
        subscribers = Subscribers(path, monkeypatch, one, two)
        path.run()
        subscribers.check()
    assert (len(one.asked), len(two.asked), path.crashes) == (1, 1, [])
    assert len(path.proxy.calls) == CALLS, path.proxy.calls


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fatal", range(1, CALLS + 1))
def test_a_worker_killed_at_any_call_to_aws(
    path: EventPath, monkeypatch: pytest.MonkeyPatch, fatal: int, when: When
) -> None:
    with ScriptedSubscriber(Answer(200)) as one, ScriptedSubscriber(Answer(200)) as two:
        subscribers = Subscribers(path, monkeypatch, one, two)
        path.proxy.arm(fatal, when)
        path.run()
        assert len(path.crashes) == 1
        subscribers.check()


def test_a_worker_killed_after_the_subscribers_200(path: EventPath, monkeypatch: pytest.MonkeyPatch) -> None:
    def take_and_kill(asked: Asked) -> Answer:
        if not path.proxy.killed:
            path.proxy.kill()
        return Answer(200)

    with ScriptedSubscriber(by=take_and_kill) as one, ScriptedSubscriber(Answer(200)) as two:
        subscribers = Subscribers(path, monkeypatch, one, two)
        path.run()
        subscribers.check()
    assert path.crashes == ["deliver_exam_event"]
    assert (len(one.asked), len(two.asked)) == (2, 1)
