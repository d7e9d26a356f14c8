"""A subscriber's share: so many deliveries to it may be under way at a time, however slow it is.

Rows of the deliveries table beside those of the events hold ten places each, so that no key is written too often. Each
delivery under way has a place in a row's set, whose name begins with when it ends at the latest: a worker may never
come back.
"""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import StoreUnavailable
from dicom_service.stores import client, conditional_write, translated

if TYPE_CHECKING:
    from dicom_service.stores import Row

PLACES = 10
PLACES_OF_A_ROW = 10
ROWS_TRIED = 3
LIMITS = (1, 1000)
PLACE_SECONDS = 60
"""Longer than an attempt may take."""


def places() -> int:
    """CALLBACK_CONCURRENCY: how many places a subscriber has; raises ConfigurationError."""
    return settings.whole_number("CALLBACK_CONCURRENCY", PLACES, *LIMITS)


@contextmanager
def place(subscriber: str, now: float) -> Iterator[bool]:
    """A place for one delivery, given back afterwards; False where all are taken, or seem to be.

    There are CALLBACK_CONCURRENCY of them, 10 unless set; where they are many, three rows are tried. `now` are seconds
    since 1970. Raises StoreUnavailable.
    """
    name = f"{int(now) + PLACE_SECONDS}#{uuid.uuid4().hex}"
    row = next((row for row in _rows(subscriber) if _take(row, name, now)), None)
    try:
        yield row is not None
    finally:
        if row is not None:
            with suppress(StoreUnavailable):  # it ends by itself
                _give_back(row, [name])


@dataclass(frozen=True)
class _Row:
    subscriber: str
    number: int
    places: int

    @property
    def key(self) -> "Row":
        return {"eventId": {"S": f"share#{self.subscriber}#{self.number}"}, "subscriber": {"S": self.subscriber}}


def _rows(subscriber: str) -> list[_Row]:
    """The rows to try, at random; the last one has what is left over."""
    most = places()
    firsts = range(0, most, PLACES_OF_A_ROW)
    chosen = secrets.SystemRandom().sample(firsts, min(ROWS_TRIED, len(firsts)))
    return [_Row(subscriber, first // PLACES_OF_A_ROW, min(PLACES_OF_A_ROW, most - first)) for first in chosen]


def _take(row: _Row, name: str, now: float) -> bool:
    taken, others = _add(row, name)
    ended = [other for other in others if int(other.partition("#")[0]) <= now]
    if taken or not ended:
        return taken
    _give_back(row, ended)
    return _add(row, name)[0]


def _add(row: _Row, name: str) -> tuple[bool, list[str]]:
    """Whether the place could be taken, and who has the places where it could not."""
    taken, found = conditional_write(
        "take a place of a subscriber's share",
        client("dynamodb").update_item,
        ("latest", name),
        TableName=_table(),
        Key=row.key,
        UpdateExpression="SET latest = :name ADD places :places",
        ConditionExpression="attribute_not_exists(places) OR size(places) < :most OR contains(places, :name)",
        ExpressionAttributeValues={
            ":name": {"S": name},
            ":places": {"SS": [name]},
            ":most": {"N": str(row.places)},
        },
    )
    return taken, list(found.get("places", {}).get("SS", []))


def _give_back(row: _Row, names: list[str]) -> None:
    with translated("give back a place of a subscriber's share"):
        client("dynamodb").update_item(
            TableName=_table(),
            Key=row.key,
            UpdateExpression="DELETE places :places",
            ExpressionAttributeValues={":places": {"SS": names}},
        )


def _table() -> str:
    return settings.required("DELIVERIES_TABLE")
