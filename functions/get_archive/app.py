"""`GET /exams/archives/{archiveId}`: how far a study's zip file is, and where it is once it is ready."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.exams.downloads.study_archive import find_archive, told
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json
from dicom_service.http.transfer_answers import ARCHIVE_ANSWERS, EXAMPLE_TRANSFER, archive_answer

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

ArchiveId = Annotated[
    str, Path(alias="archiveId", description="Of the archive", pattern=r"^[0-9a-f]{32}$", examples=[EXAMPLE_TRANSFER])
]


@app.get(
    "/exams/archives/<archiveId>",
    summary="Ask how far an archive is",
    description="Its progress counts instances.",
    tags=["Exams"],
    operation_id="get_archive",
    responses=ARCHIVE_ANSWERS | problems(400, 404, 500, 502, 503),
)
@requires("exams:read", "read")
def get_archive(archive_id: ArchiveId) -> Response[str]:
    return archive_answer(*told(find_archive(archive_id, access_of(app).may_see)), app.context["base_path"])


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
