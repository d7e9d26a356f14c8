"""`GET /exams/studies/{studyUID}/archive`: a whole study as a zip file."""

import time
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service.access.bounds import UNKNOWN_STUDY, Subject
from dicom_service.exams.downloads.study_archive import archive_of, begin_archive, told
from dicom_service.http.answer import answer
from dicom_service.http.audit import agent
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import StudyPath, TrueOrFalse, patient_id_query
from dicom_service.http.request import parse_json
from dicom_service.http.transfer_answers import ARCHIVE_ANSWERS, archive_answer
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


WithDirectory = Annotated[
    TrueOrFalse,
    Query(alias="dicomdir", description="With a DICOMDIR, for media: entries are called by File IDs, not UIDs"),
]


@app.get(
    "/exams/studies/<studyUID>/archive",
    summary="Download a whole study",
    description="The patient's objects of the study: each is checked. One archive is made for all who ask for the same "
    "patient; it serves for an hour, as long as the study has as many instances.",
    tags=["Exams"],
    operation_id="archive_study",
    responses=ARCHIVE_ANSWERS | problems(400, 401, 404, 500, 502, 503, 504),
)
@requires("exams:read", "read")
def archive_study(
    study_uid: StudyPath, patient_id: Annotated[str, patient_id_query("PatientId")], dicomdir: WithDirectory = False
) -> Response[str]:
    patient_id = access_of(app).patient_for(patient_id, Subject(study=study_uid), UNKNOWN_STUDY)
    what = archive_of(study_uid, patient_id, with_directory=dicomdir)
    archive = begin_archive(pacs_session(), dialect(), what, agent(app), time.time)
    return archive_answer(*told(archive), app.context["base_path"])


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
