"""The feed: every event that has gone out, numbered without a gap in the order in which it did.

An event's number is given in one transaction with the count itself, so a reader that stands at a number has seen all
below it: an event that was stored long ago and went out late gets a number of today. The count is item 0 of the feed.
"""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import FieldError, InvalidRequest, StoreUnavailable
from dicom_service.events.outbox import StoredEvent
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

FEED = "exams"
MOST_TRIES = 10
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.64
"""Between tries, at the most; at random, so that publishers that met do not meet again.

https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

RETENTION_DAYS = 365
RETENTION_LIMITS = (15, 36500)
DAY_SECONDS = 24 * 3600
MOST_LOOKED_AT = 5000
"""Entries that one page looks at: a rare filter gives a short page and a cursor, not a long wait."""


MARK_DIGITS = 8


@dataclass(frozen=True)
class Cursor:
    """A place in the feed: the number of an event, 0 before the first, and the first digits of its identifier.

    Those tell whether it is of this feed: a table that was restored, or another stage, has other events under the same
    numbers. Where they are left out nothing tells.
    """

    position: int = 0
    mark: str = ""

    @classmethod
    def parsed(cls, text: str) -> "Cursor":
        """The cursor of `42-0b2f6d0e`, or of `42`."""
        position, _, mark = text.partition("-")
        return cls(int(position), mark)

    def __str__(self) -> str:
        return f"{self.position}-{self.mark}"


@dataclass(frozen=True)
class Entry:
    """An event of the feed, by its number and identifier."""

    position: int
    event_id: str

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.position, self.event_id[:MARK_DIGITS])


@dataclass(frozen=True)
class Page:
    """Entries in order, and the place that was looked at last."""

    entries: list[Entry]
    looked_at: Cursor


def append(event: StoredEvent) -> None:
    """Gives the event the next number and takes it out of the outbox; does nothing where it has a number already.

    Publishers that race repeat, after pauses: raises StoreUnavailable where one loses ten times, or the tables do not
    answer.
    """
    dynamodb = client("dynamodb")
    for attempt in range(MOST_TRIES):
        if attempt:
            _pause(attempt)
        last = _last_position()
        try:
            with translated("append to the feed"):
                dynamodb.transact_write_items(TransactItems=_numbering(event, last))
        except dynamodb.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][0].get("Code") == "ConditionalCheckFailed":
                return
            continue
        return
    raise StoreUnavailable("The service could not append to the feed (TransactionCanceledException)")


def retention_days() -> int:
    """By EVENT_RETENTION_DAYS: how long an event is kept after it went out."""
    return settings.whole_number("EVENT_RETENTION_DAYS", RETENTION_DAYS, *RETENTION_LIMITS)


def _pause(attempt: int) -> None:
    longest = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    time.sleep(longest * secrets.randbelow(1000) / 1000)


def read(after: Cursor, limit: int, study_instance_uid: str = "", event_type: str = "") -> Page:
    """Up to `limit` entries behind a place, of one study or of one event type where these are given.

    Raises InvalidRequest for a place that this feed does not have, and StoreUnavailable.
    """
    page = Page([], after)
    for item in _items(after, limit if not (study_instance_uid or event_type) else MOST_LOOKED_AT):
        entry = Entry(int(item["position"]["N"]), item["eventId"]["S"])
        if entry.position == after.position:
            _check_mark(after, entry)
            continue
        page = Page(page.entries, entry.cursor)
        if study_instance_uid in ("", item["studyInstanceUid"]["S"]) and event_type in ("", item["eventType"]["S"]):
            page.entries.append(entry)
        if len(page.entries) == limit:
            break
    if after.position and page.looked_at == after:
        _check_not_ahead(after)
    return page


def _check_mark(after: Cursor, entry: Entry) -> None:
    if after.mark not in ("", entry.cursor.mark):
        raise _of_no_such_feed("has another event under its number")


def _check_not_ahead(after: Cursor) -> None:
    last = _last_position()
    if after.position > last:
        raise _of_no_such_feed(f"is ahead of the feed, which ends with number {last}")


def _of_no_such_feed(message: str) -> InvalidRequest:
    advice = "the feed was restored or begun anew, or the cursor is another deployment's; begin again without it"
    return InvalidRequest("The cursor is not of this feed", [FieldError("after", f"{message}: {advice}")])


def _items(after: Cursor, most: int) -> "Iterator[dict[str, AttributeValueTypeDef]]":
    """The entry at the place itself, where it has one, and as many as asked for behind it."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=_table(),
            ConsistentRead=True,
            KeyConditionExpression="feed = :feed AND #position >= :first",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={":feed": {"S": FEED}, ":first": {"N": str(max(after.position, 1))}},
            PaginationConfig={"MaxItems": most + 1, "PageSize": min(most + 1, 1000)},
        )
    )
    with translated("read the feed"):
        for page in pages:
            yield from page["Items"]


def _last_position() -> int:
    with translated("read the feed"):
        found = client("dynamodb").get_item(TableName=_table(), Key=_key(0), ConsistentRead=True)
    return int(found["Item"]["last"]["N"]) if "Item" in found else 0


def _numbering(event: StoredEvent, last: int) -> "list[TransactWriteItemTypeDef]":
    position: AttributeValueTypeDef = {"N": str(last + 1)}
    ends: AttributeValueTypeDef = {"N": str(int(time.time()) + retention_days() * DAY_SECONDS)}
    unchanged = "#last = :last" if last else "attribute_not_exists(feed)"
    entry: dict[str, AttributeValueTypeDef] = {
        "eventId": {"S": event.event_id},
        "receivedAt": {"S": event.received_at},
        "studyInstanceUid": {"S": event.facts.study_instance_uid},
        "eventType": {"S": event.facts.event_type},
        "expiresAt": ends,
    }
    return [
        {
            "Update": {
                "TableName": settings.required("EVENTS_TABLE"),
                "Key": {"eventId": {"S": event.event_id}},
                "UpdateExpression": "SET #position = :position, expiresAt = :ends REMOVE outbox",
                "ConditionExpression": "attribute_exists(eventId) AND attribute_not_exists(#position)",
                "ExpressionAttributeNames": {"#position": "position"},
                "ExpressionAttributeValues": {":position": position, ":ends": ends},
            }
        },
        {
            "Update": {
                "TableName": _table(),
                "Key": _key(0),
                "UpdateExpression": "SET #last = :position",
                "ConditionExpression": unchanged,
                "ExpressionAttributeNames": {"#last": "last"},
                "ExpressionAttributeValues": {":position": position} | ({":last": {"N": str(last)}} if last else {}),
            }
        },
        {"Put": {"TableName": _table(), "Item": _key(last + 1) | entry}},
    ]


def _key(position: int) -> "dict[str, AttributeValueTypeDef]":
    return {"feed": {"S": FEED}, "position": {"N": str(position)}}


def _table() -> str:
    return settings.required("FEED_TABLE")
