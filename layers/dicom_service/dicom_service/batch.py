"""A batch of a stream's or a queue's records, from the Lambda event to the report of those that failed.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service import correlation, metrics
from dicom_service.faults import log_fault


class Postponed(Exception):
    """The record is to stay where it is and come again later: no fault."""


def process(
    event: dict[str, Any], context: LambdaContext, kind: EventType, handle: Callable[[Any], None]
) -> dict[str, Any]:
    """Calls `handle` with each record, as Powertools' class for its kind; gives the records that raised, to come again.

    A fault is logged, a Postponed is not. A batch in which every record failed is reported as any other.
    """

    def handled(record: Any) -> None:
        correlation.begin(context.aws_request_id)
        try:
            handle(record)
        except Postponed:
            raise
        except Exception as error:
            log_fault(error)
            raise

    processor = BatchProcessor(event_type=kind, raise_on_entire_batch_failure=False)
    try:
        return dict(process_partial_response(event=event, record_handler=handled, processor=processor, context=context))
    finally:
        metrics.flush()


def process_together(
    event: dict[str, Any],
    context: LambdaContext,
    identifier: Callable[[dict[str, Any]], str],
    handle: Callable[[Sequence[dict[str, Any]]], Mapping[int, Exception]],
) -> dict[str, Any]:
    """Calls `handle` once with all records, as the platform has them; reports those that failed by their identifier.

    `handle` gives the faults by the record's place, and each is logged once. Where it raises, all records failed.
    """
    correlation.begin(context.aws_request_id)
    records = event["Records"]
    try:
        failed = handle(records)
    except Exception as error:  # noqa: BLE001 - it is reported, and logged without what it may hold
        failed = dict.fromkeys(range(len(records)), error)
    try:
        for fault in {id(error): error for error in failed.values()}.values():
            log_fault(fault)
    finally:
        metrics.flush()
    return {"batchItemFailures": [{"itemIdentifier": identifier(records[place])} for place in sorted(failed)]}
