"""UIDs with a leading zero in a component: PS3.5 section 9.1 forbids them, archives hold them."""

import json

import pytest

from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.pacs.objects import make_object

STUDY, SERIES, INSTANCE = "1.2.007.1", "1.2.007.1.02", "1.2.007.1.02.03"
PATH = f"/exams/studies/{STUDY}"
PATIENT = {"PatientId": "P1"}


@pytest.fixture
def stored(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> bytes:
    content = make_object(StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, SOPInstanceUID=INSTANCE)
    answer = invoke("upload_exam", "POST", "/exams", body=content, headers={"content-type": "application/dicom"})
    assert answer["statusCode"] == 200
    return content


@pytest.mark.parametrize(
    ("function", "path", "query", "status"),
    [
        ("search_series", f"{PATH}/series", PATIENT, 200),
        ("search_instances", f"{PATH}/series/{SERIES}/instances", PATIENT, 200),
        ("retrieve_exam", f"{PATH}/series/{SERIES}/instance/{INSTANCE}", {"fileType": "application/dicom"}, 200),
        ("retrieve_exam", f"{PATH}/series/{SERIES}/instance/{INSTANCE}", {"fileType": "image/jpeg"}, 200),
        ("retrieve_thumbnail", f"{PATH}/thumbnail", {}, 200),
        ("retrieve_thumbnail", f"{PATH}/series/{SERIES}/thumbnail", {}, 200),
        ("archive_study", f"{PATH}/archive", PATIENT, 202),
        ("create_viewer_token", "/token", {"studyUID": STUDY}, 200),
        ("list_exam_events", "/exam-events", {"StudyInstanceUID": STUDY}, 200),
        ("list_workitems", "/workitems", {"StudyInstanceUID": STUDY}, 200),
    ],
)
def test_what_the_pacs_holds_is_shown(
    stored: bytes, invoke: Invoke, function: str, path: str, query: dict[str, str], status: int
) -> None:
    assert invoke(function, path=path, query=query)["statusCode"] == status


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_its_workitem_is_looked_for(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setenv("WORKLIST_BACKEND", "dynamodb")
    function = "update_workitem" if method == "PATCH" else "delete_workitem"
    answer = invoke(function, method, f"/workitems/{STUDY}", body={"Modality": "CT"} if method == "PATCH" else b"")
    assert answer["statusCode"] == 404


def test_a_new_workitem_does_not_get_one(invoke: Invoke) -> None:
    answer = invoke("create_workitem", "POST", "/workitems", body={"StudyInstanceUID": STUDY})
    assert answer["statusCode"] == 400
    assert "StudyInstanceUID" in {error["field"] for error in json.loads(answer["body"])["errors"]}
