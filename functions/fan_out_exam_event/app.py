"""The events queue: each event becomes one delivery per subscriber."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process_together
from dicom_service.events.fan_out import Published, fan_out


def published(record: dict[str, Any]) -> Published:
    """The event of a message that the queue got from the topic as it is."""
    attributes = record.get("messageAttributes", {})
    return record["body"], {name: attribute["stringValue"] for name, attribute in attributes.items()}


def fan_out_records(records: Sequence[dict[str, Any]]) -> dict[int, Exception]:
    return fan_out([published(record) for record in records])


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process_together(event, context, lambda record: str(record["messageId"]), fan_out_records)
