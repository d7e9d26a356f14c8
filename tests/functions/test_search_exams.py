"""`GET /exams/studies` and below: the embedded PACS or a scripted one behind it."""

import base64
import gzip
import json
import urllib.request
from typing import Any

import pytest

from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.logs import rendered
from tests.pacs.objects import make_object, send, uids
from tests.scripted import Answer, Asked, ScriptedPacs

STUDIES = "/exams/studies"


def search(invoke: Invoke, path: str, query: Any) -> tuple[int, Any]:
    name = {3: "search_studies", 5: "search_series", 7: "search_instances"}[path.count("/") + 1]
    answer = invoke(name, path=path, query=query)
    return answer["statusCode"], json.loads(answer["body"])


def stored(pacs: EmbeddedPacs, **attributes: Any) -> tuple[str, str, str]:
    content = make_object(**attributes)
    answer = send(f"{pacs.url}/dicom-web/studies", content, headers={"Authorization": PACS_KEY})
    assert answer.status_code == 200
    return uids(content)


def values(datasets: list[dict[str, Any]], tag: str) -> list[Any]:
    return [dataset[tag]["Value"][0] for dataset in datasets]


def test_studies_series_and_instances_of_a_patient(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    study, series, instance = stored(pacs, PatientID="P1")
    stored(pacs, PatientID="P2")
    status, studies = search(invoke, STUDIES, {"PatientId": "P1"})
    assert (status, values(studies, "0020000D")) == (200, [study])
    status, found = search(invoke, f"{STUDIES}/{study}/series", {"PatientId": "P1"})
    assert (status, values(found, "0020000E")) == (200, [series])
    status, found = search(invoke, f"{STUDIES}/{study}/series/{series}/instances", {"PatientId": "P1"})
    assert (status, values(found, "00080018")) == (200, [instance])


REQUIRED = {
    STUDIES: "00080005 00080020 00080030 00080050 00080056 00080061 00080090 00081190 00100010 00100020 00100030 "
    "00100040 0020000D 00200010 00201206 00201208",
    "series": "00080005 00080060 0008103E 00081190 0020000E 00200011 00201209 00400244 00400245 00400275",
    "instances": "00080005 00080016 00080018 00080056 00081190 00200013 00280008 00280010 00280011 00280100",
}


@pytest.mark.parametrize("level", REQUIRED)
def test_the_attributes_of_the_level_are_there_in_tag_order(pacs: EmbeddedPacs, invoke: Invoke, level: str) -> None:
    study, series, _ = stored(pacs, PatientID="P1")
    path = {"series": f"{STUDIES}/{study}/series", "instances": f"{STUDIES}/{study}/series/{series}/instances"}
    _, found = search(invoke, path.get(level, STUDIES), {"PatientId": "P1"})
    assert set(REQUIRED[level].split()) <= set(found[0])
    assert list(found[0]) == sorted(found[0])
    assert all("vr" in element for element in found[0].values())


@pytest.mark.parametrize("name", ["PatientId", "patientID", "patientId", "PATIENTID", "PatientID"])
def test_the_parameter_is_found_in_any_case(pacs: EmbeddedPacs, invoke: Invoke, name: str) -> None:
    stored(pacs, PatientID="P1")
    assert len(search(invoke, STUDIES, {name: "P1"})[1]) == 1


@pytest.mark.parametrize("patient_id", ["A,B", "A B", "É-1", "a&b=c", "A+B", "50%", "#1"])
def test_an_identifier_means_itself(pacs: EmbeddedPacs, invoke: Invoke, patient_id: str) -> None:
    study, _, _ = stored(pacs, PatientID=patient_id)
    stored(pacs, PatientID="A")
    assert values(search(invoke, STUDIES, {"PatientId": patient_id})[1], "0020000D") == [study]


def test_another_patients_study_shows_nothing(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    study, series, _ = stored(pacs, PatientID="P1")
    stored(pacs, PatientID="P2")
    assert search(invoke, f"{STUDIES}/{study}/series", {"PatientId": "P2"}) == (200, [])
    assert search(invoke, f"{STUDIES}/{study}/series/{series}/instances", {"PatientId": "P2"}) == (200, [])
    assert search(invoke, f"{STUDIES}/1.2.3/series", {"PatientId": "P2"}) == (200, [])


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ({}, "PatientId", "is required"),
        ({"patientid": ""}, "patientid", "at least 1"),
        ({"PatientID": "*"}, "PatientID", "not allowed"),
        ({"PatientID": "P?"}, "PatientID", "not allowed"),
        ({"PatientID": "P1\\P2"}, "PatientID", "not allowed"),
        ({"PatientID": "P1\n"}, "PatientID", "not allowed"),
        ({"PatientID": " "}, "PatientID", "not allowed"),
        ({"PatientID": "\u00a0\u2003"}, "PatientID", "not allowed"),
        ({"PatientID": "\u3000"}, "PatientID", "not allowed"),
        ({"PatientID": " \ufeff"}, "PatientID", "not allowed"),
        ({"PatientID": "P\x001"}, "PatientID", "not allowed"),
        ({"PatientID": "P\x7f1"}, "PatientID", "not allowed"),
        ({"PatientID": "P\x851"}, "PatientID", "not allowed"),
        ({"PatientID": "P\x9f1"}, "PatientID", "not allowed"),
        ({"PatientID": "P\ufffd"}, "PatientID", "must be UTF-8"),
        ("PatientID=P%E9", "PatientID", "must be UTF-8"),
        ("PatientID=%20+%20", "PatientID", "not allowed"),
        ({"PatientID": "P" * 65}, "PatientID", "at most 64"),
        ([("PatientID", "P1"), ("patientId", "P2")], "patientId", "one string"),
        ({"PatientID": "P1", "Modality": "CT"}, "Modality", "not a known query parameter"),
    ],
)
def test_a_wrong_query_is_refused_before_the_pacs_is_asked(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, query: Any, field: str, message: str
) -> None:
    with ScriptedPacs(Answer(200, b"[]")) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        status, problem = search(invoke, STUDIES, query)
    assert status == 400
    assert [error["field"] for error in problem["errors"]] == [field]
    assert message in problem["errors"][0]["message"]
    assert pacs.asked == []


