"""`GET /workitems`: search the worklist."""

import json
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from dicom_service.http.answer import answer
from dicom_service.http.dicom_json import JSON, dicom_json_answer
from dicom_service.http.openapi import dicom_json, problems
from dicom_service.http.request import parse_json
from dicom_service.worklist.acceptance import filter_value
from dicom_service.worklist.backends import worklist
from dicom_service.worklist.fields import BY_NAME, EXAMPLE
from dicom_service.worklist.mapper import dataset_of, keywords_of
from dicom_service.worklist.search import DateRange, WorkitemSearch, date_range, find_workitems

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


def _equals(name: str, alias: str = "") -> Query:
    field = BY_NAME[name]
    return Query(alias=alias or name, description=f"The {name}, compared exactly", examples=[field.example])


Patient = Annotated[str | None, _equals("PatientID", "patientID"), AfterValidator(filter_value("PatientID"))]
Study = Annotated[str | None, _equals("StudyInstanceUID"), AfterValidator(filter_value("StudyInstanceUID"))]
Accession = Annotated[str | None, _equals("AccessionNumber"), AfterValidator(filter_value("AccessionNumber"))]
Modality = Annotated[str | None, _equals("Modality"), AfterValidator(filter_value("Modality"))]
Station = Annotated[
    str | None, _equals("ScheduledStationAETitle"), AfterValidator(filter_value("ScheduledStationAETitle"))
]
StartDates = Annotated[
    DateRange | None,
    Query(alias="ScheduledProcedureStepStartDate", description="YYYYMMDD, or `from-to` of which one may be left out"),
    BeforeValidator(date_range),
    WithJsonSchema({"type": "string", "examples": ["20300115", "20300101-20300131"]}),
]
Limit = Annotated[int | None, Query(alias="limit", ge=1, description="At most so many; all by default")]
Offset = Annotated[int, Query(alias="offset", ge=0, description="Leaves out so many of the first")]
Format = Annotated[
    Literal["dicom", "simple"],
    Query(alias="format", description="`simple`: plain keyword JSON, the shape that `POST /workitems` takes"),
]


@app.get(
    "/workitems",
    summary="Search the worklist",
    description="All workitems, or those that match every filter; those that start first come first.",
    tags=["Worklist"],
    operation_id="list_workitems",
    responses=dicom_json(
        "The workitems: Modality Worklist items (PS3.4 Table K.6-1), or keyword JSON where `format` asks for it",
        [dataset_of(EXAMPLE)],
    )
    | problems(400, 401, 500, 502, 503, 504),
)
def list_workitems(
    patient_id: Patient = None,
    study_uid: Study = None,
    accession_number: Accession = None,
    modality: Modality = None,
    station: Station = None,
    start_dates: StartDates = None,
    limit: Limit = None,
    offset: Offset = 0,
    shape: Format = "dicom",
) -> Response[str]:
    equal = {
        "PatientID": patient_id,
        "StudyInstanceUID": study_uid,
        "AccessionNumber": accession_number,
        "Modality": modality,
        "ScheduledStationAETitle": station,
    }
    asked = {name: value for name, value in equal.items() if value is not None}
    found = find_workitems(worklist(), WorkitemSearch(asked, start_dates, offset, limit))
    if shape == "dicom":
        return dicom_json_answer(app, found)
    simple = [keywords_of(workitem) for workitem in found]
    return Response(200, JSON, json.dumps(simple, ensure_ascii=False), {"Cache-Control": "private, no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
