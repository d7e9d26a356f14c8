"""From one published event to one delivery per subscriber."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from dicom_service.errors import InvalidRequest
from dicom_service.events.delivery_log import open_delivery
from dicom_service.events.messages import DeliveryMessage, ask_for_delivery
from dicom_service.events.subscribers import subscribers


def fan_out(body: str, attributes: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
    """Asks for a delivery to each subscriber whose filters let the event through.

    `body` is the topic's message, `attributes` its attributes by name, in SNS's own form (`Modality` is a JSON array).
    A repeat asks again: whoever has the event already is not sent it twice. Raises InvalidRequest for a message that
    is no event, ConfigurationError and StoreUnavailable.
    """
    event_id, received_at = _event(body)
    modalities = json.loads(attributes.get("Modality", "[]"))
    for subscriber in subscribers().values():
        if subscriber.wants(attributes.get("EventType", ""), modalities):
            open_delivery(event_id, received_at, subscriber, clock())
            ask_for_delivery(DeliveryMessage(event_id, subscriber.key, run=0))


def _event(body: str) -> tuple[str, str]:
    try:
        message: Any = json.loads(body)
        return str(message["eventId"]), str(message["receivedAt"])
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidRequest("The message is no event") from error
