"""Links of the OpenAPI document: which answer holds what another operation asks for (OpenAPI 3.1, section 4.8.20)."""

from collections.abc import Iterator
from typing import Any

FIRST_STUDY = "$response.body#/0/0020000D/Value/0"
FIRST_SERIES = "$response.body#/0/0020000E/Value/0"
FIRST_INSTANCE = "$response.body#/0/00080018/Value/0"
FIRST_EVENT = "$response.body#/events/0/eventId"
SAME_PATIENT = {"PatientId": "$request.query.PatientId"}
SAME_STUDY = {"studyUID": "$request.path.studyUID"}
SAME_SERIES = {"seriesUID": "$request.path.seriesUID"}

LINKS: dict[tuple[str, str], dict[str, dict[str, str]]] = {
    ("create_api_key", "201"): {"revoke_api_key": {"keyId": "$response.body#/keyId"}},
    ("create_workitem", "200"): {
        "list_workitems": {"StudyInstanceUID": "$response.body#/StudyInstanceUID"},
        "update_workitem": {"studyInstanceUID": "$response.body#/StudyInstanceUID"},
        "delete_workitem": {"studyInstanceUID": "$response.body#/StudyInstanceUID"},
    },
    ("list_workitems", "200"): {
        "update_workitem": {"studyInstanceUID": FIRST_STUDY},
        "delete_workitem": {"studyInstanceUID": FIRST_STUDY},
    },
    ("search_studies", "200"): {
        "search_series": {"studyUID": FIRST_STUDY} | SAME_PATIENT,
        "archive_study": {"studyUID": FIRST_STUDY} | SAME_PATIENT,
        "retrieve_study_thumbnail": {"studyUID": FIRST_STUDY},
        "create_viewer_token": {"studyUID": FIRST_STUDY, "patientID": "$request.query.PatientId"},
    },
    ("search_series", "200"): {
        "search_instances": SAME_STUDY | {"seriesUID": FIRST_SERIES} | SAME_PATIENT,
        "retrieve_series_thumbnail": SAME_STUDY | {"seriesUID": FIRST_SERIES},
    },
    ("search_instances", "200"): {
        operation: SAME_STUDY | SAME_SERIES | {"instanceUID": FIRST_INSTANCE}
        for operation in ("retrieve_exam", "retrieve_exam_of_instances")
    },
    ("archive_study", "202"): {"get_archive": {"archiveId": "$response.body#/archiveId"}},
    ("start_upload", "201"): {"get_upload": {"uploadId": "$response.body#/uploadId"}},
    ("list_exam_events", "200"): {
        "list_exam_events": {"after": "$response.body#/next"},
        "get_exam_event": {"eventId": FIRST_EVENT},
        "list_deliveries": {"eventId": FIRST_EVENT},
        "redeliver_exam_event": {"eventId": FIRST_EVENT},
    },
}
"""By the operation and status of the answer: the operations that it leads to, and where their parameters come from."""


def add_links(operations: Iterator[dict[str, Any]]) -> None:
    """Writes the links into the operations' answers; raises KeyError where an operation or an answer is unknown."""
    by_id = {operation["operationId"]: operation for operation in operations}
    for (operation, status), links in LINKS.items():
        by_id[operation]["responses"][status]["links"] = {
            name: {"operationId": by_id[name]["operationId"], "parameters": parameters}
            for name, parameters in links.items()
        }
