"""Every five minutes: publishes stored events that never got out, until the next turn comes."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service import correlation
from dicom_service.events.sweep import sweep

KEPT_SECONDS = 15
"""Of the function's own time, for the batch under way."""


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - a tick says nothing
    correlation.begin(context.aws_request_id)
    return {"published": sweep(lambda: context.get_remaining_time_in_millis() / 1000 - KEPT_SECONDS)}