@pytest.mark.parametrize("uid", ["1" * 65, "1." * 32 + "1", "1.2.a", "1..2", ".1", "1.2.", "1.2.٣"])
def test_a_wrong_uid_is_refused(invoke: Invoke, uid: str) -> None:
    status, problem = search(invoke, f"{STUDIES}/{uid}/series/{uid}/instances", {"PatientID": "P1"})
    assert status == 400
    assert [error["field"] for error in problem["errors"]] == ["studyUID", "seriesUID"]


def page(numbers: range, patient: str = "P1") -> bytes:
    rows = [
        {
            "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
            "00100020": {"vr": "LO", "Value": [patient]},
        }
        for number in numbers
    ]
    return json.dumps(rows).encode()


def at(monkeypatch: pytest.MonkeyPatch, pacs: ScriptedPacs) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)


def paged(total: int, cap: int, *, warn: bool, knows_offset: bool = True) -> Any:
    def answer(asked: Asked) -> Answer:
        offset = int(asked.query["offset"][0]) if knows_offset else 0
        last = min(total, offset + cap)
        headers = {"Warning": "299 pacs: there are more results"} if warn and last < total else {}
        return Answer(200, page(range(offset, last)), headers)

    return answer


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (paged(250, 100, warn=False), 250),
        (paged(250, 100, warn=True), 250),
        (paged(250, 30, warn=True), 250),
        (paged(250, 200, warn=False), 250),
        (paged(100, 100, warn=False), 100),
        (paged(250, 1000, warn=False, knows_offset=False), 250),
        (paged(0, 100, warn=False), 0),
    ],
)
def test_every_page_is_followed(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, script: Any, expected: int) -> None:
    with ScriptedPacs(by=script) as pacs:
        at(monkeypatch, pacs)
        status, found = search(invoke, STUDIES, {"PatientId": "P1"})
    assert (status, len(found)) == (200, expected)
    assert len(set(values(found, "0020000D"))) == expected


@pytest.mark.parametrize(("most", "requests"), [(10_000, 2), (700, 6), (100, 36)])
def test_a_pacs_that_takes_it_is_asked_for_everything_at_once_and_followed_where_it_gives_less(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, most: int, requests: int
) -> None:
    monkeypatch.setenv("PACS_DIALECT", "orthanc")
    with ScriptedPacs(by=paged(3500, most, warn=False)) as pacs:
        at(monkeypatch, pacs)
        status, found = search(invoke, STUDIES, {"PatientId": "P1"})
    assert (status, len(found)) == (200, 3500)
    assert len(pacs.asked) == requests
    assert {asked.query["limit"][0] for asked in pacs.asked} == {"10000"}


