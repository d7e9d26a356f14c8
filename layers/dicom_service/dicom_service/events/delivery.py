"""One attempt to deliver an event to a subscriber, from the message of the queue to the row of the log."""

import zlib
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from dicom_service import correlation, metrics, settings
from dicom_service.batch import Postponed
from dicom_service.events.circuit import PROBE_SECONDS, Circuit, claim_probe, close_circuit, known_circuit, note_failure
from dicom_service.events.delivery_log import (
    Delivery,
    delivery_key,
    log_table,
    open_delivery,
    stored_delivery,
    write_delivery,
)
from dicom_service.events.messages import DeliveryMessage, bury, postpone
from dicom_service.events.outbox import StoredEvent, event_key, stored_event, timestamp
from dicom_service.events.schedule import RETRY_SECONDS, wait_after
from dicom_service.events.share import place
from dicom_service.events.signature import webhook_headers
from dicom_service.events.subscribers import Subscriber, subscribers
from dicom_service.events.webhook import Outcome, Sender, post
from dicom_service.faults import logger
from dicom_service.stores import read_rows

ATTEMPT_SECONDS = 60
"""For so long an attempt is taken to be under way: no other worker starts one, unless this one never comes back."""

NEVER_TRIED = "was not tried, because other deliveries to the subscriber kept failing"

UNKNOWN_URL = "a URL that is no longer in CALLBACK_URLS"

SHORTEST_CROWDED_WAIT, LONGEST_CROWDED_WAIT = 5, 900

LONGEST_LIFE = sum(RETRY_SECONDS) + 12 * 3600
"""When a delivery that mostly waited for its circuit is given up, in seconds from when it was asked for."""


def handle_delivery(body: str, receipt_handle: str) -> None:
    """Handles a message of the deliveries queue; raises what `deliver` does, and Postponed."""
    wait = deliver(DeliveryMessage.parsed(body), Sender())
    if wait is not None:
        postpone(receipt_handle, wait)
        raise Postponed


def deliver(message: DeliveryMessage, sender: Sender) -> float | None:
    """Makes the attempt that is due. Gives the seconds until the message is to come again, None when it is done with.

    Raises ConfigurationError and StoreUnavailable; the message is then to be handled again.
    """
    now = sender.clock()
    stored, event = _read(message)
    if stored and (message.run < stored.run or (message.run == stored.run and stored.state != "pending")):
        return None
    subscriber = subscribers().get(message.subscriber)
    delivery = _begun(message, stored, event, subscriber, now)
    if subscriber is None:
        return _given_up(stored, replace(delivery, last_error="is no longer in CALLBACK_URLS"), now)
    if event is None:
        return _given_up(stored, replace(delivery, last_error="the event is no longer stored"), now)
    if delivery.next_attempt_at > now:
        return delivery.next_attempt_at - now
    if delivery.attempts > len(RETRY_SECONDS) or now > delivery.asked_at + LONGEST_LIFE:
        return _given_up(stored, replace(delivery, last_error=delivery.last_error or NEVER_TRIED), now)
    return _tried(stored, delivery, _Attempt(event, subscriber, sender))


def _read(message: DeliveryMessage) -> tuple[Delivery | None, StoredEvent | None]:
    log, events = log_table(), settings.required("EVENTS_TABLE")
    keys = {log: [delivery_key(message.event_id, message.subscriber)], events: [event_key(message.event_id)]}
    rows = read_rows("read the delivery", keys)
    found = [stored_event(row) for row in rows[events] if "receivedAt" in row]
    return (stored_delivery(rows[log][0]) if rows[log] else None), (found[0] if found else None)


def _begun(
    message: DeliveryMessage,
    stored: Delivery | None,
    event: StoredEvent | None,
    subscriber: Subscriber | None,
    now: float,
) -> Delivery:
    """The run that the message is of: as it is in the log, or as it begins."""
    if stored:
        return stored if message.run == stored.run else stored.anew(message.run, now)
    received_at = event.received_at if event else timestamp(now)
    url = subscriber.shown if subscriber else UNKNOWN_URL
    return Delivery.fresh(message.event_id, received_at, message.subscriber, url, message.run, now)


@dataclass(frozen=True)
class _Attempt:
    event: StoredEvent
    subscriber: Subscriber
    sender: Sender


