"""`POST /exams/uploads`: where to send files that are too large for a request, or many."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

from dicom_service.exams.uploads.announce import Announced, begin_upload
from dicom_service.http.answer import answer
from dicom_service.http.audit import agent
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json
from dicom_service.http.transfer_answers import ANNOUNCED_EXAMPLE, BEGUN, json_answer

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

MOST_FILES = 1000
LARGEST_FILE = 10 * 1024**3


class AnnouncedFile(BaseModel):
    """A file that is to come."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255, description="What answers call the file", examples=["tomo.dcm"])
    size: int = Field(ge=1, le=LARGEST_FILE, strict=True, description="In bytes, exactly", examples=[734003200])
    sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="Checked before the file is stored",
        examples=["9f" * 32],
    )
    multipart: bool = Field(default=False, strict=True, description="As for the whole upload", examples=[True])


class NewUpload(BaseModel):
    """The files of an upload: DICOM objects, or zip files of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ANNOUNCED_EXAMPLE]})

    files: list[AnnouncedFile] = Field(min_length=1, max_length=MOST_FILES)
    multipart: bool = Field(
        default=False, strict=True, description="Take files over 100 MB in parts, which can be resumed"
    )


@app.post(
    "/exams/uploads",
    summary="Start an upload of large files",
    description="Announce the files, then send each to its signed address, within an hour: a form with exactly the "
    "bytes announced, or parts. What has arrived is stored without another request.",
    tags=["Exams"],
    operation_id="start_upload",
    responses=BEGUN | problems(400, 500, 503),
)
@requires("exams:write")
def start_upload(upload: Annotated[NewUpload, Body(description="The files")]) -> Response[str]:
    files = [
        Announced(file.name, file.size, (file.sha256 or "").lower(), upload.multipart or file.multipart)
        for file in upload.files
    ]
    return json_answer(201, begin_upload(files, access_of(app).only_patient(), agent(app)))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
