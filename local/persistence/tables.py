"""DynamoDB tables between two runs: each item as it was last written, and what no reader of a stream has passed yet."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from local.persistence.records import Record, Records

KEY_OF = {"Put": "Item", "Update": "Key", "Delete": "Key", "PutRequest": "Item", "DeleteRequest": "Key"}
"""Where an operation of a transaction or a batch names the item that it writes."""

Backend = Any
"""moto's DynamoDBBackend of one region."""


class Tables:
    """The tables of a backend; requests to them come one at a time."""

    def __init__(self, backend: Backend, streams: Any, records: Records) -> None:
        self._backend = backend
        self._streams = streams
        self._records = records
        self._streamed: dict[str, int] = {}
        self._passed: dict[str, int] = {}

    def restore(self, expiry: Mapping[str, str]) -> tuple[Counter[str], Counter[str]]:
        """Fills tables that are empty; gives how many items they got, and how many are left alone, by table.

        Left alone is what belongs to a table of another version: with other keys or indexes. `expiry` names the
        attribute of a table that holds when an item is to go (TTL); what is past that is forgotten.
        """
        stores = {self._store(table): table for table in self._backend.tables.values()}
        restored, left, expired = Counter[str](), Counter[str](), []
        for record in self._records.of("item"):
            table, attributes = stores.get(record.store), record.content or {}
            if table is None:
                left[record.store.partition(" ")[0]] += 1
            elif _ends(attributes, expiry.get(table.name)) < time.time():
                expired.append(Record("item", record.store, record.key))
            else:
                _fill(table, attributes)
                restored[table.name] += 1
        self._records.write(expired)
        self._restore_streams(stores)
        return restored, left

    def record(self, operation: str, request: Mapping[str, Any]) -> None:
        """Keeps what a request has written, by its operation (`PutItem`) and its body."""
        if operation == "GetRecords":
            self._pass(request["ShardIterator"])
            return
        names = set()
        changes = []
        for name, key in _written(operation, request):
            table = self._backend.tables.get(name.rpartition("/")[2])
            if table is not None:
                changes.append(self._item(table, key))
                names.add(table.name)
        for name in sorted(names):
            changes += self._new_stream_records(self._backend.tables[name])
        self._records.write(changes)

    def _item(self, table: Any, attributes: Mapping[str, Any]) -> Record:
        key = {name: attributes[name] for name in (table.hash_key_attr, table.range_key_attr) if name}
        item = self._backend.get_item(table.name, key)
        store = self._store(table)
        content = item.to_json()["Attributes"] if item else None
        return Record("item", store, f"{store} {json.dumps(key, sort_keys=True)}", content)

    def _store(self, table: Any) -> str:
        """The table's name and a digest of what its items must fit."""
        indexes = [(index.name, index.schema) for index in (*table.global_indexes, *table.indexes)]
        attributes = sorted((each["AttributeName"], each["AttributeType"]) for each in table.attr)
        shape = json.dumps([table.schema, attributes, sorted(indexes, key=str)], sort_keys=True)
        return f"{table.name} {hashlib.sha256(shape.encode()).hexdigest()[:16]}"

    def _new_stream_records(self, table: Any) -> list[Record]:
        shard = table.stream_shard
        if shard is None:
            return []
        since = self._streamed.get(table.name, 0)
        self._streamed[table.name] = len(shard.items)
        places = range(since, len(shard.items))
        return [self._stream_record(table, place, shard.items[place].record) for place in places]

    def _stream_record(self, table: Any, place: int, content: dict[str, Any] | None) -> Record:
        store = self._store(table)
        return Record("stream", store, f"{store} {place}", content)

    def _pass(self, iterator: str) -> None:
        """Whoever asks for the records from a place on has handled those before it."""
        reader = self._streams.shard_iterators.get(iterator)
        if reader is None:
            return
        table = reader.stream_shard.table
        place = reader.sequence_number - reader.stream_shard.starting_sequence_number
        since = self._passed.get(table.name, 0)
        self._records.write([self._stream_record(table, passed, None) for passed in range(since, place)])
        self._passed[table.name] = max(since, place)

    def _restore_streams(self, stores: Mapping[str, Any]) -> None:
        """Puts what nobody has passed at the beginning of the new streams, which number anew."""
        from moto.dynamodb.models.table import StreamRecord

        streamed = {store: table for store, table in stores.items() if table.stream_shard is not None}
        changes = []
        for old in self._records.of("stream"):
            if old.store in streamed and old.content:
                changes.append(Record("stream", old.store, old.key))
                shard = streamed[old.store].stream_shard
                waiting = StreamRecord.__new__(StreamRecord)
                waiting.record = old.content
                waiting.record["dynamodb"]["SequenceNumber"] = str(shard.starting_sequence_number + len(shard.items))
                shard.items.append(waiting)
        for table in streamed.values():
            changes += self._new_stream_records(table)
        self._records.write(changes)


def _written(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The table and the key, among other attributes, of each item that a request writes."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield request["TableName"], request["Item" if operation == "PutItem" else "Key"]
    elif operation == "TransactWriteItems":
        for kind, one in (pair for item in request["TransactItems"] for pair in item.items() if pair[0] in KEY_OF):
            yield one["TableName"], one[KEY_OF[kind]]
    elif operation == "BatchWriteItem":
        for name, items in request["RequestItems"].items():
            for kind, one in (pair for item in items for pair in item.items()):
                yield name, one[KEY_OF[kind]]


def _ends(attributes: Mapping[str, Any], expiry: str | None) -> float:
    """When DynamoDB may delete an item, in seconds since 1970.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
    """
    end = attributes.get(expiry or "", {}).get("N")
    return float(end) if end else float("inf")


def _fill(table: Any, attributes: Mapping[str, Any]) -> None:
    """Puts an item where `put_item` would, without an entry in the stream."""
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

    first = DynamoType(attributes[table.hash_key_attr])
    second = DynamoType(attributes[table.range_key_attr]) if table.range_key_attr else None
    item = Item(first, second, dict(attributes))
    if second is None:
        table.items[first] = item
    else:
        table.items[first][second] = item
