"""Events and deliveries as the API answers them."""

import json
from collections.abc import Sequence
from typing import Any

from dicom_service import settings
from dicom_service.events import feed
from dicom_service.events.delivery_log import Delivery
from dicom_service.events.feed import Cursor
from dicom_service.events.outbox import StoredEvent, load_events, timestamp
from dicom_service.stores import client, translated

MOST_ANSWER_BYTES = 5_500_000
"""What a function answers is JSON in JSON, 6 MB of it at the most.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

URL_SECONDS = 900


def event_answer(event: StoredEvent) -> str:
    """The event as JSON. One too large for an answer has `pacsEvent` null and `pacsEventUrl`, good for 15 minutes."""
    answer = event.as_json(event.payload())
    if _size(answer) <= MOST_ANSWER_BYTES:
        return answer
    target = {"Bucket": settings.required("TRANSFER_BUCKET"), "Key": event.object_key}
    with translated("sign a URL"):
        url = client("s3").generate_presigned_url("get_object", Params=target, ExpiresIn=URL_SECONDS)
    return event.as_json(None, pacsEvent=None, pacsEventUrl=url)


def feed_answer(after: Cursor, limit: int, study_instance_uid: str, event_type: str) -> str:
    """A page of the feed as JSON: `events`, and in `next` where to go on, null where nothing lies behind `after`.

    A page ends early where its events would be too large for an answer together. Raises InvalidRequest for a cursor of
    another feed.
    """
    page = feed.read(after, limit, study_instance_uid, event_type)
    cursors = {entry.event_id: Cursor.at(entry) for entry in page.entries}
    events: list[str] = []
    room, reached, full = MOST_ANSWER_BYTES, after, False
    for event in load_events(list(cursors)):
        answer = event_answer(event)
        room -= _size(answer)
        full = room < 0 and bool(events)
        if full:
            break
        events.append(answer)
        reached = cursors[event.event_id]
    last = reached if full else page.looked_at
    next_cursor = json.dumps(str(last) if last != after else None)
    return f'{{"events": [{", ".join(events)}], "next": {next_cursor}}}'


def deliveries_answer(deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """The rows of an event as the API has them: absent values are null, times ISO 8601."""
    return {
        "deliveries": [
            {
                "url": delivery.url,
                "state": delivery.state,
                "attempts": delivery.attempts,
                "lastStatus": delivery.last_status or None,
                "lastError": delivery.last_error or None,
                "nextAttemptAt": timestamp(delivery.next_attempt_at) if delivery.next_attempt_at else None,
            }
            for delivery in deliveries
        ]
    }


def _size(answer: str) -> int:
    """Bytes of a body once it is a string in the function's answer, in the longest form that may have."""
    return len(json.dumps(answer))
