"""`POST /exam-events/{eventId}/redeliver`: deliver an event anew."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from dicom_service.events.redelivery import redeliver
from dicom_service.http.answer import answer
from dicom_service.http.door import requires
from dicom_service.http.exam_events import REDELIVERY_BODY, EventId, redelivery_url
from dicom_service.http.openapi import problems
from dicom_service.http.request import as_json, body_bytes, parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


class Redelivery(BaseModel):
    """What was asked for; the deliveries follow."""

    deliveries: int = Field(description="how many", examples=[1])


@app.post(
    "/exam-events/<eventId>/redeliver",
    summary="Deliver an event anew",
    description="To every subscriber that wants it, or to one URL: at once, with the same `webhook-id`, and with a "
    "retry schedule of its own.",
    tags=["Events"],
    operation_id="redeliver_exam_event",
    status_code=202,
    responses={202: {"description": "The deliveries are asked for"}} | problems(400, 404, 500, 503),
    openapi_extensions={"requestBody": REDELIVERY_BODY},
)
@requires("events:write", "execute")
def redeliver_exam_event(event_id: EventId) -> Response[Redelivery]:
    event = app.current_event.raw_event
    url = redelivery_url(parse_json(as_json(event)["body"])) if body_bytes(event) else ""
    return Response(202, "application/json", Redelivery(deliveries=redeliver(event_id, url)))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
