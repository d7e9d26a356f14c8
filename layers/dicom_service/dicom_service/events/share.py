"""A subscriber's share: so many deliveries to it may be under way at a time, however slow it is.

It is a row of the deliveries table beside those of the events: `share` and the subscriber's key. Each delivery under
way has a place in its set, whose name begins with when it ends at the latest: a worker may never come back.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import StoreUnavailable
from dicom_service.stores import client, conditional_write, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

SHARE = "share"
PLACES = 10
LIMITS = (1, 1000)
PLACE_SECONDS = 60
"""Longer than an attempt may take."""


def places() -> int:
    """CALLBACK_CONCURRENCY: how many places a subscriber has; raises ConfigurationError."""
    return settings.whole_number("CALLBACK_CONCURRENCY", PLACES, *LIMITS)


@contextmanager
def place(subscriber: str, now: float) -> Iterator[bool]:
    """A place for one delivery, given back afterwards; False where all are taken.

    There are CALLBACK_CONCURRENCY of them, 10 unless set. `now` are seconds since 1970. Raises StoreUnavailable.
    """
    name = f"{int(now) + PLACE_SECONDS}#{uuid.uuid4().hex}"
    taken = _take(subscriber, name, now)
    try:
        yield taken
    finally:
        if taken:
            with suppress(StoreUnavailable):  # it ends by itself
                _give_back(subscriber, [name])


def _take(subscriber: str, name: str, now: float) -> bool:
    taken, others = _add(subscriber, name)
    ended = [other for other in others if int(other.partition("#")[0]) <= now]
    if taken or not ended:
        return taken
    _give_back(subscriber, ended)
    return _add(subscriber, name)[0]


def _add(subscriber: str, name: str) -> tuple[bool, list[str]]:
    """Whether the place could be taken, and who has the places where it could not."""
    taken, row = conditional_write(
        "take a place of a subscriber's share",
        client("dynamodb").update_item,
        ("latest", name),
        TableName=_table(),
        Key=_key(subscriber),
        UpdateExpression="SET latest = :name ADD places :places",
        ConditionExpression="attribute_not_exists(places) OR size(places) < :most OR contains(places, :name)",
        ExpressionAttributeValues={
            ":name": {"S": name},
            ":places": {"SS": [name]},
            ":most": {"N": str(places())},
        },
    )
    return taken, list(row.get("places", {}).get("SS", []))


def _give_back(subscriber: str, names: list[str]) -> None:
    with translated("give back a place of a subscriber's share"):
        client("dynamodb").update_item(
            TableName=_table(),
            Key=_key(subscriber),
            UpdateExpression="DELETE places :places",
            ExpressionAttributeValues={":places": {"SS": names}},
        )


def _key(subscriber: str) -> "dict[str, AttributeValueTypeDef]":
    return {"eventId": {"S": SHARE}, "subscriber": {"S": subscriber}}


def _table() -> str:
    return settings.required("DELIVERIES_TABLE")
