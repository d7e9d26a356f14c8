"""`GET /exams/studies`: the studies of one patient."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.exams.counts import MOST_COUNTED, count_studies
from dicom_service.http.answer import answer
from dicom_service.http.door import access_of, requires
from dicom_service.http.exam_answers import STUDY_EXAMPLE
from dicom_service.http.list_answer import dicom_list_answer
from dicom_service.http.openapi import dicom_json, problems
from dicom_service.http.paging import ELSEWHERE, LINK, LimitQuery, OffsetQuery, next_link, page_of
from dicom_service.http.parameters import TrueOrFalse, patient_id_query
from dicom_service.http.request import parse_json
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.search import search_studies
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

Counts = Annotated[
    TrueOrFalse,
    Query(
        alias="counts",
        description="Fill in modalities and numbers of series and instances where the PACS leaves them out, of at most "
        f"{MOST_COUNTED} studies",
    ),
]


@app.get(
    "/exams/studies",
    summary="Search a patient's studies",
    description="Compares the patient ID exactly; every page of the PACS is followed.",
    tags=["Exams"],
    operation_id="search_studies",
    responses=dicom_json("The studies, with the attributes of PS3.18 Table 10.6.3-3", [STUDY_EXAMPLE], headers=LINK)
    | ELSEWHERE
    | problems(400, 401, 500, 502, 503, 504),
)
@requires("exams:read", "query")
def find_studies(
    patient_id: Annotated[str, patient_id_query("PatientId")],
    counts: Counts = False,
    limit: LimitQuery = None,
    offset: OffsetQuery = 0,
) -> Response[str]:
    access, session = access_of(app), pacs_session()
    may_see = access.may_see(patient_id, access.only_study())
    studies = search_studies(session, dialect(), patient_id, access.only_study()) if may_see else []
    page = page_of(studies, limit, offset)
    if counts:
        page = count_studies(session, dialect(), patient_id, page)
    return dicom_list_answer(app, page, next_link(app, len(studies), limit, offset))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
