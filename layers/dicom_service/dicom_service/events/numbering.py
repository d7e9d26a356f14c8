"""Gives events their numbers in the feed, many in one transaction, each number once and none left out.

The count goes on in the same transaction, so a reader that stands at a number has seen all below it: an event that was
stored long ago and went out late gets a number of today.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import StoreUnavailable
from dicom_service.events.feed_rows import Count, count_key, feed_table, read_count, segment_key, study_key
from dicom_service.events.outbox import StoredEvent, event_key
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

NUMBERED_TOGETHER = 49
"""A transaction takes 100 actions: two for an event, one for the segment, one for the count.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

BYTES_TOGETHER = 3_000_000
"""Of payloads, which lie in the rows that a transaction changes: 4 MB of them at the most."""

MOST_TRIES = 16
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.64
"""Between tries, at the most; at random, so that publishers that met do not meet again.

https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

RETENTION_DAYS = 365
RETENTION_LIMITS = (15, 36500)
DAY_SECONDS = 24 * 3600


def number(events: Sequence[StoredEvent], pause: Callable[[float], None] = time.sleep) -> None:
    """Gives the events the next numbers, in their order, and takes them out of the outbox.

    Those that have a number already, or are no longer stored, are passed over. Publishers that race repeat, after
    pauses: raises StoreUnavailable where one loses sixteen times, or the tables do not answer; some of the events may
    have numbers then.
    """
    for batch in _batches(events):
        _number(batch, pause)


def retention_days() -> int:
    """By EVENT_RETENTION_DAYS: how long an event is kept after it went out."""
    return settings.whole_number("EVENT_RETENTION_DAYS", RETENTION_DAYS, *RETENTION_LIMITS)


def _batches(events: Sequence[StoredEvent]) -> list[list[StoredEvent]]:
    batches: list[list[StoredEvent]] = []
    room = 0
    for event in events:
        room -= len(event.inline or b"")
        if not batches or len(batches[-1]) == NUMBERED_TOGETHER or room < 0:
            batches.append([])
            room = BYTES_TOGETHER - len(event.inline or b"")
        batches[-1].append(event)
    return batches


def _number(events: list[StoredEvent], pause: Callable[[float], None]) -> None:
    dynamodb = client("dynamodb")
    for attempt in range(MOST_TRIES):
        if attempt:
            pause(_pause_after(attempt))
        try:
            with translated("append to the feed"):
                dynamodb.transact_write_items(TransactItems=_actions(events, read_count()))
        except dynamodb.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"][2:]
            failed = [reason.get("Code") == "ConditionalCheckFailed" for reason in reasons[::2]]
            events = [event for event, has_one in zip(events, failed, strict=True) if not has_one]
            if events:
                continue
        return
    raise StoreUnavailable("The service could not append to the feed (TransactionCanceledException)")


def _pause_after(attempt: int) -> float:
    longest: float = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return longest * secrets.randbelow(1000) / 1000


def _actions(events: Sequence[StoredEvent], count: Count) -> "list[TransactWriteItemTypeDef]":
    """The count's, the segment's, and for each event its own and that of its study."""
    ends: AttributeValueTypeDef = {"N": str(int(time.time()) + retention_days() * DAY_SECONDS)}
    actions = [_counted(count, len(events)), _segment(events, count.last + 1, ends)]
    for position, event in enumerate(events, count.last + 1):
        actions += [_numbered(event, position, ends), _of_its_study(event, position, ends)]
    return actions


def _counted(count: Count, more: int) -> "TransactWriteItemTypeDef":
    unchanged = "#last = :last" if count.last else "attribute_not_exists(feed)"
    values: dict[str, AttributeValueTypeDef] = {
        ":next": {"N": str(count.last + more)},
        ":since": {"N": str(count.since)},
    }
    return {
        "Update": {
            "TableName": feed_table(),
            "Key": count_key(),
            "UpdateExpression": "SET #last = :next, since = :since",
            "ConditionExpression": unchanged,
            "ExpressionAttributeNames": {"#last": "last"},
            "ExpressionAttributeValues": values | ({":last": {"N": str(count.last)}} if count.last else {}),
        }
    }


def _segment(events: Sequence[StoredEvent], first: int, ends: "AttributeValueTypeDef") -> "TransactWriteItemTypeDef":
    entries: list[AttributeValueTypeDef] = [
        {"M": {"eventId": {"S": event.event_id}, "eventType": {"S": event.facts.event_type}}} for event in events
    ]
    row: dict[str, AttributeValueTypeDef] = {"first": {"N": str(first)}, "entries": {"L": entries}, "expiresAt": ends}
    return {"Put": {"TableName": feed_table(), "Item": segment_key(first + len(events) - 1) | row}}


def _numbered(event: StoredEvent, position: int, ends: "AttributeValueTypeDef") -> "TransactWriteItemTypeDef":
    return {
        "Update": {
            "TableName": settings.required("EVENTS_TABLE"),
            "Key": event_key(event.event_id),
            "UpdateExpression": "SET #position = :position, expiresAt = :ends REMOVE outbox",
            "ConditionExpression": "attribute_exists(eventId) AND attribute_not_exists(#position)",
            "ExpressionAttributeNames": {"#position": "position"},
            "ExpressionAttributeValues": {":position": {"N": str(position)}, ":ends": ends},
        }
    }


def _of_its_study(event: StoredEvent, position: int, ends: "AttributeValueTypeDef") -> "TransactWriteItemTypeDef":
    row: dict[str, AttributeValueTypeDef] = {
        "eventId": {"S": event.event_id},
        "eventType": {"S": event.facts.event_type},
        "expiresAt": ends,
    }
    return {"Put": {"TableName": feed_table(), "Item": study_key(event.facts.study_instance_uid, position) | row}}
