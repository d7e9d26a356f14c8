"""`GET /exam-events`: the feed of new-exam events, to pull."""

import json
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.events.answers import feed_answer
from dicom_service.events.feed import Cursor
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_events import EVENT_ID, RECEIVED_EXAMPLE, schema_answer, subjects_of
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import study_query
from dicom_service.http.request import parse_json

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

After = Annotated[
    str,
    Query(
        alias="after",
        description="`next` of the page before. A 400 that names it says that the feed has no such place any more",
        pattern=r"^(0|[1-9][0-9]{0,14}(-[0-9a-f]{8})?)$",
        examples=["0"],
    ),
]
Limit = Annotated[int, Query(alias="limit", ge=1, le=200, description="Events of a page")]
Study = Annotated[str | None, study_query("StudyInstanceUID", "Events of this study")]
EventType = Annotated[
    str | None,
    Query(alias="EventType", description="Events of this type", min_length=1, max_length=256, examples=["COMPLETED"]),
]


@app.get(
    "/exam-events",
    summary="List new-exam events",
    description="Oldest first, each once. No event is ever put in before one that was listed: whoever goes on from "
    "`next` misses none.",
    tags=["Events"],
    operation_id="list_exam_events",
    responses=schema_answer("A page", "ExamEventPage", {"events": [RECEIVED_EXAMPLE], "next": f"42-{EVENT_ID[:8]}"})
    | problems(
        400,
        500,
        503,
        s410="Events behind the cursor are no longer kept; `oldest` is the oldest cursor behind which all are",
    ),
)
@requires("events:read", "query")
def list_exam_events(
    after: After = "0", limit: Limit = 50, study_instance_uid: Study = None, event_type: EventType = None
) -> Response[str]:
    page = feed_answer(Cursor.parsed(after), limit, study_instance_uid or "", event_type or "")
    for subject in subjects_of(json.loads(page)["events"]):
        access_of(app).note(subject)
    return Response(200, "application/json", page, {"Cache-Control": "private, no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
