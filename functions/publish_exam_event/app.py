"""The events table's stream: each new event goes to the topic and into the feed."""

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord, DynamoDBRecordEventName
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process
from dicom_service.events.outbox import PAYLOAD_MARK
from dicom_service.events.topic import publish_event


def publish(record: DynamoDBRecord) -> None:
    """Publishes a new event; changes of an event and the marks of payloads are no events."""
    event_id = record.raw_event["dynamodb"]["Keys"]["eventId"]["S"]
    if record.event_name == DynamoDBRecordEventName.INSERT and not event_id.startswith(PAYLOAD_MARK):
        publish_event(event_id)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process(event, context, EventType.DynamoDBStreams, publish)
