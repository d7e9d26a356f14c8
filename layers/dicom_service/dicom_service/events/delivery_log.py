"""The delivery log: one row per event and subscriber, with what became of it; gone 90 days after its last change.

A row's `run` counts how often the delivery was asked for anew. A message of an earlier run is out of date.
"""

import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dicom_service import settings
from dicom_service.events.subscribers import Subscriber
from dicom_service.stores import client, conditional_write, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

State = Literal["pending", "delivered", "failed", "gone"]

GIVEN_UP_INDEX = "given-up"
KEPT_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class Delivery:
    """A row of the log; times are seconds since 1970.

    `asked_at` is when this run began, `next_attempt_at` 0 where there is no further attempt, `last_status` 0 where no
    HTTP answer came.
    """

    event_id: str
    subscriber: str
    url: str
    received_at: str
    run: int
    asked_at: float
    state: State
    attempts: int
    last_status: int
    last_error: str
    next_attempt_at: float

    def anew(self, run: int, now: float) -> "Delivery":
        """The row as it begins a later run."""
        return Delivery(self.event_id, self.subscriber, self.url, self.received_at, run, now, "pending", 0, 0, "", now)


def open_delivery(event_id: str, received_at: str, subscriber: Subscriber, now: float) -> None:
    """Notes that the subscriber is to get the event; a row that is there already stays as it is."""
    fresh = Delivery(event_id, subscriber.key, subscriber.shown, received_at, 0, now, "pending", 0, 0, "", now)
    _put(fresh, now, "attribute_not_exists(eventId)", {})


def read_delivery(event_id: str, subscriber: str) -> Delivery | None:
    """The row, or None where there is none; raises StoreUnavailable."""
    with translated("read the delivery log"):
        found = client("dynamodb").get_item(TableName=_table(), Key=_key(event_id, subscriber), ConsistentRead=True)
    return _delivery(found["Item"]) if "Item" in found else None


def read_deliveries(event_id: str) -> list[Delivery]:
    """All rows of an event; raises StoreUnavailable."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=_table(),
            ConsistentRead=True,
            KeyConditionExpression="eventId = :event",
            ExpressionAttributeValues={":event": {"S": event_id}},
        )
    )
    with translated("read the delivery log"):
        return [_delivery(item) for page in pages for item in page["Items"]]


def given_up(state: State, since: str, until: str) -> Iterator[tuple[str, str]]:
    """Event and subscriber of the deliveries in an end state, of events received in a span of time (ISO 8601, UTC)."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=_table(),
            IndexName=GIVEN_UP_INDEX,
            KeyConditionExpression="givenUp = :state AND receivedAt BETWEEN :since AND :until",
            ExpressionAttributeValues={":state": {"S": state}, ":since": {"S": since}, ":until": {"S": until}},
        )
    )
    with translated("look for deliveries that were given up"):
        for page in pages:
            yield from ((item["eventId"]["S"], item["subscriber"]["S"]) for item in page["Items"])


def write_delivery(before: Delivery, after: Delivery, now: float) -> bool:
    """Replaces a row; False where it is no longer what it was before, because another worker has it."""
    unchanged: dict[str, AttributeValueTypeDef] = {
        ":run": {"N": str(before.run)},
        ":attempts": {"N": str(before.attempts)},
        ":state": {"S": before.state},
    }
    return _put(after, now, "#run = :run AND attempts = :attempts AND #state = :state", unchanged)


def _put(delivery: Delivery, now: float, condition: str, values: "Mapping[str, AttributeValueTypeDef]") -> bool:
    writer = uuid.uuid4().hex
    request: dict[str, Any] = {
        "TableName": _table(),
        "Item": _item(delivery, now) | {"writer": {"S": writer}},
        "ConditionExpression": condition,
    }
    if values:
        request["ExpressionAttributeNames"] = {"#run": "run", "#state": "state"}
        request["ExpressionAttributeValues"] = values
    put = client("dynamodb").put_item
    written, _ = conditional_write("write the delivery log", put, ("writer", writer), **request)
    return written


def _key(event_id: str, subscriber: str) -> "dict[str, AttributeValueTypeDef]":
    return {"eventId": {"S": event_id}, "subscriber": {"S": subscriber}}


def _item(delivery: Delivery, now: float) -> "dict[str, AttributeValueTypeDef]":
    item: dict[str, AttributeValueTypeDef] = {
        "url": {"S": delivery.url},
        "receivedAt": {"S": delivery.received_at},
        "run": {"N": str(delivery.run)},
        "askedAt": {"N": _milliseconds(delivery.asked_at)},
        "state": {"S": delivery.state},
        "attempts": {"N": str(delivery.attempts)},
        "lastStatus": {"N": str(delivery.last_status)},
        "lastError": {"S": delivery.last_error},
        "nextAttemptAt": {"N": _milliseconds(delivery.next_attempt_at)},
        "expiresAt": {"N": str(int(now) + KEPT_SECONDS)},
    }
    if delivery.state in ("failed", "gone"):
        item["givenUp"] = {"S": delivery.state}
    return item | _key(delivery.event_id, delivery.subscriber)


def _delivery(item: "Mapping[str, AttributeValueTypeDef]") -> Delivery:
    state: Any = item["state"]["S"]
    return Delivery(
        event_id=item["eventId"]["S"],
        subscriber=item["subscriber"]["S"],
        url=item["url"]["S"],
        received_at=item["receivedAt"]["S"],
        run=int(item["run"]["N"]),
        asked_at=float(item["askedAt"]["N"]),
        state=state,
        attempts=int(item["attempts"]["N"]),
        last_status=int(item["lastStatus"]["N"]),
        last_error=item["lastError"]["S"],
        next_attempt_at=float(item["nextAttemptAt"]["N"]),
    )


def _milliseconds(seconds: float) -> str:
    """Rounded down: what is due now is not due a moment later."""
    return f"{math.floor(seconds * 1000) / 1000:.3f}"


def _table() -> str:
    return settings.required("DELIVERIES_TABLE")
