"""One attempt to deliver an event to a subscriber, from the message of the queue to the row of the log."""

import zlib
from dataclasses import replace
from urllib.parse import urlsplit

from dicom_service import correlation, metrics
from dicom_service.batch import Postponed
from dicom_service.errors import NotFound
from dicom_service.events.circuit import PROBE_SECONDS, Circuit, claim_probe, close_circuit, note_failure, read_circuit
from dicom_service.events.delivery_log import Delivery, read_delivery, write_delivery
from dicom_service.events.messages import DeliveryMessage, bury, postpone
from dicom_service.events.outbox import load_event
from dicom_service.events.schedule import RETRY_SECONDS, wait_after
from dicom_service.events.share import place
from dicom_service.events.signature import webhook_headers
from dicom_service.events.subscribers import Subscriber, subscribers
from dicom_service.events.webhook import Outcome, Sender, post
from dicom_service.faults import logger

ATTEMPT_SECONDS = 60
"""For so long an attempt is taken to be under way: no other worker starts one, unless this one never comes back."""

NEVER_TRIED = "was not tried, because other deliveries to the subscriber kept failing"

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
    stored = read_delivery(message.event_id, message.subscriber)
    if stored is None or message.run < stored.run or (message.run == stored.run and stored.state != "pending"):
        return None
    delivery = stored if message.run == stored.run else stored.anew(message.run, now)
    subscriber = subscribers().get(message.subscriber)
    if subscriber is None:
        return _given_up(stored, replace(delivery, last_error="is no longer in CALLBACK_URLS"), now)
    if delivery.next_attempt_at > now:
        return delivery.next_attempt_at - now
    if delivery.attempts > len(RETRY_SECONDS) or now > delivery.asked_at + LONGEST_LIFE:
        return _given_up(stored, replace(delivery, last_error=delivery.last_error or NEVER_TRIED), now)
    circuit = read_circuit(subscriber.key)
    if circuit.open_until > now:
        return circuit.open_until - now
    with place(subscriber.key, now) as taken:
        if not taken:
            return crowded_wait(delivery, now)
        if not claim_probe(circuit, now):
            return PROBE_SECONDS
        return _attempt(stored, delivery, subscriber, circuit, sender)


def crowded_wait(delivery: Delivery, now: float) -> float:
    """How long a delivery waits where its subscriber's share is taken: a tenth to a fifth of how long it has waited.

    From 5 s to 15 minutes; a crowd that came together comes back one by one, and a message is received about 100 times
    in three days, a tenth of what its queue allows.
    """
    spread = 1 + zlib.crc32(delivery.event_id.encode()) / 2**32
    return min(max(SHORTEST_CROWDED_WAIT, (now - delivery.asked_at) / 10) * spread, LONGEST_CROWDED_WAIT)


def _attempt(
    stored: Delivery, delivery: Delivery, subscriber: Subscriber, circuit: Circuit, sender: Sender
) -> float | None:
    """Claims the attempt in the log before it is made: one that never comes back counts, and is made once at a time."""
    now = sender.clock()
    try:
        event = load_event(delivery.event_id)
        payload = event.payload()
    except NotFound:
        return _given_up(stored, replace(delivery, last_error="the event is no longer stored"), now)
    correlation.resume(event.correlation_id)
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


def _given_up(stored: Delivery, delivery: Delivery, now: float) -> float | None:
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
