"""The exam functions against a real Orthanc: what they store, find, bring back and show."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.conftest import Invoke
from tests.orthanc import AUTHORIZATION, running_orthanc
from tests.pacs.objects import header, make_object, real_object, uids

CT = real_object("CT_small.dcm")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as url:
        yield url


@pytest.fixture(params=["orthanc", "dicomweb"])
def dialect(request: pytest.FixtureRequest, orthanc: str, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same Orthanc by its own name, and as any DICOMweb server."""
    monkeypatch.setenv("PACS_DIALECT", request.param)
    monkeypatch.setenv("PACS_SERVICE_URL", orthanc if request.param == "orthanc" else f"{orthanc}/dicom-web")
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", AUTHORIZATION)
    return str(request.param)


def upload(invoke: Invoke, content: bytes) -> tuple[int, Any]:
    answer = invoke("upload_exam", "POST", "/exams", body=content, headers={"content-type": "application/dicom"})
    return answer["statusCode"], json.loads(answer["body"])


def retrieve(invoke: Invoke, content: bytes, file_type: str) -> dict[str, Any]:
    study, series, instance = uids(content)
    path = f"/exams/studies/{study}/series/{series}/instance/{instance}"
    return invoke("retrieve_exam", path=path, query={"fileType": file_type})


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "examples_rgb_color.dcm", "rtplan.dcm"]
)
def test_a_stored_object_comes_back_byte_for_byte(dialect: str, invoke: Invoke, name: str) -> None:
    content = real_object(name)
    status, answered = upload(invoke, content)
    assert status == 200
    assert answered[0]["00081199"]["Value"][0]["00081155"]["Value"] == [uids(content)[2]]
    answer = retrieve(invoke, content, "application/dicom")
    assert base64.b64decode(answer["body"]) == content


@pytest.mark.parametrize(
    ("name", "placeholder"), [("CT_small.dcm", False), ("JPEG2000.dcm", False), ("rtplan.dcm", True)]
)
def test_every_object_has_a_thumbnail(dialect: str, invoke: Invoke, name: str, placeholder: bool) -> None:
    content = real_object(name)
    upload(invoke, content)
    answer = retrieve(invoke, content, "image/jpeg")
    assert answer["statusCode"] == 200
    assert Image.open(io.BytesIO(base64.b64decode(answer["body"]))).format == "JPEG"
    assert (answer["headers"].get("X-Thumbnail") == "placeholder") is placeholder


def test_a_patient_finds_only_its_own(dialect: str, invoke: Invoke) -> None:
    upload(invoke, CT)
    other = make_object(PatientID="SOMEONE-ELSE")
    upload(invoke, other)
    study, series, instance = uids(CT)
    mine, theirs = {"PatientId": header(CT).PatientID}, {"PatientId": "SOMEONE-ELSE"}

    def found(name: str, path: str, query: dict[str, str], tag: str) -> list[str]:
        answer = invoke(name, path=path, query=query)
        assert answer["statusCode"] == 200
        return [dataset[tag]["Value"][0] for dataset in json.loads(answer["body"])]

    series_path = f"/exams/studies/{study}/series"
    assert study in found("search_studies", "/exams/studies", mine, "0020000D")
    assert study not in found("search_studies", "/exams/studies", theirs, "0020000D")
    assert found("search_series", series_path, mine, "0020000E") == [series]
    assert found("search_series", series_path, theirs, "0020000E") == []
    assert found("search_instances", f"{series_path}/{series}/instances", mine, "00080018") == [instance]


def test_an_unknown_object_is_a_404(dialect: str, invoke: Invoke) -> None:
    for file_type in ("application/dicom", "image/jpeg"):
        assert retrieve(invoke, make_object(), file_type)["statusCode"] == 404


def test_a_wrong_key_is_a_401(dialect: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", "Basic bm9ib2R5Om5vdGhpbmc=")
    assert upload(invoke, CT)[0] == 401
    assert invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})["statusCode"] == 401
