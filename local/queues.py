"""The event source mapping of an SQS queue.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import base64
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import REGION, Aws
from local.backlog import Backlog
from local.batches import failed, wanted
from local.gateway import Invoke
from local.template import EventSource
from local.workers import InvocationError

POLL_SECONDS = 5
PAUSE_SECONDS = 1.0
FULL_SECONDS = 0.05
MOST_MESSAGES = 10
CONCURRENCY = 10
"""How many batches of a queue are handled at a time, where the template does not say."""


class Queue:
    """Reads one queue and hands its messages to one function, until it is told to stop."""

    def __init__(self, source: EventSource, aws: Aws, invoke: Invoke) -> None:
        self._source = source
        self._invoke = invoke
        self._sqs = aws.client("sqs")
        self._url = self._sqs.get_queue_url(QueueName=source.arn.rpartition(":")[2])["QueueUrl"]
        most = int(source.properties.get("ScalingConfig", {}).get("MaximumConcurrency", CONCURRENCY))
        self._size = min(int(source.properties.get("BatchSize", MOST_MESSAGES)), MOST_MESSAGES)
        self._backlog = Backlog(most, self._hidden_seconds() / 2)
        self._batches = ThreadPoolExecutor(most, f"queue of {source.function}")

    def run(self, stopped: Event) -> None:
        """Polls. Messages with groups are received ahead of their turn, which is fair only among what is known."""
        while not stopped.is_set():
            if self._backlog.full:
                stopped.wait(FULL_SECONDS)
                continue
            messages = self._receive(stopped)
            self._backlog.add(messages)
            for _ in range(0, len(messages), self._size):
                self._batches.submit(self._handle_next)
        self._batches.shutdown(wait=False, cancel_futures=True)

    def _hidden_seconds(self) -> float:
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])
        return float(attributes["Attributes"]["VisibilityTimeout"])

    def _handle_next(self) -> None:
        messages = self._backlog.take(self._size)
        try:
            if messages:
                self._handle(messages)
        finally:
            self._backlog.done(messages)

    def _receive(self, stopped: Event) -> list[dict[str, Any]]:
        try:
            received = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=self._size,
                WaitTimeSeconds=POLL_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError):
            stopped.wait(PAUSE_SECONDS)
            return []
        messages: list[dict[str, Any]] = received.get("Messages", [])
        return messages

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        """Calls the function; what it handled is deleted, what it failed comes again when it is no longer hidden."""
        try:
            records = [self._record(message) for message in messages]
            asked = [record for record in records if wanted(record, self._source.properties)]
            answer = self._invoke(self._source.function, {"Records": asked}) if asked else None
            identifiers = [record["messageId"] for record in asked]
            kept = set(failed(answer, identifiers, self._source.properties))
            self._delete([message for message in messages if message["MessageId"] not in kept])
        except (InvocationError, BotoCoreError, ClientError):
            return

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
        if entries:
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message as Lambda's event has it."""
        attributes = message.get("MessageAttributes", {})
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._source.arn,
            "awsRegion": REGION,
        }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "BinaryValue" in value:
        return attribute | {"binaryValue": base64.b64encode(value["BinaryValue"]).decode()}
    return attribute | {"stringValue": value["StringValue"]}
