"""`GET /exams/studies/{studyUID}/series`: the series of a study."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.http.answer import answer
from dicom_service.http.dicom_json import dicom_json_answer
from dicom_service.http.exam_answers import SERIES_EXAMPLE
from dicom_service.http.openapi import dicom_json, problems
from dicom_service.http.parameters import StudyPath, patient_id_query
from dicom_service.http.request import parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.search import search_series
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.get(
    "/exams/studies/<studyUID>/series",
    summary="Search the series of a patient's study",
    description="First checks that the study is the patient's.",
    tags=["Exams"],
    operation_id="search_series",
    responses=dicom_json(
        "The series (PS3.18 Table 10.6.3-4); none where the study is not the patient's", [SERIES_EXAMPLE]
    )
    | problems(400, 401, 500, 502, 503, 504),
)
def find_series(study_uid: StudyPath, patient_id: Annotated[str, patient_id_query("PatientId")]) -> Response[str]:
    return dicom_json_answer(app, search_series(pacs_session(), dialect(), patient_id, study_uid))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
