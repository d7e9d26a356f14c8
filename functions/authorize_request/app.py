"""API Gateway's authorizer: who shows this `Authorization` header."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.authorizer import authorize


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - nothing of it is needed
    return authorize((event.get("identitySource") or [""])[0])
