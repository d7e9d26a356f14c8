"""What the exam functions do before each kind of PACS: the stand-in in every manner that it has, Orthanc, tiny-pacs."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dicom_service.exams.storing.comparison import Comparison, compared
from dicom_service.exams.storing.fingerprint import fingerprint
from dicom_service.pacs.dialects import DIALECTS
from local.pacs.manners import MANNERS
from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.conftest import Invoke
from tests.fault_proxy import FaultProxy, nothing
from tests.pacs.objects import header, make_object, real_object, uids

CT = real_object("CT_small.dcm")


def upload(invoke: Invoke, content: bytes) -> tuple[int, Any]:
    answer = invoke("upload_exam", "POST", "/exams", body=content, headers={"content-type": "application/dicom"})
    return answer["statusCode"], json.loads(answer["body"])


def retrieve(invoke: Invoke, content: bytes, file_type: str, **more: str) -> dict[str, Any]:
    study, series, instance = uids(content)
    path = f"/exams/studies/{study}/series/{series}/instance/{instance}"
    return invoke("retrieve_exam", path=path, query={"fileType": file_type, **more})


def found(invoke: Invoke, path: str, patient_id: str, tag: str) -> list[str]:
    name = {3: "search_studies", 5: "search_series", 7: "search_instances"}[path.count("/") + 1]
    answer = invoke(name, path=path, query={"PatientId": patient_id})
    assert answer["statusCode"] == 200
    return [dataset[tag]["Value"][0] for dataset in json.loads(answer["body"])]


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "examples_rgb_color.dcm", "rtplan.dcm"]
)
def test_a_stored_object_comes_back(kind: str, invoke: Invoke, name: str) -> None:
    content = real_object(name)
    status, answered = upload(invoke, content)
    assert status == 200
    assert answered[0]["00081199"]["Value"][0]["00081155"]["Value"] == [uids(content)[2]]
    came = base64.b64decode(retrieve(invoke, content, "application/dicom")["body"])
    if kind.startswith("tiny-pacs"):  # it writes the file meta information anew
        assert compared(fingerprint(iter([content])), fingerprint(iter([came]))) == Comparison(same=True)
    else:
        assert came == content


def test_an_object_that_is_stored_already_is_named_as_stored_again(kind: str, invoke: Invoke) -> None:
    assert [upload(invoke, CT)[0] for _ in range(2)] == [200, 200]


def test_a_study_has_a_picture(kind: str, invoke: Invoke) -> None:
    upload(invoke, CT)
    answer = invoke("retrieve_thumbnail", path=f"/exams/studies/{uids(CT)[0]}/thumbnail")
    assert answer["statusCode"] == 200
    with Image.open(io.BytesIO(base64.b64decode(answer["body"]))) as picture:
        assert picture.format == "JPEG"


@pytest.mark.parametrize(
    ("name", "placeholder"), [("CT_small.dcm", False), ("JPEG2000.dcm", False), ("rtplan.dcm", True)]
)
def test_every_object_has_a_thumbnail(kind: str, invoke: Invoke, name: str, placeholder: bool) -> None:
    content = real_object(name)
    upload(invoke, content)
    answer = retrieve(invoke, content, "image/jpeg", size="64")
    assert answer["statusCode"] == 200
    with Image.open(io.BytesIO(base64.b64decode(answer["body"]))) as picture:
        assert picture.format == "JPEG"
        assert placeholder or max(picture.size) == 64
    assert (answer["headers"].get("X-Thumbnail") == "placeholder") is placeholder


def test_a_frame_and_a_window_can_be_chosen(kind: str, invoke: Invoke) -> None:
    upload(invoke, CT)
    windows = [{"windowCenter": "40", "windowWidth": "400"}, {"windowCenter": "1000", "windowWidth": "100"}]
    pictures = [retrieve(invoke, CT, "image/jpeg", frame="1", **window) for window in windows]
    assert [answer["statusCode"] for answer in pictures] == [200, 200]
    assert pictures[0]["body"] != pictures[1]["body"]
    assert retrieve(invoke, CT, "image/jpeg", frame="2")["statusCode"] == 400


def test_a_patient_finds_only_its_own(kind: str, invoke: Invoke) -> None:
    upload(invoke, CT)
    upload(invoke, make_object(PatientID="SOMEONE-ELSE"))
    study, series, instance = uids(CT)
    mine, theirs = header(CT).PatientID, "SOMEONE-ELSE"
    path = f"/exams/studies/{study}/series"
    assert study in found(invoke, "/exams/studies", mine, "0020000D")
    assert study not in found(invoke, "/exams/studies", theirs, "0020000D")
    assert found(invoke, path, mine, "0020000E") == [series]
    assert found(invoke, path, theirs, "0020000E") == []
    assert found(invoke, f"{path}/{series}/instances", mine, "00080018") == [instance]
    assert found(invoke, f"{path}/{series}/instances", theirs, "00080018") == []


def test_nothing_found_is_an_empty_array(kind: str, invoke: Invoke) -> None:
    for path in ("/exams/studies", "/exams/studies/1.2.3/series", "/exams/studies/1.2.3/series/1.2.4/instances"):
        assert found(invoke, path, "NOBODY", "0020000D") == []


def test_names_in_all_scripts_are_found_as_they_were_stored(kind: str, invoke: Invoke) -> None:
    patient_id = f"PN-{kind.replace(' ', '')[:20]}"
    content = make_object(PatientID=patient_id, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    upload(invoke, content)
    answer = invoke("search_studies", path="/exams/studies", query={"PatientId": patient_id})
    [study] = json.loads(answer["body"])
    expected = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    [name] = study["00100010"]["Value"]
    assert name == expected


def test_an_unknown_object_is_a_404(kind: str, invoke: Invoke) -> None:
    for file_type in ("application/dicom", "image/jpeg"):
        assert retrieve(invoke, make_object(), file_type)["statusCode"] == 404


def test_a_wrong_key_is_a_401(kind: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", "Basic bm9ib2R5Om5vdGhpbmc=")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert upload(invoke, CT)[0] == 401
    assert invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})["statusCode"] == 401
    assert retrieve(invoke, CT, "image/jpeg")["statusCode"] == 401


def test_the_stand_in_plays_every_dialect() -> None:
    assert set(MANNERS) == set(DIALECTS)


def test_what_a_pacs_lacks_is_remembered_and_an_unknown_object_teaches_nothing(
    tmp_path: Path, unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a PACS that renders and has no thumbnails, taken for any DICOMweb server
    with EmbeddedPacs(PacsSettings(tmp_path, manner="orthanc")) as server, FaultProxy(server.url, nothing, ()) as proxy:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", f"{proxy.url}/dicom-web")
        upload(invoke, CT)

        def asked(content: bytes) -> list[str]:
            before = len(proxy.received)
            retrieve(invoke, content, "image/jpeg")
            asked_for = [path.rpartition("/")[2] for _, path in proxy.received[before:]]
            return [name for name in asked_for if name != "studies"]  # whose the study is, for the audit trail

        # when
        unknown, first, second = asked(make_object()), asked(CT), asked(CT)
    # then
    assert unknown[:2] == first == ["thumbnail", "rendered"]
    assert second == ["rendered"]
