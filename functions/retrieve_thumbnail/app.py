"""`GET …/studies/{studyUID}/thumbnail`, `GET …/series/{seriesUID}/thumbnail`: a picture that stands for it."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.bounds import Subject
from dicom_service.exams.patients.studies import patients_if_told
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.representative import NO_SERIES, NO_STUDY, of_series, of_study
from dicom_service.exams.thumbnail import thumbnail
from dicom_service.http.answer import answer
from dicom_service.http.binary import cached_answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_answers import THUMBNAIL_ANSWERS
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import OfPatient, SeriesPath, StudyPath
from dicom_service.http.request import parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession, pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

KEPT_SECONDS = 60
"""For so long a client may show it again without asking: another instance may stand for it when more have come."""

Size = Annotated[int, Query(alias="size", ge=16, le=2048, description="The longest side in pixels")]
Quality = Annotated[int, Query(alias="quality", ge=1, le=100, description="The JPEG's quality")]


@app.get(
    "/exams/studies/<studyUID>/thumbnail",
    summary="Show a study",
    description="The thumbnail of the middle instance of the series with the most instances; images come first.",
    tags=["Exams"],
    operation_id="retrieve_study_thumbnail",
    responses=THUMBNAIL_ANSWERS | problems(400, 401, 404, 500, 502, 503, 504),
)
@requires("exams:read", "read")
def show_study(
    study_uid: StudyPath, size: Size = 256, quality: Quality = 85, patient_id: OfPatient = None
) -> Response[str]:
    patient_id = _patient(patient_id, Subject(study=study_uid), NO_STUDY)
    session = pacs_session()
    instance = of_study(session, dialect(), patient_id, study_uid)
    return _shown(session, instance, PictureRequest(size, quality=quality))


@app.get(
    "/exams/studies/<studyUID>/series/<seriesUID>/thumbnail",
    summary="Show a series",
    description="The thumbnail of its middle instance, by the instances' numbers.",
    tags=["Exams"],
    operation_id="retrieve_series_thumbnail",
    responses=THUMBNAIL_ANSWERS | problems(400, 401, 404, 500, 502, 503, 504),
)
@requires("exams:read", "read")
def show_series(
    study_uid: StudyPath, series_uid: SeriesPath, size: Size = 256, quality: Quality = 85, patient_id: OfPatient = None
) -> Response[str]:
    patient_id = _patient(patient_id, Subject(study=study_uid, series=series_uid), NO_SERIES)
    session = pacs_session()
    instance = of_series(session, dialect(), patient_id, study_uid, series_uid)
    return _shown(session, instance, PictureRequest(size, quality=quality))


def _patient(patient_id: str | None, subject: Subject, unknown: str) -> str:
    access = access_of(app)
    patient = access.patient_for(patient_id, subject, unknown)
    if not patient:
        access.name_patients(patients_if_told(subject.study))
    return patient


def _shown(session: PacsSession, instance: Instance, wanted: PictureRequest) -> Response[str]:
    picture = thumbnail(session, dialect(), instance, wanted)
    headers = {"X-Thumbnail": "placeholder"} if picture.placeholder else {}
    known = app.current_event.headers.get("if-none-match", "")
    return cached_answer(picture.jpeg, "image/jpeg", headers, known, KEPT_SECONDS)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
