"""What a caller who is bound to one patient may do for that patient, and for nobody else."""

import io
import time
import zipfile
from typing import Any

import pytest
import requests

from dicom_service.access.bounds import Access, Subject
from dicom_service.access.caller import Caller
from dicom_service.errors import Forbidden, NotFound, ServiceError
from dicom_service.http.door import Requirement, enter
from tests.conftest import Invoke
from tests.pacs.objects import make_object, uids
from tests.security.conftest import OTHER, OWN, Guarded

WORKITEM = {
    "PatientName": "DOE^JANE",
    "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepDescription": "CT",
    "ScheduledProcedureStepStartDate": "20300115",
    "ScheduledProcedureStepStartTime": "101500",
    "Modality": "CT",
    "AccessionNumber": "A1",
}


@pytest.fixture
def token(guarded: Guarded) -> str:
    scopes = "exams:read exams:write workitems:read workitems:write viewer:token uids:write"
    return guarded.bound_to(OWN, scopes)


@pytest.fixture
def everyones(guarded: Guarded) -> str:
    return guarded.stack.keys["all"]


def store(guarded: Guarded, token: str, *contents: bytes) -> requests.Response:
    files = [("file", (f"{number}.dcm", content)) for number, content in enumerate(contents, start=1)]
    return guarded.send("POST", "/exams", token, files=files)


def test_the_own_exam_is_found_fetched_drawn_and_packed(guarded: Guarded, token: str) -> None:
    study, series, instance = guarded.studies[OWN]
    one = f"/exams/studies/{study}/series/{series}/instance/{instance}"

    found = guarded.send("GET", f"/exams/studies?PatientId={OWN}", token).json()
    below = guarded.send("GET", f"/exams/studies/{study}/series?PatientId={OWN}", token).json()
    instances = guarded.send("GET", f"/exams/studies/{study}/series/{series}/instances?PatientId={OWN}", token).json()
    statuses = [
        guarded.send("GET", path, token).status_code
        for path in (
            f"{one}?fileType=application/dicom",
            f"{one}?fileType=image/jpeg",
            f"/exams/studies/{study}/thumbnail",
            f"/exams/studies/{study}/series/{series}/thumbnail",
            f"/token?studyUID={study}",
        )
    ]
    archive = guarded.send("GET", f"/exams/studies/{study}/archive?PatientId={OWN}", token)
    asked = guarded.send("GET", archive.headers["Location"], token) if archive.status_code == 202 else archive

    assert (len(found), len(below), len(instances)) == (1, 1, 1)
    assert statuses == [200] * 5
    assert asked.status_code in (202, 303)


def test_an_archive_of_another_is_unknown_by_its_identifier_too(guarded: Guarded, token: str, everyones: str) -> None:
    study = guarded.studies[OTHER][0]
    begun = guarded.send("GET", f"/exams/studies/{study}/archive?PatientId={OTHER}", everyones)
    location = begun.headers["Location"] if begun.status_code == 202 else ""
    assert location

    foreign = guarded.send("GET", location, token)
    unknown = guarded.send("GET", f"/exams/archives/{'0' * 32}", token)

    assert (foreign.status_code, foreign.text) == (unknown.status_code, unknown.text)
    assert foreign.status_code == 404
    assert guarded.send("GET", location, everyones).status_code in (202, 303)


def test_an_own_object_is_stored(guarded: Guarded, token: str) -> None:
    assert store(guarded, token, make_object(PatientID=OWN)).status_code == 200


def twice(first: str, second: str) -> bytes:
    """An object with two Patient IDs, one behind the other."""
    content = make_object(PatientID=first)
    element = b"\x10\x00\x20\x00LO" + len(first).to_bytes(2, "little") + first.encode()
    assert content.count(element) == 1
    again = b"\x10\x00\x20\x00LO" + len(second).to_bytes(2, "little") + second.encode()
    return content.replace(element, element + again)


