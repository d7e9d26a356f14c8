"""`GET /workitems`: search the worklist."""

import json
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from dicom_service.access.bounds import Subject
from dicom_service.http.answer import answer
from dicom_service.http.dicom_json import JSON, dicom_json_type
from dicom_service.http.door import access_of, requires
from dicom_service.http.list_answer import list_answer
from dicom_service.http.openapi import DICOM_JSON, dicom_json, problems
from dicom_service.http.paging import ELSEWHERE, LINK, LimitQuery, OffsetQuery, next_link
from dicom_service.http.parameters import EXAMPLE_STUDY
from dicom_service.http.request import parse_json
from dicom_service.worklist.acceptance import filter_value
from dicom_service.worklist.asked import DateRange, WorkitemSearch
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.fields import BY_NAME, EXAMPLE
from dicom_service.worklist.json_schema import DATE, value_schema
from dicom_service.worklist.mapper import Dataset, dataset_of, keywords_of
from dicom_service.worklist.search import Found, date_range, find_workitems

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


def _equals(name: str, alias: str = "") -> Query:
    return Query(alias=alias or name, description=f"The {name}, compared exactly", examples=[BY_NAME[name].example])


def _check(name: str) -> tuple[AfterValidator, WithJsonSchema]:
    return AfterValidator(filter_value(name)), WithJsonSchema(value_schema(BY_NAME[name]))


PatientQuery = Annotated[str | None, _equals("PatientID", "patientID"), *_check("PatientID")]
StudyQuery = Annotated[str | None, _equals("StudyInstanceUID"), *_check("StudyInstanceUID")]
AccessionQuery = Annotated[str | None, _equals("AccessionNumber"), *_check("AccessionNumber")]
ModalityQuery = Annotated[str | None, _equals("Modality"), *_check("Modality")]
StationQuery = Annotated[str | None, _equals("ScheduledStationAETitle"), *_check("ScheduledStationAETitle")]
StartDatesQuery = Annotated[
    DateRange | None,
    Query(alias="ScheduledProcedureStepStartDate", description="YYYYMMDD, or `from-to` of which one may be left out"),
    BeforeValidator(date_range),
    WithJsonSchema(
        {"type": "string", "pattern": f"^({DATE}-?|{DATE}?-{DATE})$", "examples": ["20300115", "20300101-20300131"]}
    ),
]
FormatQuery = Annotated[
    Literal["dicom", "simple"],
    Query(alias="format", description="`simple`: plain keyword JSON, the shape that `POST /workitems` takes"),
]

WORKITEM = {"StudyInstanceUID": EXAMPLE_STUDY, **EXAMPLE}
ANSWERS = dicom_json("The workitems: Modality Worklist items (PS3.4 Table K.6-1)", [dataset_of(WORKITEM)], headers=LINK)
ANSWERS[200]["content"][JSON] = {
    "schema": {"anyOf": [DICOM_JSON, {"type": "array", "items": {"$ref": "#/components/schemas/NewWorkitem"}}]},
    "examples": {
        "dicom": {"summary": "Modality Worklist items", "value": [dataset_of(WORKITEM)]},
        "simple": {"summary": "with `format=simple`", "value": [WORKITEM]},
    },
}


@app.get(
    "/workitems",
    summary="Search the worklist",
    description="All workitems, or those that match every filter; those that start first come first.",
    tags=["Worklist"],
    operation_id="list_workitems",
    responses=ANSWERS | ELSEWHERE | problems(400, 401, 500, 502, 503, 504),
)
@requires("workitems:read", "query")
def list_workitems(
    patient_id: PatientQuery = None,
    study_uid: StudyQuery = None,
    accession_number: AccessionQuery = None,
    modality: ModalityQuery = None,
    station: StationQuery = None,
    start_dates: StartDatesQuery = None,
    limit: LimitQuery = None,
    offset: OffsetQuery = 0,
    shape: FormatQuery = "dicom",
) -> Response[str]:
    equal = {
        "PatientID": patient_id,
        "StudyInstanceUID": study_uid,
        "AccessionNumber": accession_number,
        "Modality": modality,
        "ScheduledStationAETitle": station,
    }
    asked = {name: value for name, value in equal.items() if value is not None}
    bound = _bound(asked)
    patients: set[str] = set()

    def show(workitem: Dataset) -> str:
        simple = keywords_of(workitem)
        patients.add(str(simple.get("PatientID", "")))
        return json.dumps(workitem if shape == "dicom" else simple, ensure_ascii=False)

    found = Found[str]([], more=False)
    if bound is not None:
        found = find_workitems(worklist(), WorkitemSearch(bound, start_dates, offset, limit), show)
    for patient in patients or {patient_id or access_of(app).only_patient()}:
        access_of(app).note(Subject(patient))
    content_type = dicom_json_type(app) if shape == "dicom" else JSON
    count = offset + len(found.workitems) + found.more
    return list_answer(app, found.workitems, content_type, next_link(app, count, limit, offset))


def _bound(asked: dict[str, str]) -> dict[str, str] | None:
    """The filters, with those that the caller is bound to; None where they ask for others."""
    access = access_of(app)
    own = {"PatientID": access.only_patient(), "StudyInstanceUID": access.only_study()}
    bound = {name: value for name, value in own.items() if value}
    return asked | bound if all(asked.get(name, value) == value for name, value in bound.items()) else None


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
