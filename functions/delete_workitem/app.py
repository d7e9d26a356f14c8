"""`DELETE /workitems/{studyInstanceUID}`: remove a workitem from the worklist."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.bounds import Subject
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import uid_path
from dicom_service.http.request import parse_json
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.scheduling import remove

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.delete(
    "/workitems/<studyInstanceUID>",
    summary="Delete a workitem",
    description="Removes it from the worklist; its study, where there is one, stays.",
    tags=["Worklist"],
    operation_id="delete_workitem",
    responses={204: {"description": "The workitem is deleted"}}
    | problems(400, 401, 500, 502, 503, 504, s404="There is no workitem with this StudyInstanceUID"),
)
@requires("workitems:write", "delete")
def delete_workitem(studyInstanceUID: Annotated[str, uid_path("studyInstanceUID", "Study Instance")]) -> Response[None]:  # noqa: N803
    access = access_of(app)
    access.note(Subject(access.only_patient(), studyInstanceUID))
    access.name_patients(remove(worklist(), studyInstanceUID, access.only_patient()))
    return Response(204)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
