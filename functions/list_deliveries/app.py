"""`GET /exam-events/{eventId}/deliveries`: what became of an event at each subscriber."""

from typing import Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dicom_service.events.answers import deliveries_answer
from dicom_service.events.delivery_log import read_deliveries
from dicom_service.events.outbox import load_event
from dicom_service.http.answer import answer
from dicom_service.http.door import requires
from dicom_service.http.exam_events import EventId
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


class ExamEventDelivery(BaseModel):
    """An event's delivery to one subscriber."""

    model_config = ConfigDict(alias_generator=to_camel)

    url: str = Field(description="without user, password and query", examples=["https://ris.example/events"])
    state: Literal["pending", "delivered", "failed", "gone"] = Field(
        description="`failed`: given up after three days; `gone`: the subscriber answered 410"
    )
    attempts: int = Field(examples=[2])
    last_status: int | None = Field(description="HTTP status; null where there was none", examples=[503])
    last_error: str | None = Field(examples=["answered 503"])
    next_attempt_at: str | None = Field(
        description="ISO 8601; null after the last", examples=["2024-01-17T10:20:36.000Z"]
    )


class ExamEventDeliveries(BaseModel):
    """An event's deliveries, kept for 90 days after their last change."""

    deliveries: list[ExamEventDelivery]


@app.get(
    "/exam-events/<eventId>/deliveries",
    summary="List an event's deliveries",
    description="One for each subscriber of `CALLBACK_URLS` whose filters let the event through, from its first "
    "attempt on, or from when that had to wait.",
    tags=["Events"],
    operation_id="list_deliveries",
    responses={
        200: {"description": "The deliveries; none where no subscriber wanted the event, or before any was tried"}
    }
    | problems(400, 404, 500, 503),
)
@requires("events:read")
def list_deliveries(event_id: EventId) -> Response[ExamEventDeliveries]:
    rows = read_deliveries(event_id)
    if not rows:
        load_event(event_id)
    found = ExamEventDeliveries.model_validate(deliveries_answer(rows))
    return Response(200, "application/json", found, {"Cache-Control": "private, no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
