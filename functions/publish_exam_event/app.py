"""The events table's stream: new events go to the topic and into the feed."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process_together
from dicom_service.errors import ServiceError
from dicom_service.events.outbox import PAYLOAD_MARK
from dicom_service.events.topic import publish_events


def publish(records: Sequence[dict[str, Any]]) -> dict[int, ServiceError]:
    """Publishes the new events; changes of an event and the marks of payloads are no events."""
    event_ids = [record["dynamodb"]["Keys"]["eventId"]["S"] for record in records]
    new = {
        place: event_id
        for place, event_id in enumerate(event_ids)
        if records[place]["eventName"] == "INSERT" and not event_id.startswith(PAYLOAD_MARK)
    }
    failed = publish_events(list(new.values()))
    return {place: failed[event_id] for place, event_id in new.items() if event_id in failed}


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process_together(event, context, lambda record: str(record["dynamodb"]["SequenceNumber"]), publish)
