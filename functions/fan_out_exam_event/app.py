"""The events queue: each event becomes one delivery per subscriber."""

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process
from dicom_service.events.fan_out import fan_out


def fan_out_record(record: SQSRecord) -> None:
    attributes = record.raw_event.get("messageAttributes", {})
    fan_out(record.body, {name: attribute["stringValue"] for name, attribute in attributes.items()})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process(event, context, EventType.SQS, fan_out_record)
