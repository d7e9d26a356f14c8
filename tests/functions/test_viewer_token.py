"""`GET /token`: the embedded viewer or a scripted one behind it."""

import json
from typing import Any

import pytest

from local.pacs.server import EmbeddedPacs
from tests.conftest import VIEWER_KEY, Invoke
from tests.mixed import MixedPacs
from tests.pacs.objects import make_object
from tests.scripted import Answer, ScriptedPacs
from tests.transfers import store

STUDY = "1.2.3"


def token(invoke: Invoke, query: Any) -> tuple[int, Any, dict[str, str]]:
    answer = invoke("create_viewer_token", path="/token", query=query)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_each_call_gives_a_new_token_that_is_not_kept(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    store(pacs, make_object(StudyInstanceUID=STUDY, PatientID="P1"))
    answers = [token(invoke, {"studyUID": STUDY, "patientID": "P1", "role": "diagnostic"}) for _ in range(2)]
    assert [status for status, _, _ in answers] == [200, 200]
    assert answers[0][1]["token"] != answers[1][1]["token"]
    assert all(headers["Cache-Control"] == "no-store" for _, _, headers in answers)


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch, unconfigured: None) -> Any:
    def start(*script: Answer) -> ScriptedPacs:
        server = ScriptedPacs(*script)
        monkeypatch.setenv("DICOM_VIEWER_URL", server.url)
        monkeypatch.setenv("VIEWER_AUTHORIZATION_TOKEN", VIEWER_KEY)
        return server

    return start


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"abc-123", "abc-123"),
        (b"abc-123\r\n", "abc-123"),
        (b'"abc-123"', "abc-123"),
        (b'{"token": "abc-123"}', "abc-123"),
        (b"0012345", "0012345"),
        (b"12345", "12345"),
        (b'{"token": 12345}', "12345"),
        (b"\xef\xbb\xbfabc-123", "abc-123"),
        (b'\xef\xbb\xbf{"token": "abc-123"}', "abc-123"),
    ],
)
def test_the_reply_may_be_text_or_json(viewer: Any, invoke: Invoke, body: bytes, expected: str) -> None:
    with viewer(Answer(200, body)):
        assert token(invoke, {"studyUID": STUDY})[:2] == (200, {"token": expected})


@pytest.mark.parametrize(
    "body",
    [b"true", b'{"token": true}', b'{"token": 1.5}', b'{"token": "abc"', b"[" * 4000, b"[" * 100_000, b'["abc"]'],
)
def test_what_is_no_token_is_not_passed_on(viewer: Any, invoke: Invoke, body: bytes) -> None:
    with viewer(Answer(200, body)):
        assert token(invoke, {"studyUID": STUDY})[0] == 502


def test_the_viewer_is_told_its_own_names(viewer: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWER_GET_TOKEN_ENDPOINT", "other/path")
    monkeypatch.setenv("VIEWER_DEFAULT_USER", "portal")
    monkeypatch.setenv("VIEWER_ROLE_PATIENT", "READ_ONLY")
    monkeypatch.setenv("VIEWER_ROLE_DIAGNOSTIC", "DOCTOR")
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    study = make_object(StudyInstanceUID=STUDY, PatientID="P 1")
    with viewer(Answer(200, b"t")) as server, MixedPacs([study]) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        token(invoke, {"studyuid": STUDY, "PATIENTID": "P 1"})
        token(invoke, {"studyUID": STUDY, "user": "rossi", "role": "diagnostic"})
    assert [asked.path for asked in server.asked] == ["/other/path"] * 2
    assert server.asked[0].headers["Authorization"] == VIEWER_KEY
    assert server.asked[0].query == {
        "username": ["portal"],
        "role": ["READ_ONLY"],
        "studyUID": [STUDY],
        "patientID": ["P 1"],
    }
    assert server.asked[1].query == {"username": ["rossi"], "role": ["DOCTOR"], "studyUID": [STUDY]}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({}, ["studyUID"]),
        ({"studyUID": "1..2"}, ["studyUID"]),
        ({"studyUID": "1.2\n"}, ["studyUID"]),
        ({"studyUID": STUDY, "role": "admin"}, ["role"]),
        ({"studyUID": STUDY, "patientID": "*", "user": ""}, ["patientID", "user"]),
    ],
)
def test_a_wrong_query_is_refused(viewer: Any, invoke: Invoke, query: dict[str, str], fields: list[str]) -> None:
    with viewer(Answer(200, b"t")) as server:
        status, problem, _ = token(invoke, query)
    assert status == 400
    assert [error["field"] for error in problem["errors"]] == fields
    assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, b""), 502),
        (Answer(200, b"<html>log in</html>"), 502),
        (Answer(200, b'{"error": "no"}'), 502),
        (Answer(200, b"two words"), 502),
        (Answer(500), 502),
        (Answer(503), 502),
        (Answer(401), 401),
        (Answer(reset=True), 502),
    ],
)
def test_a_viewer_that_fails_is_asked_once(viewer: Any, invoke: Invoke, answer: Answer, status: int) -> None:
    with viewer(answer) as server:
        assert token(invoke, {"studyUID": STUDY})[0] == status
    assert len(server.asked) == 1


def test_a_viewer_that_is_not_configured_is_named(invoke: Invoke) -> None:
    status, problem, _ = token(invoke, {"studyUID": STUDY})
    assert status == 500
    assert "DICOM_VIEWER_URL" in problem["detail"]
