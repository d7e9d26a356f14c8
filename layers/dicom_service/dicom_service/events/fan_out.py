"""From published events to one delivery per subscriber."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dicom_service.errors import InvalidRequest
from dicom_service.events.messages import DeliveryMessage, ask_for_deliveries
from dicom_service.events.subscribers import subscribers

Published = tuple[str, Mapping[str, str]]
"""The topic's message, and its attributes by name in SNS's own form: `Modality` is a JSON array."""


def fan_out(published: Sequence[Published]) -> dict[int, Exception]:
    """Asks for each event's delivery to each subscriber whose filters let it through; gives the places that failed.

    A repeat asks again: whoever has the event already is not sent it twice. A fault is an InvalidRequest for a message
    that is no event, or a StoreUnavailable. Raises ConfigurationError.
    """
    everyone = subscribers().values()
    failed: dict[int, Exception] = {}
    asked: list[tuple[int, DeliveryMessage]] = []
    for place, (body, attributes) in enumerate(published):
        try:
            event_id, modalities = _event_id(body), json.loads(attributes.get("Modality", "[]"))
        except InvalidRequest as error:
            failed[place] = error
            continue
        wanting = [each for each in everyone if each.wants(attributes.get("EventType", ""), modalities)]
        asked += [(place, DeliveryMessage(event_id, each.key, run=0)) for each in wanting]
    refused = ask_for_deliveries([message for _, message in asked])
    return failed | {asked[number][0]: error for number, error in refused.items()}


def _event_id(body: str) -> str:
    try:
        message: Any = json.loads(body)
        return str(message["eventId"])
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidRequest("The message is no event") from error
