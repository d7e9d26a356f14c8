"""The uploads queue: an announced file that has arrived in the bucket goes to the PACS."""

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process
from dicom_service.exams.uploads.store import handle_upload_event


def store_record(record: SQSRecord) -> None:
    handle_upload_event(record.body, record.receipt_handle)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process(event, context, EventType.SQS, store_record)
