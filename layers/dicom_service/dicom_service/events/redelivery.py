"""Deliveries that are asked for anew, by an operator or a subscriber that missed something."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.events.circuit import close_circuit
from dicom_service.events.delivery_log import Delivery, given_up, open_delivery, read_delivery, write_delivery
from dicom_service.events.messages import DeliveryMessage, ask_for_delivery
from dicom_service.events.outbox import load_event, timestamp
from dicom_service.events.subscribers import subscribers

MOST_AT_ONCE = 500


def redeliver(event_id: str, url: str, clock: Callable[[], float] = time.time) -> int:
    """Asks for the event's delivery anew, to one URL or, where that is empty, to all that want it; gives how many.

    The URL may be written as in CALLBACK_URLS or as the delivery log shows it. A run under way ends with its current
    attempt, and what is known of the subscribers' failures is forgotten. Raises NotFound, InvalidRequest for a URL that
    is no subscriber's, and StoreUnavailable.
    """
    event = load_event(event_id)
    everyone = subscribers().values()
    if url:
        chosen = [subscriber for subscriber in everyone if url in (subscriber.url, subscriber.shown)]
    else:
        chosen = [each for each in everyone if each.wants(event.facts.event_type, event.facts.modalities)]
    if url and not chosen:
        raise InvalidRequest("The URL is no subscriber's", [FieldError("url", "is not in CALLBACK_URLS")])
    for subscriber in chosen:
        close_circuit(subscriber.key)
        fresh = Delivery.fresh(event_id, event.received_at, subscriber.key, subscriber.shown, 0, clock())
        open_delivery(fresh, clock())
        _ask_anew(event_id, subscriber.key, clock())
    return len(chosen)


def redeliver_given_up(
    state: Literal["failed", "gone"],
    since: datetime | None,
    until: datetime | None,
    clock: Callable[[], float] = time.time,
) -> tuple[int, bool]:
    """Asks anew for the deliveries that ended so, of events received in a span of time (UTC), both ends included.

    Gives how many, 500 at the most, and whether there are more. Those of URLs that are subscribers no longer are left
    as they are. Raises InvalidRequest for a span that ends before it begins, and StoreUnavailable.
    """
    first = timestamp(since or 0.0)
    last = timestamp(until or clock())
    if first > last:
        wrong = FieldError("from", "must not be later than `to`, or than now where there is no `to`")
        raise InvalidRequest("The span of time ends before it begins", [wrong])
    everyone = subscribers()
    asked, closed = 0, set()
    for event_id, key in given_up(state, first, last):
        if key not in everyone:
            continue
        if asked == MOST_AT_ONCE:
            return asked, True
        if key not in closed:
            close_circuit(key)
            closed.add(key)
        _ask_anew(event_id, key, clock())
        asked += 1
    return asked, False


def _ask_anew(event_id: str, subscriber: str, now: float) -> None:
    """The message goes first: a fault after it leaves a delivery that begins anew by itself, never one that is lost."""
    row = read_delivery(event_id, subscriber)
    if row is not None:
        ask_for_delivery(DeliveryMessage(event_id, subscriber, row.run + 1))
        write_delivery(row, row.anew(row.run + 1, now), now)
