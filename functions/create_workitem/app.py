"""`POST /workitems`: schedule a procedure step for a patient."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from dicom_service.access.bounds import Subject
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import EXAMPLE_STUDY
from dicom_service.http.request import parse_json
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.model import NewWorkitem
from dicom_service.worklist.scheduling import schedule

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


class CreatedWorkitem(BaseModel):
    """What the new workitem is found by."""

    StudyInstanceUID: str = Field(description="as given, or generated", examples=[EXAMPLE_STUDY])
    ScheduledProcedureStepID: str = Field(description="as given, or generated", examples=["9F86D081884C7D65"])
    RequestedProcedureID: str = Field(description="as given, or generated", examples=["9A2FEAA0C55AD015"])
    AccessionNumber: str = Field(description="as given", examples=["NDS83JF784N209D2"])


@app.post(
    "/workitems",
    summary="Create a workitem",
    description="Fields are DICOM keywords; all that is wrong is told at once. Of several creations with one "
    "`StudyInstanceUID` exactly one succeeds.",
    tags=["Worklist"],
    operation_id="create_workitem",
    responses={200: {"description": "The identifiers of the new workitem"}}
    | problems(
        400,
        401,
        500,
        502,
        503,
        504,
        s422="The workitem is for another patient than the one whom the caller is bound to",
        s409="The `StudyInstanceUID` has a workitem already, or one is being created",
    ),
)
@requires("workitems:write", "create")
def create_workitem(workitem: Annotated[NewWorkitem, Body(description="The workitem")]) -> CreatedWorkitem:
    given = workitem.given()
    access, patient = access_of(app), str(given["PatientID"])
    access.check_written(patient, "PatientID")
    created = CreatedWorkitem(**schedule(worklist(), given))
    access.note(Subject(patient, created.StudyInstanceUID, accession=created.AccessionNumber))
    return created


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
