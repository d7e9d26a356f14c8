"""`GET /exams/uploads/{uploadId}`: what became of each file of an upload."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.exams.uploads.status import upload_status
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import TrueOrFalse
from dicom_service.http.request import parse_json
from dicom_service.http.transfer_answers import EXAMPLE_TRANSFER, UPLOAD_STATUS, json_answer

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

UploadId = Annotated[
    str, Path(alias="uploadId", description="Of the upload", pattern=r"^[0-9a-f]{32}$", examples=[EXAMPLE_TRANSFER])
]
Resume = Annotated[
    TrueOrFalse,
    Query(alias="resume", description="Also where the files that are still awaited are to be sent, signed anew"),
]


@app.get(
    "/exams/uploads/<uploadId>",
    summary="Ask what became of an upload",
    description="`WAITING` for its bytes, `STORING`, `STORED` with the PACS's `00081199`, `REFUSED` for the reason "
    "told, or `FAILED` after the last attempt. A zip file has `entries` with a state of their own. Kept for a week.",
    tags=["Exams"],
    operation_id="get_upload",
    responses=UPLOAD_STATUS | problems(400, 404, 500, 503),
)
@requires("exams:write", "read")
def get_upload(upload_id: UploadId, resume: Resume = False) -> Response[str]:
    return json_answer(200, upload_status(upload_id, access_of(app).may_see, resume=resume))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
