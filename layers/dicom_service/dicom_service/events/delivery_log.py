"""The delivery log: one row per event and subscriber, with what became of it; gone 90 days after its last change.

There is none before the first attempt, or before the delivery first has to wait: most deliveries need one try.

A row's `run` counts how often the delivery was asked for anew. A message of an earlier run is out of date.
"""

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dicom_service import settings
from dicom_service.stores import client, conditional_write, query_rows, translated

if TYPE_CHECKING:
    from dicom_service.stores import Row

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

    @classmethod
    def fresh(cls, event_id: str, received_at: str, subscriber: str, url: str, run: int, now: float) -> "Delivery":
        """A delivery of which nothing is in the log: `subscriber` is its key, `url` what is shown of it."""
        return cls(event_id, subscriber, url, received_at, run, now, "pending", 0, 0, "", now)

    def anew(self, run: int, now: float) -> "Delivery":
        """The row as it begins a later run."""
        return Delivery.fresh(self.event_id, self.received_at, self.subscriber, self.url, run, now)


def open_delivery(fresh: Delivery, now: float) -> None:
    """Notes that the subscriber is to get the event; a row that is there already stays as it is."""
    write_delivery(None, fresh, now)


def read_delivery(event_id: str, subscriber: str) -> Delivery | None:
    """The row, or None where there is none; raises StoreUnavailable."""
    with translated("read the delivery log"):
        key = delivery_key(event_id, subscriber)
        found = client("dynamodb").get_item(TableName=log_table(), Key=key, ConsistentRead=True)
    return stored_delivery(found["Item"]) if "Item" in found else None


def read_deliveries(event_id: str) -> list[Delivery]:
    """All rows of an event; raises StoreUnavailable."""
    rows = query_rows(
        "read the delivery log",
        TableName=log_table(),
        ConsistentRead=True,
        KeyConditionExpression="eventId = :event",
        ExpressionAttributeValues={":event": {"S": event_id}},
    )
    return list(map(stored_delivery, rows))


def given_up(state: State, since: str, until: str) -> Iterator[tuple[str, str]]:
    """Event and subscriber of the deliveries in an end state, of events received in a span of time (ISO 8601, UTC)."""
    for lane in (state, *(_lane(state, digit) for digit in "0123456789abcdef")):
        yield from _given_up(lane, since, until)


def _given_up(lane: str, since: str, until: str) -> Iterator[tuple[str, str]]:
    rows = query_rows(
        "look for deliveries that were given up",
        TableName=log_table(),
        IndexName=GIVEN_UP_INDEX,
        KeyConditionExpression="givenUp = :lane AND receivedAt BETWEEN :since AND :until",
        ExpressionAttributeValues={":lane": {"S": lane}, ":since": {"S": since}, ":until": {"S": until}},
    )
    return ((row["eventId"]["S"], row["subscriber"]["S"]) for row in rows)


def _lane(state: State, event_id: str) -> str:
    """The key under which the index has it: by the event, since a key takes 1,000 writes a second."""
    return f"{state}#{event_id[0]}"


def write_delivery(before: Delivery | None, after: Delivery, now: float) -> bool:
    """Replaces a row, or makes the first; False where it is no longer what it was before: another worker has it."""
    if before is None:
        return _put(after, now, "attribute_not_exists(eventId)", {})
    unchanged: Row = {
        ":run": {"N": str(before.run)},
        ":attempts": {"N": str(before.attempts)},
        ":state": {"S": before.state},
    }
    return _put(after, now, "#run = :run AND attempts = :attempts AND #state = :state", unchanged)


def _put(delivery: Delivery, now: float, condition: str, values: "Row") -> bool:
    writer = uuid.uuid4().hex
    request: dict[str, Any] = {
        "TableName": log_table(),
        "Item": _item(delivery, now) | {"writer": {"S": writer}},
        "ConditionExpression": condition,
    }
    if values:
        request["ExpressionAttributeNames"] = {"#run": "run", "#state": "state"}
        request["ExpressionAttributeValues"] = values
    put = client("dynamodb").put_item
    written, _ = conditional_write("write the delivery log", put, ("writer", writer), **request)
    return written


def delivery_key(event_id: str, subscriber: str) -> "Row":
    """The key of the delivery's row in DELIVERIES_TABLE."""
    return {"eventId": {"S": event_id}, "subscriber": {"S": subscriber}}


def _item(delivery: Delivery, now: float) -> "Row":
    item: Row = {
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
        item["givenUp"] = {"S": _lane(delivery.state, delivery.event_id)}
    return item | delivery_key(delivery.event_id, delivery.subscriber)


def stored_delivery(item: "Row") -> Delivery:
    """The delivery of a row."""
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


def log_table() -> str:
    """The table's name; raises ConfigurationError."""
    return settings.required("DELIVERIES_TABLE")
