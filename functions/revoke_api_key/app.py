"""`DELETE /api-keys/{keyId}`: ends an API key."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.keys import revoke_key
from dicom_service.http.answer import answer
from dicom_service.http.api_keys import KeyId
from dicom_service.http.door import requires
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.delete(
    "/api-keys/<keyId>",
    summary="Revoke an API key",
    description="For good, and within a minute: so long the gateway may remember who showed it.",
    tags=["Access"],
    operation_id="revoke_api_key",
    responses={204: {"description": "It is revoked"}} | problems(400, 500, 503, s404="There is no such key"),
)
@requires("keys:write")
def revoke_api_key(key_id: KeyId) -> Response[None]:
    revoke_key(key_id)
    return Response(204)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
