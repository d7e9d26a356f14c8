"""`GET /exams/studies/{studyUID}/series/{seriesUID}/instance/{instanceUID}`: an exam's DICOM file, or its thumbnail."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import FiniteFloat

from dicom_service.access.bounds import Subject
from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.exams.downloads.stored_object import fetch_object
from dicom_service.exams.patients.belonging import UNKNOWN, check_object
from dicom_service.exams.patients.studies import patients_if_told
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.thumbnail import thumbnail
from dicom_service.http.answer import answer
from dicom_service.http.audit import agent
from dicom_service.http.binary import binary_answer, cached_answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_answers import EXAM_ANSWERS
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import InstancePath, OfPatient, SeriesPath, StudyPath
from dicom_service.http.request import parse_json
from dicom_service.http.transfer_answers import NOT_READY, RETRY_SECONDS, STILL_COMING, json_answer
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

KEPT_SECONDS = 3600
"""For so long a client may show a thumbnail again without asking: an object does not change."""

FileType = Annotated[
    Literal["application/dicom", "image/jpeg"],
    Query(alias="fileType", description="The stored object byte for byte, or its thumbnail"),
]
Size = Annotated[int, Query(alias="size", ge=16, le=2048, description="The thumbnail's longest side in pixels")]
Frame = Annotated[int | None, Query(alias="frame", ge=1, description="1-based; the middle one by default")]
Centre = Annotated[FiniteFloat | None, Query(alias="windowCenter", description="With `windowWidth`")]
Width = Annotated[
    float | None, Query(alias="windowWidth", gt=0, allow_inf_nan=False, description="With `windowCenter`")
]
Quality = Annotated[int, Query(alias="quality", ge=1, le=100, description="The thumbnail's JPEG quality")]


@app.get(
    "/exams/studies/<studyUID>/series/<seriesUID>/instances/<instanceUID>",
    summary="Retrieve an exam or its thumbnail",
    description="The same as with `instance` in place of `instances`.",
    tags=["Exams"],
    operation_id="retrieve_exam_of_instances",
    responses=EXAM_ANSWERS | NOT_READY | problems(400, 401, 404, 500, 502, 503, 504),
)
@app.get(
    "/exams/studies/<studyUID>/series/<seriesUID>/instance/<instanceUID>",
    summary="Retrieve an exam or its thumbnail",
    description="`size`, `frame`, the window and `quality` are of use for a thumbnail only.",
    tags=["Exams"],
    operation_id="retrieve_exam",
    responses=EXAM_ANSWERS | NOT_READY | problems(400, 401, 404, 500, 502, 503, 504),
)
@requires("exams:read", "read")
def retrieve_exam(
    study_uid: StudyPath,
    series_uid: SeriesPath,
    instance_uid: InstancePath,
    file_type: FileType,
    size: Size = 256,
    frame: Frame = None,
    centre: Centre = None,
    width: Width = None,
    quality: Quality = 85,
    patient_id: OfPatient = None,
) -> Response[str]:
    instance = Instance(study_uid, series_uid, instance_uid)
    subject = Subject(study=study_uid, series=series_uid, instance=instance_uid)
    access = access_of(app)
    patient_id = access.patient_for(patient_id, subject, UNKNOWN)
    if not patient_id:
        access.name_patients(patients_if_told(study_uid))
    if file_type == "application/dicom":
        return _object(instance, patient_id)
    if (centre is None) != (width is None):
        raise InvalidRequest("A window is its centre and its width", [_other_half(centre)])
    window = (centre, width) if centre is not None and width is not None else None
    return _thumbnail(instance, patient_id, PictureRequest(size, frame, window, quality))


def _other_half(centre: float | None) -> FieldError:
    missing, given = ("windowCenter", "windowWidth") if centre is None else ("windowWidth", "windowCenter")
    return FieldError(missing, f"is required with {given}")


def _object(instance: Instance, patient_id: str) -> Response[str]:
    found = fetch_object(pacs_session(), dialect(), instance, patient_id=patient_id, asked_by=agent(app))
    if found is None:
        return json_answer(202, STILL_COMING, {"Retry-After": str(RETRY_SECONDS)})
    if isinstance(found, str):
        return Response(303, None, "", {"Location": found, "Cache-Control": "no-store"})
    disposition = f'attachment; filename="{instance.instance_uid}.dcm"'
    return binary_answer(
        found, "application/dicom", {"Content-Disposition": disposition, "Cache-Control": "private, no-store"}
    )


def _thumbnail(instance: Instance, patient_id: str, wanted: PictureRequest) -> Response[str]:
    session = pacs_session()
    if patient_id:
        check_object(session, dialect(), patient_id, instance)
    picture = thumbnail(session, dialect(), instance, wanted)
    headers = {"X-Thumbnail": "placeholder"} if picture.placeholder else {}
    known = app.current_event.headers.get("if-none-match", "")
    return cached_answer(picture.jpeg, "image/jpeg", headers, known, KEPT_SECONDS)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