@pytest.mark.parametrize(
    "content",
    [
        make_object(PatientID=OTHER),
        make_object(PatientID=None),
        make_object(PatientID=""),
        make_object(PatientID=OWN.lower()),
        make_object(PatientID=f"{OWN}\\{OTHER}"),
        twice(OWN, OTHER),
        twice(OTHER, OWN),
    ],
    ids=["another's", "nobody's", "empty", "another case", "two values", "the last another's", "the first another's"],
)
def test_an_object_that_is_not_for_certain_the_own_patients_is_refused(
    guarded: Guarded, token: str, content: bytes
) -> None:
    answer = store(guarded, token, make_object(PatientID=OWN), content)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["file 2 (2.dcm)"]
    assert OTHER not in answer.text


def test_nothing_of_a_request_with_anothers_object_is_stored(guarded: Guarded, token: str, everyones: str) -> None:
    own, other = make_object(PatientID=OWN), make_object(PatientID=OTHER)

    assert store(guarded, token, own, other).status_code == 422
    for content, patient in ((own, OWN), (other, OTHER)):
        study = uids(content)[0]
        found = guarded.send("GET", f"/exams/studies/{study}/series?PatientId={patient}", everyones)
        assert found.json() == []


def test_an_own_object_cannot_be_put_into_anothers_study(guarded: Guarded, token: str) -> None:
    content = make_object(PatientID=OWN, StudyInstanceUID=guarded.studies[OTHER][0])

    assert store(guarded, token, content).status_code == 422


def zipped(**contents: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.dcm", content)
    return packed.getvalue()


def upload(guarded: Guarded, token: str, content: bytes) -> tuple[str, dict[str, Any]]:
    """Announces and sends a file by the bucket; its upload and what became of it."""
    begun = guarded.send("POST", "/exams/uploads", token, json={"files": [{"name": "f", "size": len(content)}]}).json()
    form = begun["files"][0]["upload"]
    sent = requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=60)
    assert sent.status_code == 204
    last = time.monotonic() + 60
    while time.monotonic() < last:
        told = guarded.send("GET", f"/exams/uploads/{begun['uploadId']}", token).json()["files"][0]
        if told["state"] in ("STORED", "REFUSED", "FAILED"):
            return begun["uploadId"], told
        time.sleep(0.2)
    raise AssertionError("it was never done with")


def test_large_uploads_are_the_own_patients_too(guarded: Guarded, token: str, everyones: str) -> None:
    _, own = upload(guarded, token, make_object(PatientID=OWN))
    _, others = upload(guarded, token, make_object(PatientID=OTHER))
    packed = zipped(a=make_object(PatientID=OWN), b=make_object(PatientID=OTHER))
    upload_id, in_zip = upload(guarded, token, packed)

    assert own["state"] == "STORED"
    assert (others["state"], others["reason"]) == (
        "REFUSED",
        "it is not, or not for certain, of the patient whom the caller may write for",
    )
    assert [entry["state"] for entry in in_zip["entries"]] == ["STORED", "REFUSED"]
    assert guarded.send("GET", f"/exams/uploads/{upload_id}", everyones).status_code == 200


def test_an_upload_of_another_is_unknown(guarded: Guarded, token: str, everyones: str) -> None:
    announced = {"files": [{"name": "f", "size": 5}]}
    by_other = guarded.bound_to(OTHER, "exams:write")
    for begins in (everyones, by_other):
        upload_id = guarded.send("POST", "/exams/uploads", begins, json=announced).json()["uploadId"]
        for more in ("", "?resume=true"):
            foreign = guarded.send("GET", f"/exams/uploads/{upload_id}{more}", token)
            unknown = guarded.send("GET", f"/exams/uploads/{'0' * 32}{more}", token)
            assert (foreign.status_code, foreign.text) == (unknown.status_code, unknown.text)
            assert foreign.status_code == 404


