"""Every five minutes: publishes stored events that never got out."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service import correlation
from dicom_service.events.sweep import sweep


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - a tick says nothing
    correlation.begin(context.aws_request_id)
    return {"published": sweep()}
