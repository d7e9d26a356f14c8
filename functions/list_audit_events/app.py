"""`GET /audit-events`: who did what to whose data, as FHIR AuditEvents."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.audit.fhir import bundle
from dicom_service.audit.trail import AuditSearch, search
from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.http.answer import answer
from dicom_service.http.audit_events import AUDIT_EVENTS
from dicom_service.http.door import requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import Moment, patient_id_query
from dicom_service.http.request import parse_json
from dicom_service.pacs.patients import unpadded

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

FHIR_JSON = "application/fhir+json"
USUAL_SPAN = timedelta(days=1)
LONGEST_SPAN = timedelta(days=31)
"""Of a search through everybody's records; a patient's have an index."""

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)

From = Annotated[
    Moment | None,
    Query(
        alias="from",
        description="Records from then on, ISO 8601; the last day, or all of a patient's, where it is left out",
    ),
]
To = Annotated[Moment | None, Query(alias="to", description="Records until then, ISO 8601; now where it is left out")]
Limit = Annotated[int, Query(alias="limit", ge=1, le=500, description="Records of a page")]
After = Annotated[
    str | None,
    Query(
        alias="after",
        description="As the link `next` has it",
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
    ),
]


@app.get(
    "/audit-events",
    summary="Read the audit trail",
    description="A FHIR R4 searchset of AuditEvents in IHE's Basic Audit Log Patterns, the earliest first. `link` has "
    "`next` while more may follow; such a page may have few records, or none. Without `patient` a search spans at most "
    "31 days.",
    tags=["Access"],
    operation_id="list_audit_events",
    responses=AUDIT_EVENTS | problems(400, 500, 503),
)
@requires("audit:read")
def list_audit_events(
    patient: Annotated[str | None, patient_id_query("patient")] = None,
    begins: From = None,
    ends: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response[str]:
    last = ends or datetime.now(UTC)
    first = begins or (EARLIEST if patient else last - USUAL_SPAN)
    if first > last:
        raise InvalidRequest("The request is invalid", [FieldError("from", "must not be behind `to`")])
    if not patient and last - first > LONGEST_SPAN:
        raise InvalidRequest("The request is invalid", [FieldError("from", "must be at most 31 days before `to`")])
    page = search(AuditSearch(max(first, EARLIEST), last, unpadded(patient or ""), limit, after or ""))
    found = bundle(page, app.context["base_path"] + app.current_event.path, _asked(first, last, patient, limit))
    return Response(200, FHIR_JSON, json.dumps(found, ensure_ascii=False), {"Cache-Control": "private, no-store"})


def _asked(first: datetime, last: datetime, patient: str | None, limit: int) -> dict[str, str]:
    """The search with its span written out, so that the next page is of the same."""
    asked = {"from": _text(first), "to": _text(last), "limit": str(limit)}
    return {"patient": patient, **asked} if patient else asked


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