def test_workitems_are_the_own_patients(guarded: Guarded, token: str, everyones: str) -> None:
    own = guarded.send("POST", "/workitems", token, json={**WORKITEM, "PatientID": OWN})
    refused = guarded.send("POST", "/workitems", token, json={**WORKITEM, "PatientID": OTHER})
    others = guarded.send("POST", "/workitems", everyones, json={**WORKITEM, "PatientID": OTHER}).json()
    study, foreign = own.json()["StudyInstanceUID"], others["StudyInstanceUID"]

    listed = guarded.send("GET", "/workitems?format=simple", token).json()
    assert own.status_code == 200
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "PatientID")
    assert {item["PatientID"] for item in listed} == {OWN}
    assert guarded.send("GET", f"/workitems?patientID={OTHER}", token).json() == []
    assert guarded.send("GET", f"/workitems?StudyInstanceUID={foreign}", token).json() == []
    later = {"ScheduledProcedureStepStartDate": "20300116"}
    for method, more in (("PATCH", {"json": later}), ("DELETE", {})):
        answers = [
            guarded.send(method, f"/workitems/{asked}", token, **more)  # type: ignore[arg-type]
            for asked in (foreign, "1.2.3.4.5")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text == answers[1].text
    given_away = guarded.send("PATCH", f"/workitems/{study}", token, json={"PatientID": OTHER})
    assert given_away.status_code == 422
    assert guarded.send("PATCH", f"/workitems/{study}", token, json=later).status_code == 200
    assert guarded.send("DELETE", f"/workitems/{study}", token).status_code == 204
    assert guarded.send("DELETE", f"/workitems/{foreign}", everyones).status_code == 204


def test_an_unbound_caller_needs_to_be_let_see_all(guarded: Guarded) -> None:
    token = guarded.issuer.token(scope="exams:read")

    answer = guarded.send("GET", f"/exams/studies?PatientId={OWN}", token)

    assert (answer.status_code, "patients:all" in answer.json()["detail"]) == (403, True)


def bound(**bounds: str) -> Access:
    return Access(Caller("tester", "token", frozenset({"exams:read"}), **bounds), 0.0)


def test_padding_of_a_patient_id_means_nothing_and_case_does() -> None:
    access = bound(patient_id="P1")

    assert access.may_see(" P1 ")
    assert not access.may_see("p1")
    assert not access.may_see("")
    assert access.patient_for("P1 ", Subject(study="1.2"), "unknown") == "P1"
    assert access.patient_for(None, Subject(study="1.2"), "unknown") == "P1"
    with pytest.raises(NotFound, match="unknown"):
        access.patient_for("P2", Subject(study="1.2"), "unknown")


def test_a_caller_who_is_bound_to_a_study_sees_that_study() -> None:
    access = bound(study_uid="1.2")

    assert access.may_see("P1", "1.2")
    assert not access.may_see("P1", "1.3")
    assert not access.may_see("P1")
    assert access.patient_for("P1", Subject(study="1.2"), "unknown") == "P1"
    with pytest.raises(NotFound):
        access.patient_for(None, Subject(study="1.3"), "unknown")


@pytest.mark.parametrize("scope", ["exams:write", "workitems:write", "viewer:token", "uids:write", "events:read"])
def test_a_caller_who_is_bound_to_a_study_only_reads(scope: Any) -> None:
    from dicom_service.access.caller import to_context

    caller = Caller("tester", "session", frozenset({scope}), study_uid="1.2")
    event = {"routeKey": "GET /x", "requestContext": {"authorizer": {"lambda": to_context(caller)}}}

    with pytest.raises(Forbidden):
        enter(event, {"GET /x": Requirement(scope)})


def test_an_answer_is_withheld_where_nobody_asked_whose_it_is() -> None:
    access = bound(patient_id="P1")

    with pytest.raises(ServiceError, match="withheld"):
        access.check_applied()
    assert access.may_see("P1")
    access.check_applied()


def test_a_route_that_declares_nothing_is_not_there() -> None:
    with pytest.raises(NotFound):
        enter({"routeKey": "GET /x"}, {})


def test_a_study_bound_search_finds_that_study(invoke: Invoke, pacs: Any, aws: Any) -> None:
    first, second = make_object(PatientID=OWN), make_object(PatientID=OWN)
    for content in (first, second):
        invoke("upload_exam", "POST", "/exams", body=content, headers={"Content-Type": "application/dicom"})
    caller = Caller("tester", "session", frozenset({"exams:read"}), study_uid=uids(first)[0])

    found = invoke("search_studies", path="/exams/studies", query={"PatientId": OWN}, caller=caller)

    assert (uids(first)[0] in found["body"], uids(second)[0] in found["body"]) == (True, False)
