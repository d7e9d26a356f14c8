"""The rows of the feed's table.

    feed            position
    exams           0            the count: `last` of all numbers, and `since`, from which on there are segments
    exams#<h>       last         a segment: 1 to 49 events that were numbered together, from `first` on; h: last // 100
    study#<UID>     its number   an event of the study
    exams           its number   an event below `since`, as the version before wrote it

No key holds more than 150 numbers, so that what is written goes to many partitions; the count alone is one item, which
is written once for a segment.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.stores import client, query_rows, translated

if TYPE_CHECKING:
    from dicom_service.stores import Row

FEED = "exams"
NUMBERS_OF_A_KEY = 100
ROWS_OF_A_PAGE = 100


@dataclass(frozen=True)
class Count:
    """The number of the latest event, 0 where there is none, and the first number that lies in a segment."""

    last: int
    since: int


@dataclass(frozen=True)
class Entry:
    """An event of the feed, by its number and identifier; its type may be empty, and its study where nobody asks."""

    position: int
    event_id: str
    event_type: str
    study: str = ""


def feed_table() -> str:
    """The table's name; raises ConfigurationError."""
    return settings.required("FEED_TABLE")


def count_key() -> "Row":
    """The key of the count."""
    return row_key(FEED, 0)


def segment_key(last: int) -> "Row":
    """The key of the segment that ends with this number."""
    return row_key(_segments(last // NUMBERS_OF_A_KEY), last)


def study_key(study_instance_uid: str, position: int) -> "Row":
    """The key of an event among those of its study."""
    return row_key(_study(study_instance_uid), position)


def row_key(feed: str, position: int) -> "Row":
    """Any row's key."""
    return {"feed": {"S": feed}, "position": {"N": str(position)}}


def read_count() -> Count:
    """The count as it is; raises StoreUnavailable."""
    with translated("read the feed"):
        found = client("dynamodb").get_item(TableName=feed_table(), Key=count_key(), ConsistentRead=True)
    row = found.get("Item", {})
    last = int(row["last"]["N"]) if row else 0
    return Count(last, int(row["since"]["N"]) if "since" in row else last + 1)


def entries_from(first: int, count: Count) -> Iterator[Entry]:
    """The entries from a number on, in order, without those that are there no more; raises StoreUnavailable.

    It may begin up to 48 numbers before, with the segment that holds it.
    """
    yield from _entries_without_segments(first, count)
    begins = max(first, count.since) // NUMBERS_OF_A_KEY
    for hundred in range(begins, count.last // NUMBERS_OF_A_KEY + 1):
        number = 0
        for row in _rows(_segments(hundred), first):
            for number, told in enumerate(row["entries"]["L"], int(row["first"]["N"])):
                yield Entry(number, told["M"]["eventId"]["S"], told["M"]["eventType"]["S"])
        if not number and hundred > begins:
            break  # each hundred has an end of a segment, but for the first where that reaches into the next


def entries_of_study(study_instance_uid: str, first: int, count: Count) -> Iterator[Entry]:
    """The study's entries from a number on, in order; raises StoreUnavailable.

    Those of the version before, which knew no studies, are all among them: `study` tells.
    """
    yield from _entries_without_segments(first, count)
    for row in _rows(_study(study_instance_uid), first):
        yield Entry(int(row["position"]["N"]), row["eventId"]["S"], row["eventType"]["S"], study_instance_uid)


def oldest_position(first: int, count: Count) -> int:
    """The lowest number from `first` on from which all are there, one behind the last where none is."""
    absent, present = first - 1, count.last + 1
    while present - absent > 1:
        middle = (absent + present) // 2
        entry = next(entries_from(middle, count), None)
        if entry and entry.position <= middle:
            present = middle
        else:
            absent = middle
    return present


def _entries_without_segments(first: int, count: Count) -> Iterator[Entry]:
    if max(first, 1) >= count.since:
        return
    for row in _rows(FEED, first):
        study = row["studyInstanceUid"]["S"]
        yield Entry(int(row["position"]["N"]), row["eventId"]["S"], row["eventType"]["S"], study)


def _rows(feed: str, first: int) -> "Iterator[Row]":
    """A feed's rows from a number on that have not ended; DynamoDB removes them in its own time."""
    now = time.time()
    rows = query_rows(
        "read the feed",
        TableName=feed_table(),
        ConsistentRead=True,
        KeyConditionExpression="feed = :feed AND #position >= :first",
        ExpressionAttributeNames={"#position": "position"},
        ExpressionAttributeValues={":feed": {"S": feed}, ":first": {"N": str(max(first, 1))}},
        PaginationConfig={"PageSize": ROWS_OF_A_PAGE},
    )
    return (row for row in rows if int(row["expiresAt"]["N"]) > now)


def _segments(hundred: int) -> str:
    return f"{FEED}#{hundred}"


def _study(study_instance_uid: str) -> str:
    return f"study#{study_instance_uid}"
