"""What calls of AWS cost, by AWS's own rules: an emulator answers them, and tells nothing of units, keys and time.

Counts in this process, by botocore's events. DynamoDB: a write unit is 1 KB, two in a transaction, and each index that
holds the item takes as much again; a read unit is 4 KB, half of one where the read is eventually consistent, two in a
transaction. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import boto3

from dicom_service.stores import client

MILLISECONDS = {
    "GetItem": 3, "BatchGetItem": 6, "Query": 5, "Scan": 60, "PutItem": 5, "UpdateItem": 5, "DeleteItem": 5,
    "TransactWriteItems": 14, "PublishBatch": 18, "SendMessage": 8, "SendMessageBatch": 14, "PutObject": 30,
    "GetObject": 20, "ChangeMessageVisibility": 6,
}  # fmt: skip
"""Typical, not promised; where the table has no figure a call counts as 10."""

TRANSACTED = "TransactWriteItems"
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", TRANSACTED})

Row = dict[str, Any]


@dataclass
class Ledger:
    """What was asked for: calls by name, units by table and key, bytes read, and milliseconds of AWS."""

    calls: Counter[str] = field(default_factory=Counter)
    writes: Counter[tuple[str, str]] = field(default_factory=Counter)
    reads: Counter[tuple[str, str]] = field(default_factory=Counter)
    milliseconds: float = 0.0

    @property
    def write_units(self) -> float:
        """Of all keys, indexes included."""
        return sum(self.writes.values())

    @property
    def read_units(self) -> float:
        """Of all keys, indexes included."""
        return sum(self.reads.values())

    def hottest(self) -> tuple[tuple[str, str], float]:
        """The key that takes the most write units, and how many."""
        return max(self.writes.items(), key=lambda each: each[1], default=(("", ""), 0.0))


class Meter:
    """Fills ledgers with what this process asks of DynamoDB, SNS, SQS and S3."""

    def __init__(self) -> None:
        self._tables: dict[str, Any] = {}
        self._lock = Lock()
        self._own: Any = boto3.client("dynamodb")  # which nobody counts
        self.ledger = Ledger()

    @contextmanager
    def counting(self) -> Iterator[Ledger]:
        """A new ledger of what is asked meanwhile."""
        self.ledger = Ledger()
        events = [client("dynamodb").meta.events, client("sns").meta.events, client("sqs").meta.events]
        events += [client("s3", patience).meta.events for patience in (5.0, 20.0, 60.0)]
        for each in events:
            each.register("provide-client-params", self._asked)
            each.register("after-call", self._answered)
        try:
            yield self.ledger
        finally:
            for each in events:
                each.unregister("provide-client-params", self._asked)
                each.unregister("after-call", self._answered)

    def _asked(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params
        if model.name in WRITES:
            context["places"] = places = [self._place(each) for each in _requests(model.name, params)]
            context["before"] = [self._row(*place) for place in places]

    def _answered(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        after = [self._row(*place) for place in context.get("places", [])]
        with self._lock:
            self.ledger.calls[model.name] += 1
            self.ledger.milliseconds += MILLISECONDS.get(model.name, 10)
            for (table, key), before, row in zip(
                context.get("places", []), context.get("before", []), after, strict=True
            ):
                self._charge_write(table, key, before, row, 2 if model.name == TRANSACTED else 1)
            if model.name in ("GetItem", "Query", "Scan", "BatchGetItem"):
                self._charge_reads(model.name, context["asked"], parsed)

    def _charge_reads(self, name: str, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        if name == "BatchGetItem":
            for table, rows in parsed.get("Responses", {}).items():
                for row in rows:
                    self._charge_read(table, _text(row[self._key_of(table)]), [row], asked["RequestItems"][table])
            return
        if name == "GetItem":
            table, key = self._place(asked)
            self._charge_read(table, _text(key[self._key_of(table)]), [parsed.get("Item", {})], asked)
            return
        table = asked["TableName"] + (f"/{asked['IndexName']}" if "IndexName" in asked else "")
        values = asked.get("ExpressionAttributeValues", {})
        self._charge_read(table, _text(next(iter(values.values()), {"S": ""})), parsed.get("Items", []), asked)

    def _charge_read(self, table: str, key: str, rows: list[Row], asked: dict[str, Any]) -> None:
        units = max(1, math.ceil(sum(map(size, rows)) / 4096))
        self.ledger.reads[table, key] += units if asked.get("ConsistentRead") else units / 2

    def _charge_write(self, table: str, key: Row, before: Row, after: Row, times: int) -> None:
        units = max(1, math.ceil(max(size(before), size(after)) / 1024))
        self.ledger.writes[table, _text(key[self._key_of(table)])] += units * times
        if before == after:
            return
        for index, attribute in self._indexes(table):
            for value in {_text(row[attribute]) for row in (before, after) if attribute in row}:
                self.ledger.writes[f"{table}/{index}", value] += units

    def _place(self, request: dict[str, Any]) -> tuple[str, Row]:
        keys = [key["AttributeName"] for key in self._described(request["TableName"])["KeySchema"]]
        row = request.get("Key") or request["Item"]
        return request["TableName"], {name: row[name] for name in keys}

    def _row(self, table: str, key: Row) -> Row:
        row: Row = self._own.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return row

    def _key_of(self, table: str) -> str:
        keys: list[dict[str, str]] = self._described(table)["KeySchema"]
        return next(key["AttributeName"] for key in keys if key["KeyType"] == "HASH")

    def _indexes(self, table: str) -> list[tuple[str, str]]:
        return [
            (index["IndexName"], key["AttributeName"])
            for index in self._described(table).get("GlobalSecondaryIndexes", [])
            for key in index["KeySchema"]
            if key["KeyType"] == "HASH"
        ]

    def _described(self, table: str) -> Row:
        if table not in self._tables:
            self._tables[table] = self._own.describe_table(TableName=table)["Table"]
        described: Row = self._tables[table]
        return described


def size(row: Row) -> int:
    """Bytes of an item as DynamoDB counts them, about: names and values."""
    return sum(len(name) + _length(next(iter(value.values()))) for name, value in row.items())


def _length(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    return len(json.dumps(value, ensure_ascii=False, default=lambda content: "x" * len(content)).encode())


def _requests(name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    return [next(iter(each.values())) for each in params["TransactItems"]] if name == TRANSACTED else [params]


def _text(value: Row) -> str:
    return str(next(iter(value.values())))