def _tried(stored: Delivery | None, delivery: Delivery, attempt: _Attempt) -> float | None:
    """Makes the attempt unless the subscriber's circuit or its share stand in the way; what waits is in the log."""
    now, key = attempt.sender.clock(), attempt.subscriber.key
    circuit = known_circuit(key, now)
    if circuit.open_until > now:
        return _waits(stored, delivery, circuit.open_until - now, now)
    with place(key, now) as taken:
        if not taken:
            return _waits(stored, delivery, crowded_wait(delivery, now), now)
        if not claim_probe(circuit, now):
            return _waits(stored, delivery, PROBE_SECONDS, now)
        return _made(stored, delivery, circuit, attempt)


def _waits(stored: Delivery | None, delivery: Delivery, wait: float, now: float) -> float:
    if stored is None:
        open_delivery(delivery, now)
    return wait


def crowded_wait(delivery: Delivery, now: float) -> float:
    """How long a delivery waits where its subscriber's share is taken: a tenth to a fifth of how long it has waited.

    From 5 s to 15 minutes; a crowd that came together comes back one by one, and a message is received about 100 times
    in three days, a tenth of what its queue allows.
    """
    spread = 1 + zlib.crc32(delivery.event_id.encode()) / 2**32
    return min(max(SHORTEST_CROWDED_WAIT, (now - delivery.asked_at) / 10) * spread, LONGEST_CROWDED_WAIT)


def _made(stored: Delivery | None, delivery: Delivery, circuit: Circuit, attempt: _Attempt) -> float | None:
    """Claims the attempt in the log before it is made: one that never comes back counts, and is made once at a time."""
    event, subscriber, sender = attempt.event, attempt.subscriber, attempt.sender
    now = sender.clock()
    correlation.resume(event.correlation_id)
    payload = event.payload()
    headers = webhook_headers(delivery.event_id, payload, subscriber.secrets, now) | correlation.headers()
    claimed = replace(
        delivery,
        attempts=delivery.attempts + 1,
        last_status=0,
        last_error="the attempt did not come to its end",
        next_attempt_at=now + ATTEMPT_SECONDS,
    )
    if not write_delivery(stored, claimed, now):
        return ATTEMPT_SECONDS
    outcome = post(sender, subscriber.url, payload, headers)
    done = sender.clock()
    _log(claimed, subscriber, outcome, done - now)
    metrics.add(metrics.DELIVERIES_MADE if outcome.delivered else metrics.DELIVERIES_FAILED)
    wait = _conclude(claimed, outcome, done)
    if not (outcome.delivered or outcome.gone):
        note_failure(circuit, done)
    elif circuit.failures:
        close_circuit(circuit.subscriber)
    return wait


def _conclude(claimed: Delivery, outcome: Outcome, now: float) -> float | None:
    after = replace(claimed, last_status=outcome.status, last_error=outcome.error, next_attempt_at=0.0)
    if outcome.delivered or outcome.gone:
        write_delivery(claimed, replace(after, state="delivered" if outcome.delivered else "gone"), now)
        return None
    wait = wait_after(claimed.attempts, outcome.retry_after)
    if wait is None:
        return _given_up(claimed, after, now)
    write_delivery(claimed, replace(after, next_attempt_at=now + wait), now)
    return wait


def _given_up(stored: Delivery | None, delivery: Delivery, now: float) -> float | None:
    """The message goes to the dead-letter queue as the run that comes next: moved back, it starts anew."""
    metrics.add(metrics.DELIVERIES_GIVEN_UP)
    bury(DeliveryMessage(delivery.event_id, delivery.subscriber, delivery.run + 1))
    write_delivery(stored, replace(delivery, state="failed", next_attempt_at=0.0), now)
    return None


def _log(claimed: Delivery, subscriber: Subscriber, outcome: Outcome, seconds: float) -> None:
    level = logger.info if outcome.delivered else logger.warning
    level(
        "delivery",
        extra={
            "event_id": claimed.event_id,
            "subscriber": urlsplit(subscriber.url).hostname,
            "attempt": claimed.attempts,
            "status": outcome.status,
            "milliseconds": round(seconds * 1000),
        }
        | ({"detail": outcome.error} if outcome.error else {}),
    )
