"""`GET /exams/studies/{studyUID}/series/{seriesUID}/instances`: the instances of a series."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.exams.patients.belonging import search_instances
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_answers import INSTANCE_EXAMPLE
from dicom_service.http.list_answer import dicom_list_answer
from dicom_service.http.openapi import dicom_json, problems
from dicom_service.http.paging import ELSEWHERE, LINK, LimitQuery, OffsetQuery, next_link, page_of
from dicom_service.http.parameters import SeriesPath, StudyPath, patient_id_query
from dicom_service.http.request import parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


@app.get(
    "/exams/studies/<studyUID>/series/<seriesUID>/instances",
    summary="Search the instances of a series",
    description="The patient's instances: each is checked.",
    tags=["Exams"],
    operation_id="search_instances",
    responses=dicom_json(
        "The instances (PS3.18 Table 10.6.3-5); none where nothing of the series is the patient's",
        [INSTANCE_EXAMPLE],
        headers=LINK,
    )
    | ELSEWHERE
    | problems(400, 401, 500, 502, 503, 504),
)
@requires("exams:read", "query")
def find_instances(
    study_uid: StudyPath,
    series_uid: SeriesPath,
    patient_id: Annotated[str, patient_id_query("PatientId")],
    limit: LimitQuery = None,
    offset: OffsetQuery = 0,
) -> Response[str]:
    may_see = access_of(app).may_see(patient_id, study_uid)
    instances = search_instances(pacs_session(), dialect(), patient_id, study_uid, series_uid) if may_see else []
    page = page_of(instances, limit, offset)
    return dicom_list_answer(app, page, next_link(app, len(instances), limit, offset))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
