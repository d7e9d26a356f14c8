"""`PATCH /workitems/{studyInstanceUID}`: reschedule or correct a workitem, or say where its exam stands."""

import json
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.bounds import Subject
from dicom_service.http.answer import answer
from dicom_service.http.dicom_json import JSON
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import json_object, problems
from dicom_service.http.parameters import uid_path
from dicom_service.http.request import parse_json
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.model import WorkitemChange
from dicom_service.worklist.scheduling import reschedule

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.patch(
    "/workitems/<studyInstanceUID>",
    summary="Change a workitem",
    description="Changes the fields that are given and leaves the others; an empty one that is optional is taken away. "
    "Not every worklist can change every field: one that cannot is a 400 that names it.",
    tags=["Worklist"],
    operation_id="update_workitem",
    responses=json_object("The workitem as it is now, in keyword JSON", {**EXAMPLE, "status": "ARRIVED"})
    | problems(
        400,
        401,
        500,
        502,
        503,
        504,
        s404="There is no workitem with this StudyInstanceUID",
        s422="The change gives it to another patient than the one whom the caller is bound to",
        s409="It is being changed by another request, or its performer has begun and only that one may change it",
    ),
)
@requires("workitems:write", "update")
def update_workitem(
    studyInstanceUID: Annotated[str, uid_path("studyInstanceUID", "Study Instance")],  # noqa: N803
    change: Annotated[WorkitemChange, Body(description="The fields to be changed")],
) -> Response[str]:
    access, given = access_of(app), change.given()
    if "PatientID" in given:
        access.check_written(str(given["PatientID"] or ""), "PatientID")
    access.note(Subject(access.only_patient(), studyInstanceUID))
    changed = reschedule(worklist(), studyInstanceUID, given, access.only_patient())
    access.name_patients([str(changed.get("PatientID", ""))])
    return Response(200, JSON, json.dumps(changed, ensure_ascii=False), {"Cache-Control": "private, no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
