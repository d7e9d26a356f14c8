"""The feed: every event that has gone out, numbered without a gap in the order in which it did.

An event's number is given in one transaction with the count itself, so a reader that stands at a number has seen all
below it: an event that was stored long ago and went out late gets a number of today. The count is item 0 of the feed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import StoreUnavailable
from dicom_service.events.outbox import StoredEvent
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

FEED = "exams"
MOST_TRIES = 10
MOST_LOOKED_AT = 5000
"""Entries that one page looks at: a rare filter gives a short page and a cursor, not a long wait."""


@dataclass(frozen=True)
class Entry:
    """An event of the feed, by its number and identifier."""

    position: int
    event_id: str


@dataclass(frozen=True)
class Page:
    """Entries in order, and the position that was looked at last."""

    entries: list[Entry]
    looked_at: int


def append(event: StoredEvent) -> None:
    """Gives the event the next number and takes it out of the outbox; does nothing where it has a number already.

    Publishers that race repeat: raises StoreUnavailable where one loses ten times, or the tables do not answer.
    """
    dynamodb = client("dynamodb")
    for _ in range(MOST_TRIES):
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


def read(after: int, limit: int, study_instance_uid: str = "", event_type: str = "") -> Page:
    """Up to `limit` entries behind a position, of one study or of one event type where these are given.

    Raises StoreUnavailable.
    """
    found: list[Entry] = []
    looked_at = after
    for item in _items(after, limit if not (study_instance_uid or event_type) else MOST_LOOKED_AT):
        looked_at = int(item["position"]["N"])
        if study_instance_uid in ("", item["studyInstanceUid"]["S"]) and event_type in ("", item["eventType"]["S"]):
            found.append(Entry(looked_at, item["eventId"]["S"]))
        if len(found) == limit:
            break
    return Page(found, looked_at)


def _items(after: int, most: int) -> "Iterator[dict[str, AttributeValueTypeDef]]":
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=_table(),
            ConsistentRead=True,
            KeyConditionExpression="feed = :feed AND #position > :after",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={":feed": {"S": FEED}, ":after": {"N": str(after)}},
            PaginationConfig={"MaxItems": most, "PageSize": min(most, 1000)},
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
    unchanged = "#last = :last" if last else "attribute_not_exists(feed)"
    entry: dict[str, AttributeValueTypeDef] = {
        "eventId": {"S": event.event_id},
        "receivedAt": {"S": event.received_at},
        "studyInstanceUid": {"S": event.facts.study_instance_uid},
        "eventType": {"S": event.facts.event_type},
    }
    return [
        {
            "Update": {
                "TableName": settings.required("EVENTS_TABLE"),
                "Key": {"eventId": {"S": event.event_id}},
                "UpdateExpression": "SET #position = :position REMOVE outbox",
                "ConditionExpression": "attribute_exists(eventId) AND attribute_not_exists(#position)",
                "ExpressionAttributeNames": {"#position": "position"},
                "ExpressionAttributeValues": {":position": position},
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
