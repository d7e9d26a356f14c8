"""`GET /exams/studies/{studyUID}/series`: the series of a study."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.exams.counts import MOST_COUNTED, count_series
from dicom_service.exams.patients.belonging import search_series
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_answers import SERIES_EXAMPLE
from dicom_service.http.list_answer import dicom_list_answer
from dicom_service.http.openapi import dicom_json, problems
from dicom_service.http.paging import ELSEWHERE, LINK, LimitQuery, OffsetQuery, next_link, page_of
from dicom_service.http.parameters import StudyPath, TrueOrFalse, patient_id_query
from dicom_service.http.request import parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

Counts = Annotated[
    TrueOrFalse,
    Query(
        alias="counts",
        description=f"Fill in numbers of instances where the PACS leaves them out, of at most {MOST_COUNTED} series",
    ),
]


@app.get(
    "/exams/studies/<studyUID>/series",
    summary="Search the series of a patient's study",
    description="The series that hold objects of the patient.",
    tags=["Exams"],
    operation_id="search_series",
    responses=dicom_json(
        "The series (PS3.18 Table 10.6.3-4); none where nothing of the study is the patient's",
        [SERIES_EXAMPLE],
        headers=LINK,
    )
    | ELSEWHERE
    | problems(400, 401, 500, 502, 503, 504),
)
@requires("exams:read", "query")
def find_series(
    study_uid: StudyPath,
    patient_id: Annotated[str, patient_id_query("PatientId")],
    counts: Counts = False,
    limit: LimitQuery = None,
    offset: OffsetQuery = 0,
) -> Response[str]:
    session, may_see = pacs_session(), access_of(app).may_see(patient_id, study_uid)
    series = search_series(session, dialect(), patient_id, study_uid) if may_see else []
    page = page_of(series, limit, offset)
    if counts:
        page = count_series(session, dialect(), patient_id, study_uid, page)
    return dicom_list_answer(app, page, next_link(app, len(series), limit, offset))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
