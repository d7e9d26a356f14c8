"""`POST /exam-events/redeliver`: deliver anew what was given up in a span of time."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.events.redelivery import redeliver_given_up
from dicom_service.http.answer import answer
from dicom_service.http.door import requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import Moment
from dicom_service.http.request import body_bytes, parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

Since = Annotated[
    Moment | None,
    Query(alias="from", description="Events received at this time or later (UTC)", examples=["2024-01-17T00:00:00Z"]),
]
Until = Annotated[
    Moment | None,
    Query(alias="to", description="Events received until this time (UTC); now", examples=["2024-01-18T00:00:00Z"]),
]
State = Annotated[Literal["failed", "gone"], Query(alias="state", description="How the deliveries ended")]


class Redeliveries(BaseModel):
    """What was asked for; the deliveries follow."""

    deliveries: int = Field(description="how many, 500 at the most", examples=[12])
    more: bool = Field(description="whether the same request would find more", examples=[False])


@app.post(
    "/exam-events/redeliver",
    summary="Deliver anew what was given up",
    description="Each delivery of events received in the span that was given up and whose URL is still a subscriber's. "
    "Repeat the request while `more` is true.",
    tags=["Events"],
    operation_id="redeliver_exam_events",
    status_code=202,
    responses={202: {"description": "The deliveries are asked for"}} | problems(400, 500, 503),
)
@requires("events:write", "execute")
def redeliver_exam_events(since: Since = None, until: Until = None, state: State = "failed") -> Response[Redeliveries]:
    if body_bytes(app.current_event.raw_event).strip() not in (b"", b"{}"):
        raise InvalidRequest("The body is not read", [FieldError("body", "must be empty: the query says which events")])
    deliveries, more = redeliver_given_up(state, since, until)
    return Response(202, "application/json", Redeliveries(deliveries=deliveries, more=more))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
