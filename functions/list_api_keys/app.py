"""`GET /api-keys`: every API key, without its secret."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from dicom_service.access.keys import list_keys
from dicom_service.http.answer import answer
from dicom_service.http.api_keys import ApiKeyAnswer, key_fields
from dicom_service.http.door import requires
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


class ApiKeys(BaseModel):
    """Every key, the newest first."""

    keys: list[ApiKeyAnswer]


@app.get(
    "/api-keys",
    summary="List the API keys",
    description="Those that are revoked or over too.",
    tags=["Access"],
    operation_id="list_api_keys",
    responses={200: {"description": "The keys"}} | problems(400, 500, 503),
)
@requires("keys:write")
def list_api_keys() -> Response[ApiKeys]:
    keys = ApiKeys(keys=[ApiKeyAnswer(**key_fields(key)) for key in list_keys()])
    return Response(200, "application/json", keys, {"Cache-Control": "private, no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
