"""The events table: what the PACS said, byte for byte, kept before the PACS is answered and until it has gone out.

An item is an event (`eventId`), or the mark of a payload that was taken lately (`payload#` and its SHA-256). An event
that has not gone out yet holds `outbox`, the key of a sparse index that the sweep reads.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_service import correlation, metrics, settings
from dicom_service.errors import NotFound, StoreUnavailable
from dicom_service.events.exam_event import Announcement
from dicom_service.stores import client, read_rows, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from dicom_service.stores import Row

INLINE_BYTES = 300_000
"""Up to here a payload lies in the item itself, which may have 400 KB with everything else; above it, in the bucket.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

DEDUPE_SECONDS = 600
MOST_DEDUPE_SECONDS = 86400

PAYLOAD_MARK = "payload#"
MOST_TRIES = 5
READ_TOGETHER = 49
"""Events of one BatchGetItem, which gives 16 MB at the most."""

LANES = tuple(f"waiting#{digit:x}" for digit in range(16))
"""The values of `outbox`: a key of an index takes 1,000 writes a second, and each event enters and leaves one.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-sharding.html
"""


@dataclass(frozen=True)
class StoredEvent:
    """An event of the table; `received_at` is ISO 8601 in UTC, `position` its number in the feed, or 0.

    `correlation_id` is that of the request that announced it, empty where it is not known.
    """

    event_id: str
    received_at: str
    facts: Announcement
    position: int
    inline: bytes | None
    object_key: str
    correlation_id: str = ""

    def payload(self) -> bytes:
        """The PACS's body as it came; raises StoreUnavailable where the bucket does not give it."""
        if self.inline is not None:
            return self.inline
        with translated("read an event's payload"):
            found = client("s3").get_object(Bucket=settings.required("TRANSFER_BUCKET"), Key=self.object_key)
            return found["Body"].read()

    def as_json(self, payload: bytes | None, **more: str | None) -> str:
        """`{"eventId", "receivedAt", "pacsEvent"}`, the PACS's own JSON put in as it came, or left out; and `more`."""
        head = json.dumps({"eventId": self.event_id, "receivedAt": self.received_at, **more})
        return head if payload is None else f'{head[:-1]}, "pacsEvent": {payload.decode("utf-8-sig").strip()}}}'


def new_event_id() -> str:
    """A random identifier of 32 hexadecimal digits."""
    return uuid.uuid4().hex


def store_event(
    payload: bytes,
    facts: Announcement,
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = new_event_id,
) -> str | None:
    """Keeps an event for good; gives its identifier, or None where the identical payload was taken lately.

    «Lately» is CALLBACK_DEDUPE_SECONDS, 600 unless set, 0 for never. Raises StoreUnavailable where it is not kept.
    """
    now = clock()
    digest = hashlib.sha256(payload).hexdigest()
    event = _item(new_id(), now, facts) | _content(payload, digest)
    window = dedupe_seconds()
    if not window:
        with translated("store the event"):
            client("dynamodb").put_item(TableName=_table(), Item=event)
        metrics.add(metrics.EVENTS_RECEIVED)
        return event["eventId"]["S"]
    mark: dict[str, AttributeValueTypeDef] = {
        "eventId": {"S": PAYLOAD_MARK + digest},
        "expiresAt": {"N": str(int(now) + window)},
    }
    if not _put_both(event, mark, int(now)):
        return None
    metrics.add(metrics.EVENTS_RECEIVED)
    return event["eventId"]["S"]


def dedupe_seconds() -> int:
    """For so long an identical payload is the same event; 0 for never."""
    return settings.whole_number("CALLBACK_DEDUPE_SECONDS", DEDUPE_SECONDS, 0, MOST_DEDUPE_SECONDS)


def load_event(event_id: str) -> StoredEvent:
    """The event as it stands; raises NotFound, and StoreUnavailable where the table does not answer."""
    with translated("read the event"):
        found = client("dynamodb").get_item(TableName=_table(), Key=event_key(event_id), ConsistentRead=True)
    if "receivedAt" not in found.get("Item", {}):
        raise NotFound("There is no such event")
    return stored_event(found["Item"])


