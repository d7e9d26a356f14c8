"""The feed: every event that has gone out, numbered without a gap in the order in which it did.

An entry is seen only when all below it are: reading ends where a number is missing.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from dicom_service.errors import CursorGone, FieldError, InvalidRequest
from dicom_service.events.feed_rows import Count, Entry, entries_from, entries_of_study, oldest_position, read_count

MOST_LOOKED_AT = 1000
"""Entries that one page looks at: a rare filter gives a short page and a cursor, not a long wait."""

MARK_DIGITS = 8
A_MOMENT_SECONDS = 0.1


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

    @classmethod
    def at(cls, entry: Entry) -> "Cursor":
        return cls(entry.position, entry.event_id[:MARK_DIGITS])

    def __str__(self) -> str:
        return f"{self.position}-{self.mark}" if self.mark else str(self.position)


@dataclass(frozen=True)
class Page:
    """Entries in order, and the place that was looked at last."""

    entries: list[Entry]
    looked_at: Cursor


def read(after: Cursor, limit: int, study_instance_uid: str = "", event_type: str = "") -> Page:
    """Up to `limit` entries behind a place, of one study or of one event type where these are given.

    What has ended of the feed is passed over from the beginning, and for a study. Raises InvalidRequest for a place
    that this feed does not have, CursorGone for one behind which events have ended, and StoreUnavailable.
    """
    count = read_count()
    if after.position > count.last:
        raise _of_no_such_feed(f"is ahead of the feed, which ends with number {count.last}")
    if study_instance_uid:
        entries = entries_of_study(study_instance_uid, after.position, count)
        return _page(after, _behind(after, entries), limit, study_instance_uid, event_type)
    page = _page(after, _without_gap(after, count), limit, "", event_type)
    if page.looked_at != after or after.position == count.last:
        return page
    return _page(after, _where_the_next_is_missing(after, count), limit, "", event_type)


def _page(after: Cursor, entries: Iterable[Entry], limit: int, study_instance_uid: str, event_type: str) -> Page:
    page = Page([], after)
    for looked_at, entry in enumerate(entries, 1):
        page = Page(page.entries, Cursor.at(entry))
        if study_instance_uid in ("", entry.study) and event_type in ("", entry.event_type):
            page.entries.append(entry)
        if len(page.entries) == limit or looked_at == MOST_LOOKED_AT:
            break
    return page


def _behind(after: Cursor, entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if entry.position > after.position:
            yield entry
        elif entry.position == after.position and after.mark not in ("", Cursor.at(entry).mark):
            raise _of_no_such_feed("has another event under its number")


def _without_gap(after: Cursor, count: Count) -> Iterator[Entry]:
    entries = _behind(after, entries_from(after.position, count))
    for expected, entry in enumerate(entries, after.position + 1):
        if entry.position != expected:
            break
        yield entry


def _where_the_next_is_missing(after: Cursor, count: Count) -> Iterator[Entry]:
    """What is behind the place after all: a number may be seen in the count a moment before it is in its segment."""
    time.sleep(A_MOMENT_SECONDS)
    entries = list(islice(_without_gap(after, count), MOST_LOOKED_AT))
    if entries:
        return iter(entries)
    before_oldest = Cursor(oldest_position(after.position + 1, count) - 1)
    if after.position:
        raise CursorGone(
            "Events behind the cursor are no longer kept",
            [FieldError("after", f"is older than what is kept; the oldest cursor that works is {before_oldest}")],
            {"oldest": str(before_oldest)},
        )
    return _without_gap(before_oldest, count)


def _of_no_such_feed(message: str) -> InvalidRequest:
    advice = "the feed was restored or begun anew, or the cursor is another deployment's; begin again without it"
    return InvalidRequest("The cursor is not of this feed", [FieldError("after", f"{message}: {advice}")])
