"""Carries delivery messages to their subscribers through simulated time, as the queue and its function would."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dicom_service.events.delivery import deliver
from dicom_service.events.delivery_log import Delivery, read_delivery
from dicom_service.events.exam_event import announcement
from dicom_service.events.fan_out import fan_out
from dicom_service.events.messages import DeliveryMessage
from dicom_service.events.outbox import store_event
from dicom_service.events.subscribers import subscribers
from dicom_service.events.webhook import Sender
from local.aws import Aws
from tests.queues import bodies

START = 1_700_000_000.0
STUDY = "1.2.840.113619.2.55.3.604688119.971.1447684838.1"


@dataclass
class Clock:
    """A clock that stands still until it is moved; seconds since 1970."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Courier:
    """One event and its deliveries to all subscribers of the moment."""

    aws: Aws
    clock: Clock = field(default_factory=Clock)
    pacs_event: dict[str, Any] = field(default_factory=lambda: {"StudyInstanceUID": STUDY})

    def announce(self) -> list[DeliveryMessage]:
        """Stores an event and fans it out; gives the messages that wait for delivery."""
        payload = json.dumps(self.pacs_event).encode()
        event_id = store_event(payload, announcement(self.pacs_event), clock=self.clock)
        assert event_id is not None
        assert fan_out([(json.dumps({"eventId": event_id, "receivedAt": "2023-11-14T22:13:20.000Z"}), {})]) == {}
        waiting = bodies(self.aws, os.environ["DELIVERIES_QUEUE_URL"])
        return [DeliveryMessage.parsed(json.dumps(body)) for body in waiting]

    def attempt(self, message: DeliveryMessage) -> float | None:
        """What handling the message now comes to: the wait, or None."""
        return deliver(message, Sender(clock=self.clock))

    def carry(self, message: DeliveryMessage, each: Callable[[], object] = lambda: None) -> list[float]:
        """Handles the message again and again until it is done with; gives the waits. `each` is called before each."""
        waits = []
        each()
        while (wait := self.attempt(message)) is not None:
            waits.append(wait)
            self.clock.now += wait
            each()
        return waits

    def row(self, message: DeliveryMessage) -> Delivery:
        """The delivery's row of the log."""
        found = read_delivery(message.event_id, message.subscriber)
        assert found is not None
        return found

    def dead_letters(self) -> list[Any]:
        """What lies in the dead-letter queue; it is not seen again."""
        return bodies(self.aws, os.environ["DEAD_LETTER_QUEUE_URL"])


def key_of(url: str) -> str:
    """The key of one of the configured subscribers."""
    return next(key for key, subscriber in subscribers().items() if subscriber.url == url)
