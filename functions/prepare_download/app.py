"""The downloads queue: a large object, or a whole study as a zip file, comes from the PACS into the bucket."""

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process
from dicom_service.exams.downloads.prepare import handle_download


def prepare_record(record: SQSRecord) -> None:
    handle_download(record.body, record.receipt_handle, int(record.attributes.approximate_receive_count))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process(event, context, EventType.SQS, prepare_record)
