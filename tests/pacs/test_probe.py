"""The probe: over the stand-in in every manner and over Orthanc, its settings work, and it changes nothing unasked."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from dicom_service.pacs.authorization import VerbatimAuthorization
from dicom_service.pacs.dialects import DIALECTS
from dicom_service.pacs.tls import Tls
from local.aws import Aws
from local.pacs.manners import MANNERS
from local.pacs.server import EmbeddedPacs, PacsSettings
from local.probe.caller import Caller
from local.probe.probe import probe
from tests.conftest import PACS_KEY, Invoke
from tests.fault_proxy import FaultProxy, nothing
from tests.orthanc import AUTHORIZATION, running_orthanc
from tests.pacs.objects import MULTIPART, make_object, multipart, uids
from tests.scripted import Answer, ScriptedPacs

FORM = {"content-type": "application/dicom"}
WORKITEM = {
    "StudyInstanceUID": "1.2.3",
    "PatientID": "P1",
    "PatientName": "ROSSI^MARIO",
    "ScheduledStationAETitle": "NGV",
    "ScheduledProcedureStepDescription": "CT",
    "ScheduledProcedureStepStartDate": "20300115",
    "ScheduledProcedureStepStartTime": "0930",
    "Modality": "CT",
    "AccessionNumber": "A1",
}
WORKLISTS = {name: dialect.worklist for name, dialect in DIALECTS.items()} | {"dicomweb": "ups-rs"}


def caller(url: str, key: str) -> Caller:
    return Caller(url, VerbatimAuthorization(key), Tls())


@pytest.fixture(params=[*MANNERS, "Orthanc"])
def unknown(request: pytest.FixtureRequest, tmp_path: Path, unconfigured: None) -> Iterator[tuple[str, str, str]]:
    """A PACS whose kind the probe is not told: the kind, the URL, the key."""
    if request.param == "Orthanc":
        with running_orthanc(tmp_path) as url:
            yield "Orthanc", url, AUTHORIZATION
        return
    with EmbeddedPacs(PacsSettings(tmp_path, authorization=PACS_KEY, manner=request.param)) as pacs:
        yield request.param, pacs.base_url, PACS_KEY


def test_with_the_settings_that_it_finds_everything_works(
    unknown: tuple[str, str, str], aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    _, url, key = unknown
    report = probe(caller(url, key), store_and_remove=True)
    # when
    for name, value in report.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", key)
    content = make_object()
    study, series, instance = uids(content)
    stored = invoke("upload_exam", "POST", "/exams", body=content, headers=FORM)
    found = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})
    path = f"/exams/studies/{study}/series/{series}/instance/{instance}"
    fetched = invoke("retrieve_exam", path=path, query={"fileType": "application/dicom"})
    drawn = invoke("retrieve_exam", path=path, query={"fileType": "image/jpeg"})
    created = invoke("create_workitem", "POST", "/workitems", body=WORKITEM)
    listed = invoke("list_workitems", path="/workitems", query={"patientID": "P1"})
    # then
    answers = (stored, found, fetched, drawn, created, listed)
    assert [answer["statusCode"] for answer in answers] == [200] * 6, report.text()
    assert [one["0020000D"]["Value"][0] for one in json.loads(found["body"])] == [study]
    assert base64.b64decode(fetched["body"]) == content
    assert len(json.loads(listed["body"])) == 1


def test_it_tells_what_it_finds(unknown: tuple[str, str, str]) -> None:
    kind, url, key = unknown
    report = probe(caller(url, key), store_and_remove=True)
    findings = dict(report.findings)
    dialect = "orthanc" if kind == "Orthanc" else "dicomweb" if kind == "healthimaging" else kind
    worklist = "none" if kind == "Orthanc" else WORKLISTS[kind]
    assert report.settings["PACS_DIALECT"] == dialect
    assert findings["credentials"].startswith("asked for")
    assert "named as stored" in findings["storing"]
    assert "not named" not in findings["storing"]
    assert findings["worklist"].startswith(worklist)
    assert "gone" in findings["removing"] or kind == "o3"  # O3's interface has no deletion
    if kind in ("dcm4chee", "azure"):
        assert findings["nothing found"] == "204 with an empty body"
    if kind == "google":
        assert findings["nothing found"] == "200 with an empty body"
    assert key not in report.text()


def test_it_changes_nothing_unless_it_is_told_to(unknown: tuple[str, str, str]) -> None:
    kind, url, key = unknown
    content = make_object()
    path = f"{url}/dicom-web/studies" if kind == "Orthanc" else url + DIALECTS[kind].storing
    headers = {"Authorization": key, "Content-Type": MULTIPART, "Accept": "application/dicom+json"}
    assert requests.post(path, data=multipart(content), headers=headers, timeout=20).status_code == 200
    with FaultProxy(url, nothing, ()) as proxy:
        report = probe(caller(proxy.url, key))
    assert {method for method, _ in proxy.received} == {"GET"}
    assert "WADO" in dict(report.findings)["retrieving"]


def test_a_preferred_dialect_goes_before_others_that_fit(tmp_path: Path, unconfigured: None) -> None:
    with EmbeddedPacs(PacsSettings(tmp_path, manner="healthimaging")) as pacs:
        report = probe(caller(pacs.base_url, ""), preferred="healthimaging", store_and_remove=True)
    assert report.settings["PACS_DIALECT"] == "healthimaging"
    assert not {"PACS_PICTURES", "PACS_RETRIEVAL_TYPES"} & set(report.settings)


@pytest.mark.parametrize(
    ("answer", "finding", "says"),
    [
        (
            Answer(401, headers={"WWW-Authenticate": "Basic realm=x"}),
            "credentials",
            "asked for (Basic); those given are",
        ),
        (Answer(404), "searching", "on no path"),
        (Answer(200, b"<html>a web site</html>"), "searching", "on no path"),
        (Answer(302, headers={"Location": "/login"}), "searching", "on no path"),
        (Answer(reset=True), "answering", "no (ConnectionError)"),
    ],
)
def test_what_is_no_pacs_is_said_to_be_none(answer: Answer, finding: str, says: str) -> None:
    with ScriptedPacs(answer) as pacs:
        report = probe(caller(pacs.url, "key"), store_and_remove=True)
    assert dict(report.findings)[finding].startswith(says)
    assert report.settings == {}
    assert {asked.method for asked in pacs.asked} == {"GET"}


def test_the_command_prints_the_report_and_ends_with_a_status(tmp_path: Path) -> None:
    with EmbeddedPacs(PacsSettings(tmp_path, authorization=PACS_KEY, manner="dcm4chee")) as pacs:
        environment = {**os.environ, "PACS_SERVICE_URL": pacs.base_url, "PYTHONPATH": "layers/dicom_service:."}
        runs = [
            subprocess.run(
                [sys.executable, "-m", "local.probe"],
                env=environment | {"PACS_AUTHORIZATION_TOKEN": key, "PACS_DIALECT": ""},
                capture_output=True,
                text=True,
            )
            for key in (PACS_KEY, "wrong")
        ]
    assert [run.returncode for run in runs] == [0, 1]
    assert "PACS_DIALECT=dcm4chee" in runs[0].stdout
    assert "those given are refused" in runs[1].stdout
    assert runs[0].stderr == ""
