"""`GET /-/healthz` and `GET /-/ready`: alive, and rightly configured and able to reach the PACS and the tables."""

from typing import Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from dicom_service.errors import FieldError, NotReady
from dicom_service.http.answer import answer
from dicom_service.http.door import open_to_all, requires
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json
from dicom_service.readiness import what_is_not_ready

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


class Health(BaseModel):
    """The service's state."""

    status: Literal["alive", "ready"]


@app.get(
    "/-/healthz",
    summary="Is the service alive?",
    description="Asks nothing of the PACS or the tables.",
    tags=["Health"],
    operation_id="check_alive",
    responses={200: {"description": "It is"}} | problems(400, 500),
)
@open_to_all
def healthz() -> Response[Health]:
    return Response(200, "application/json", Health(status="alive"), {"Cache-Control": "no-store"})


@app.get(
    "/-/ready",
    summary="Can the service do its work?",
    description="Checks every setting, and asks the PACS and each table for an answer.",
    tags=["Health"],
    operation_id="check_ready",
    responses={200: {"description": "It can"}}
    | problems(400, 500, s503="A setting is wrong, or the PACS or a table cannot be reached; `errors` names which"),
)
@requires(None)
def ready() -> Response[Health]:
    missing = what_is_not_ready()
    if missing:
        raise NotReady("The service cannot do its work", [FieldError(name, why) for name, why in missing.items()])
    return Response(200, "application/json", Health(status="ready"), {"Cache-Control": "no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
