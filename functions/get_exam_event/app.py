"""`GET /exam-events/{eventId}`: one new-exam event."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.events.answers import event_answer
from dicom_service.events.outbox import load_event
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_events import RECEIVED_EXAMPLE, EventId, schema_answer, subjects_of
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.get(
    "/exam-events/<eventId>",
    summary="Get a new-exam event",
    description="What the PACS sent, whether or not it has reached anyone.",
    tags=["Events"],
    operation_id="get_exam_event",
    responses=schema_answer("The event", "ReceivedExamEvent", RECEIVED_EXAMPLE) | problems(400, 404, 500, 503),
)
@requires("events:read", "read")
def get_exam_event(event_id: EventId) -> Response[str]:
    found = event_answer(load_event(event_id))
    for subject in subjects_of([json.loads(found)]):
        access_of(app).note(subject)
    return Response(200, "application/json", found, {"Cache-Control": "private, no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
