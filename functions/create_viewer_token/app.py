"""`GET /token`: a single-use token that opens a study in the viewer."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from dicom_service.access.bounds import UNKNOWN_STUDY, Subject
from dicom_service.exams.patients.belonging import check_whole_study
from dicom_service.exams.patients.studies import patients_if_told
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import LO_WITHOUT_WILDCARDS, patient_id_query, study_query
from dicom_service.http.request import parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session
from dicom_service.viewer.tokens import Role, viewer_session, viewer_token

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

CHECK_SECONDS = 20.0
"""For the PACS, out of the 25 s for it and the viewer."""

Study = Annotated[str, study_query("studyUID", "Study Instance UID")]
User = Annotated[
    str | None,
    Query(alias="user", min_length=1, max_length=64, pattern=LO_WITHOUT_WILDCARDS, description="The viewer's user"),
]
AskedRole = Annotated[
    Role, Query(alias="role", description="`patient`: a read-only view; `diagnostic`: a doctor's view with all tools")
]


class ViewerToken(BaseModel):
    """A token that opens the viewer once."""

    token: str = Field(examples=["d3092u94r8d238fj29dd38d329d3287d3j29d"])


@app.get(
    "/token",
    summary="Create a viewer token",
    description="A new token at each call: it is used up by the viewer's first opening, and expires. With `patientID` "
    "the study must be that patient's; the viewer shows all of it, so one that holds another's objects too is a 409.",
    tags=["Viewer"],
    operation_id="create_viewer_token",
    responses={200: {"description": "The token"}}
    | problems(
        400,
        401,
        500,
        502,
        503,
        504,
        s404="`patientID` has no such study",
        s409="The study holds objects that are not the patient's",
    ),
)
@requires("viewer:token", "execute")
def create_viewer_token(
    study_uid: Study,
    patient_id: Annotated[str | None, patient_id_query("patientID", "Patient ID, which the study must be of")] = None,
    user: User = None,
    role: AskedRole = "patient",
) -> Response[ViewerToken]:
    viewer = viewer_session()
    access = access_of(app)
    patient_id = access.patient_for(patient_id, Subject(study=study_uid), UNKNOWN_STUDY)
    if patient_id:
        check_whole_study(pacs_session(CHECK_SECONDS), dialect(), patient_id, study_uid)
    else:
        access.name_patients(patients_if_told(study_uid))
    token = viewer_token(viewer, study_uid, patient_id, user or "", role)
    return Response(200, "application/json", ViewerToken(token=token), {"Cache-Control": "no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