def event_key(event_id: str) -> "Row":
    """The key of the event's row in EVENTS_TABLE."""
    return {"eventId": {"S": event_id}}


def load_events(event_ids: Sequence[str]) -> Iterator[StoredEvent]:
    """The events in the order asked for, read a few at a time; what is not stored is left out."""
    for start in range(0, len(event_ids), READ_TOGETHER):
        chunk = event_ids[start : start + READ_TOGETHER]
        found = _read_together(chunk)
        yield from (found[event_id] for event_id in chunk if event_id in found)


def _read_together(event_ids: Sequence[str]) -> dict[str, StoredEvent]:
    keys: list[Row] = [event_key(event_id) for event_id in event_ids]
    rows = read_rows("read the events", {_table(): keys})[_table()]
    return {row["eventId"]["S"]: stored_event(row) for row in rows if "receivedAt" in row}


def timestamp(moment: datetime | float) -> str:
    """A time in UTC, or seconds since 1970, as ISO 8601 with milliseconds: sorts as text as it does in time."""
    utc = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _table() -> str:
    return settings.required("EVENTS_TABLE")


def _item(event_id: str, now: float, facts: Announcement) -> "Row":
    return {
        "eventId": {"S": event_id},
        "receivedAt": {"S": timestamp(now)},
        "outbox": {"S": LANES[int(event_id[0], 16)]},
        "studyInstanceUid": {"S": facts.study_instance_uid},
        "eventType": {"S": facts.event_type},
        "modalities": {"L": [{"S": modality} for modality in facts.modalities]},
        "sourceId": {"S": facts.source_id},
        "correlationId": {"S": correlation.current()},
    }


def _content(payload: bytes, digest: str) -> "Row":
    """The payload's attribute. The bucket's key is its digest: a payload that comes again lies there once."""
    if len(payload) <= INLINE_BYTES:
        return {"payload": {"B": payload}}
    key = f"events/{digest}"
    with translated("store the event's payload"):
        client("s3").put_object(
            Bucket=settings.required("TRANSFER_BUCKET"), Key=key, Body=payload, ContentType="application/json"
        )
    return {"payloadKey": {"S": key}}


def _put_both(event: "Row", mark: "Row", now: int) -> bool:
    """The event and its payload's mark in one transaction; False where an earlier mark still holds."""
    dynamodb = client("dynamodb")
    for _ in range(MOST_TRIES):
        try:
            with translated("store the event"):
                dynamodb.transact_write_items(
                    TransactItems=[
                        {
                            "Put": {
                                "TableName": _table(),
                                "Item": mark,
                                "ConditionExpression": "attribute_not_exists(eventId) OR expiresAt <= :now",
                                "ExpressionAttributeValues": {":now": {"N": str(now)}},
                            }
                        },
                        {"Put": {"TableName": _table(), "Item": event}},
                    ]
                )
        except dynamodb.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][0].get("Code") == "ConditionalCheckFailed":
                return False
            continue
        return True
    raise StoreUnavailable("The service could not store the event (TransactionCanceledException)")


def stored_event(item: "Row") -> StoredEvent:
    """The event of a row."""
    return StoredEvent(
        event_id=item["eventId"]["S"],
        received_at=item["receivedAt"]["S"],
        facts=Announcement(
            study_instance_uid=item["studyInstanceUid"]["S"],
            event_type=item["eventType"]["S"],
            modalities=tuple(modality["S"] for modality in item["modalities"]["L"]),
            source_id=item["sourceId"]["S"],
        ),
        position=int(item["position"]["N"]) if "position" in item else 0,
        inline=bytes(item["payload"]["B"]) if "payload" in item else None,
        object_key=item["payloadKey"]["S"] if "payloadKey" in item else "",
        correlation_id=item["correlationId"]["S"] if "correlationId" in item else "",
    )
