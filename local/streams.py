"""The event source mapping of a DynamoDB stream.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Aws
from local.batches import failed, wanted
from local.gateway import Invoke
from local.logs import say
from local.template import EventSource
from local.workers import InvocationError

POLL_SECONDS = 2.0
"""How long a stream is left alone when nobody says that there may be something new."""

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0

Record = dict[str, Any]


class Stream:
    """Reads one stream in order and hands its records to one function, until it is told to stop."""

    def __init__(self, source: EventSource, aws: Aws, invoke: Invoke) -> None:
        self._source = source
        self._invoke = invoke
        self._client = aws.client("dynamodbstreams")
        self._size = int(source.properties.get("BatchSize", 100))
        self._bisect = bool(source.properties.get("BisectBatchOnFunctionError", False))
        self._most_retries = int(source.properties.get("MaximumRetryAttempts", -1))
        self.news = Event()

    def run(self, stopped: Event) -> None:
        """Reads whatever there is, then waits for news."""
        iterator = self._iterator()
        while not stopped.is_set():
            self.news.clear()
            try:
                got = self._client.get_records(ShardIterator=iterator, Limit=self._size)
            except (BotoCoreError, ClientError):
                stopped.wait(POLL_SECONDS)
                continue
            records = [self._record(record) for record in got["Records"]]
            if records:
                iterator = got["NextShardIterator"]
                self._deliver([record for record in records if wanted(record, self._source.properties)], stopped)
            else:
                self.news.wait(POLL_SECONDS)

    def _iterator(self) -> str:
        """Where the shard begins: emulated streams have one, and start with the process."""
        described = self._client.describe_stream(StreamArn=self._source.arn)["StreamDescription"]
        iterator: str = self._client.get_shard_iterator(
            StreamArn=self._source.arn,
            ShardId=described["Shards"][0]["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        return iterator

    def _deliver(self, records: list[Record], stopped: Event) -> None:
        """Hands records over in order: what comes after one that fails waits until it succeeds or is given up."""
        size, retries, pause = len(records), 0, FIRST_PAUSE_SECONDS
        while records and not stopped.is_set():
            done = self._first_failed(records[:size])
            if done == 0 and self._bisect and size > 1:
                size = (size + 1) // 2
                continue
            if done == 0 and retries == self._most_retries:
                say("pump", f"{self._source.function} gave up {size} record(s) of its stream after {retries} retries")
                done = size
            if done:
                records = records[done:]
                size, retries, pause = len(records), 0, FIRST_PAUSE_SECONDS
            else:
                stopped.wait(pause)
                retries, pause = retries + 1, min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _first_failed(self, records: list[Record]) -> int:
        """The place of the first record that failed; their number where none did."""
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        try:
            answer = self._invoke(self._source.function, {"Records": records})
        except InvocationError:
            return 0
        return min(
            (numbers.index(one) for one in failed(answer, numbers, self._source.properties)), default=len(records)
        )

    def _record(self, record: Mapping[str, Any]) -> Record:
        """A record as Lambda's event has it."""
        plain: Record = json.loads(json.dumps({**record, "eventSourceARN": self._source.arn}, default=_plain))
        return plain


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