def test_a_pacs_that_never_ends_is_a_502(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_service.pacs.paging.MOST_RESULTS", 1000)
    with ScriptedPacs(by=paged(10**9, 100, warn=True)) as pacs:
        at(monkeypatch, pacs)
        assert search(invoke, STUDIES, {"PatientId": "P1"})[0] == 502


@pytest.mark.parametrize("answer", [Answer(204), Answer(200, b""), Answer(200, b"[]"), Answer(404)])
def test_nothing_found_is_an_empty_array(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    with ScriptedPacs(answer) as pacs:
        at(monkeypatch, pacs)
        assert search(invoke, STUDIES, {"PatientId": "P1"}) == (200, [])


def test_other_patients_that_a_pacs_adds_are_left_out(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedPacs(Answer(200, page(range(3), "p1"))) as pacs:
        at(monkeypatch, pacs)
        assert search(invoke, STUDIES, {"PatientId": "P1"}) == (200, [])


def test_a_study_of_nobody_does_not_hide_the_patients_own(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PACS may answer a row whose Patient ID is empty, or several."""
    rows = json.loads(page(range(3)))
    rows[0]["00100020"] = {"vr": "LO"}
    rows[1]["00100020"]["Value"] = ["P1", "P2"]
    with ScriptedPacs(Answer(200, json.dumps(rows).encode())) as pacs:
        at(monkeypatch, pacs)
        assert values(search(invoke, STUDIES, {"PatientId": "P1"})[1], "0020000D") == ["1.2.2"]


def test_two_patients_may_have_a_row_each_under_one_uid(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Orthanc answers a study that holds objects of both."""
    rows = [*json.loads(page(range(1), "P2")), *json.loads(page(range(1), "P1"))]
    with ScriptedPacs(Answer(200, json.dumps(rows).encode())) as pacs:
        at(monkeypatch, pacs)
        found = search(invoke, STUDIES, {"PatientId": "P1"})[1]
    assert values(found, "00100020") == ["P1"]


def test_studies_without_their_patient_are_nonsense(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedPacs(Answer(200, b'[{"0020000D": {"vr": "UI", "Value": ["1.2"]}}]')) as pacs:
        at(monkeypatch, pacs)
        assert search(invoke, STUDIES, {"PatientId": "P1"})[0] == 502


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(401), 401),
        (Answer(403), 401),
        (Answer(500, b"<html>trace</html>"), 502),
        (Answer(200, b"<html>log in</html>", {"Content-Type": "text/html"}), 502),
        (Answer(reset=True), 502),
        (Answer(200, page(range(5)), cut=20), 502),
        (Answer(504), 504),
    ],
)
def test_a_pacs_that_fails(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int) -> None:
    monkeypatch.setattr("dicom_service.pacs.session.PAUSES_SECONDS", (0.01, 0.01))
    with ScriptedPacs(answer) as pacs:
        at(monkeypatch, pacs)
        answered, problem = search(invoke, STUDIES, {"PatientId": "P1"})
    assert answered == status
    assert problem["status"] == status
    assert "trace" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/dicom+json", "application/dicom+json"),
        ("application/dicom+json, application/json;q=0.9", "application/dicom+json"),
        ("application/json, application/dicom+json;q=0.9", "application/json"),
        ("application/dicom+json;q=0.1, text/html", "application/dicom+json"),
        ("application/dicom+json;q=nonsense", "application/json"),
    ],
)
def test_the_content_type_is_the_one_preferred(
    pacs: EmbeddedPacs, invoke: Invoke, accept: str, content_type: str
) -> None:
    answer = invoke("search_studies", path=STUDIES, query={"PatientId": "P1"}, headers={"accept": accept})
    assert answer["headers"]["Content-Type"] == content_type


def test_a_long_answer_is_compressed_and_one_beyond_the_platforms_limit_is_in_the_bucket(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = json.loads(page(range(3000)))
    for row in rows:
        row["00081030"] = {"vr": "LO", "Value": ["x" * 2500]}
    with ScriptedPacs(Answer(200, json.dumps(rows).encode())) as pacs:
        at(monkeypatch, pacs)
        whole = invoke("search_studies", path=STUDIES, query={"PatientId": "P1"})
        small = invoke("search_studies", path=STUDIES, query={"PatientId": "P1"}, headers={"accept-encoding": "gzip"})
    assert whole["statusCode"] == 303
    with urllib.request.urlopen(whole["headers"]["Location"]) as fetched:
        assert len(json.loads(fetched.read())) == 3000
    assert small["statusCode"] == 200
    assert small["headers"]["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(base64.b64decode(small["body"])))) == 3000


def test_no_log_line_holds_an_identifier(pacs: EmbeddedPacs, invoke: Invoke, caplog: pytest.LogCaptureFixture) -> None:
    study, series, _ = stored(pacs, PatientID="SECRET-ID", PatientName="VERDI^GIUSEPPE")
    search(invoke, STUDIES, {"PatientId": "SECRET-ID"})
    search(invoke, f"{STUDIES}/{study}/series/{series}/instances", {"PatientId": "SECRET-ID", "SECRET-ID": "1"})
    search(invoke, STUDIES, {"PatientId": "SECRET-ID*"})
    logged = rendered(caplog)
    assert "GET /exams/studies" in logged
    assert not [word for word in ("SECRET", "VERDI", study) if word in logged]
