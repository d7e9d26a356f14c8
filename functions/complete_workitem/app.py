"""The arrivals queue: an exam has arrived, and its workitem is done."""

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.batch import process
from dicom_service.events.arrival import arrival
from dicom_service.worklist.completion import complete


def complete_record(record: SQSRecord) -> None:
    exam = arrival(record.body)
    complete(exam.study_uid, exam.accession_number, exam.patient_id)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return process(event, context, EventType.SQS, complete_record)
