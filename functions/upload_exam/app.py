"""`POST /exams`: DICOM files into the PACS, one STOW-RS request each."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.bounds import Subject
from dicom_service.errors import Conflict
from dicom_service.exams.upload import identify_all, read_files, responses, store_files
from dicom_service.http.answer import answer
from dicom_service.http.dicom_json import dicom_json_answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_answers import CHANGED_EXAMPLE, REFUSED_EXAMPLE, STORED_EXAMPLE, UPLOAD_BODY
from dicom_service.http.openapi import dicom_json, problems
from dicom_service.http.request import body_bytes, parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.post(
    "/exams",
    summary="Upload exams",
    description="Stores each DICOM file of the request; nothing when one of them is no DICOM Part 10 object. "
    "May be repeated: a file that the PACS holds already is answered as stored, with `changed` where the PACS has "
    "changed attributes of it. "
    "A request may hold about 4.5 MB; larger ones get the platform's own 413.",
    tags=["Exams"],
    operation_id="upload_exam",
    responses=dicom_json(
        "One STOW-RS response per file, in the order sent; `changed` names what the PACS has changed of one",
        [STORED_EXAMPLE, CHANGED_EXAMPLE],
    )
    | dicom_json(
        "The PACS stored some and refused others; `reason` says why", [STORED_EXAMPLE, REFUSED_EXAMPLE], status=202
    )
    | problems(
        400,
        401,
        413,
        500,
        502,
        503,
        504,
        s422="A file is no DICOM Part 10 object, or not the patient's whom the caller is bound to; nothing was stored",
        s409="The PACS refused all files, or holds others of their UIDs: see `responses`",
    ),
    openapi_extensions={"requestBody": UPLOAD_BODY},
)
@requires("exams:write", "create")
def upload_exam() -> Response[str]:
    event = app.current_event.raw_event
    files = read_files(app.current_event.headers.get("content-type", ""), body_bytes(event))
    identities, access = identify_all(files), access_of(app)
    for each in identities:
        access.note(Subject(each.patient_id, each.study_uid, each.series_uid, each.sop_instance_uid))
    outcomes = store_files(pacs_session(), dialect(), files, identities, access.only_patient())
    answered = responses(files, outcomes)
    stored = [outcome.stored for outcome in outcomes]
    if not any(stored):
        raise Conflict("The PACS refused every file", extensions={"responses": answered})
    return dicom_json_answer(app, answered, status=200 if all(stored) else 202)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
