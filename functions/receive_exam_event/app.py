"""`POST /new-exam-callback`: the PACS tells that an exam has arrived."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.events.caller import check_caller
from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import store_event
from dicom_service.http.answer import answer
from dicom_service.http.door import open_to_all
from dicom_service.http.exam_events import EXAM_EVENT_BODY
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import EXAMPLE_STUDY
from dicom_service.http.request import as_json, body_bytes, parse_json

CURL = f"""```bash
curl --request POST --url https://your-dicom-service/new-exam-callback --data '{{
  "StudyInstanceUID": "{EXAMPLE_STUDY}",
  "EventType": "COMPLETED"
}}'
```"""

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

Secret = Annotated[
    str, Query(alias="secret", description="`CALLBACK_SECRET`, for a PACS that can be given a URL and nothing else")
]


@app.post(
    "/new-exam-callback",
    summary="Announce a new exam",
    description="For the PACS. 204 means: stored for good, and it will reach every subscriber. A repeat of the "
    "identical body within `CALLBACK_DEDUPE_SECONDS` is delivered once. Where `CALLBACK_SECRET` is set it must be "
    "shown, as `Authorization` or as `secret`; `make run` sets none.\n\n" + CURL,
    tags=["Events"],
    operation_id="receive_exam_event",
    responses={204: {"description": "The event is stored"}}
    | problems(400, 500, 503, s401="`CALLBACK_SECRET` is missing or wrong"),
    openapi_extensions={"requestBody": EXAM_EVENT_BODY},
)
@open_to_all
def receive_exam_event(secret: Secret = "") -> Response[None]:
    check_caller([secret, app.current_event.headers.get("authorization", "")])
    event = app.current_event.raw_event
    store_event(body_bytes(event), announcement(parse_json(as_json(event)["body"])))
    return Response(204)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
