"""The deliveries queue: one attempt to bring one event to one subscriber."""

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process
from dicom_service.events.delivery import handle_delivery


def deliver_record(record: SQSRecord) -> None:
    handle_delivery(record.body, record.receipt_handle)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process(event, context, EventType.SQS, deliver_record)
