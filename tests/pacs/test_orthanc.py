"""The same requests to the embedded PACS and to a real one, Orthanc, which holds the stand-in to the real thing."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.orthanc import AUTHORIZATION, running_orthanc
from tests.pacs.objects import MULTIPART, failure_reasons, make_object, multipart, real_object, stored_uids, uids

CT = real_object("CT_small.dcm")
SERIES = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1", "PatientID": "P1", "AccessionNumber": "A1"}
SERIES |= {"StudyDate": "20200115", "StudyTime": "103000"}
OBJECTS = [make_object(**SERIES, Modality="MR", InstanceNumber=number, StudyID="S1") for number in (1, 2)]

# Required of every study, series and instance that is found (PS3.18 Tables 10.6.3-3 to 10.6.3-5)
STUDY_TAGS = {
    "00080020",
    "00080030",
    "00080050",
    "00080061",
    "00100010",
    "00100020",
    "0020000D",
    "00200010",
    "00201208",
}
SERIES_TAGS = {"00080060", "0020000E", "00201209", "00081190"}
INSTANCE_TAGS = {"00080016", "00080018", "00200013", "00280010", "00280011", "00280100"}


class Server:
    """A PACS's DICOMweb tree, with what it wants to know of its clients."""

    def __init__(self, url: str, **session: Any) -> None:
        self.url = url
        self.session = requests.Session()
        for name, value in session.items():
            setattr(self.session, name, value)

    def get(self, path: str, accept: str = "application/dicom+json") -> requests.Response:
        return self.session.get(self.url + path, headers={"Accept": accept}, timeout=20)

    def store(self, *objects: bytes, study: str = "") -> requests.Response:
        headers = {"Content-Type": MULTIPART, "Accept": "application/dicom+json"}
        return self.session.post(f"{self.url}/studies{study}", data=multipart(*objects), headers=headers, timeout=20)

    def search(self, path: str) -> list[dict[str, Any]]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Server]:
    with running_orthanc(tmp_path) as url:
        server = Server(f"{url}/dicom-web", headers={"Authorization": AUTHORIZATION})
        yield server
        server.session.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Server]:
    with EmbeddedPacs(PacsSettings(tmp_path, authorization="key")) as pacs:
        server = Server(f"{pacs.url}/dicom-web", headers={"Authorization": "key"})
        yield server
        server.session.close()


@pytest.fixture(params=["embedded", "orthanc"])
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param)


def test_storing_answers_alike(server: Server) -> None:
    stored, again = server.store(*OBJECTS, CT), server.store(CT)
    misplaced = server.store(make_object(), study="/1.2.3")
    rubbish = server.store(b"no DICOM")
    assert (stored.status_code, again.status_code) == (200, 200)
    assert sorted(stored_uids(stored)) == sorted(uids(content)[2] for content in (*OBJECTS, CT))
    assert stored_uids(again) == [uids(CT)[2]]
    assert misplaced.status_code == 409
    assert len(failure_reasons(misplaced)) == 1
    assert not stored_uids(misplaced)
    assert rubbish.status_code == 400
    assert len(server.search("/studies")) == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("PatientID=P1", ["1.2.3"]),
        ("00100020=P1", ["1.2.3"]),
        ("PatientID=P*", ["1.2.3"]),
        ("PatientID=nobody", []),
        ("PatientName=doe*", ["1.2.3"]),
        ("StudyDate=20200115", ["1.2.3"]),
        ("StudyDate=20200101-20200201", ["1.2.3"]),
        ("StudyDate=20200116-20200201", []),
        ("StudyID=S1", ["1.2.3"]),
        ("ModalitiesInStudy=MR", ["1.2.3"]),
        ("StudyInstanceUID=1.2.3", ["1.2.3"]),
        ("PatientID=P1&StudyDate=20210101-", []),
    ],
)
def test_searching_answers_alike(server: Server, query: str, expected: list[str]) -> None:
    server.store(*OBJECTS, CT)
    assert [study["0020000D"]["Value"][0] for study in server.search(f"/studies?{query}")] == expected


def test_what_is_found_is_described_alike(server: Server) -> None:
    # given
    server.store(*OBJECTS)
    # when
    (study,) = server.search("/studies?PatientID=P1")
    (series,) = server.search("/studies/1.2.3/series?Modality=MR")
    instances = server.search("/studies/1.2.3/series/1.2.3.1/instances")
    page = server.search("/studies/1.2.3/series/1.2.3.1/instances?limit=1&offset=1")
    # then
    assert study.keys() >= STUDY_TAGS
    assert (study["00080061"]["Value"], study["00201208"]["Value"]) == (["MR"], [2])
    assert series.keys() >= SERIES_TAGS
    assert series["00201209"]["Value"] == [2]
    assert all(instance.keys() >= INSTANCE_TAGS for instance in instances)
    assert {one["00080018"]["Value"][0] for one in instances} == {uids(content)[2] for content in OBJECTS}
    assert len(page) == 1


def test_retrieving_answers_alike(server: Server) -> None:
    # given
    server.store(CT)
    study, series, instance = uids(CT)
    path = f"/studies/{study}/series/{series}/instances/{instance}"
    # when
    retrieved = server.get(path, 'multipart/related; type="application/dicom"; transfer-syntax=*')
    (metadata,) = server.get(f"{path}/metadata").json()
    rendered = server.get(f"{path}/rendered", "image/jpeg")
    unknown = server.get(f"/studies/{study}/series/{series}/instances/1.2.3/metadata")
    # then
    assert retrieved.headers["Content-Type"].startswith("multipart/related")
    assert CT in retrieved.content
    assert metadata["00080018"]["Value"] == [instance]
    assert metadata["00280010"] == {"vr": "US", "Value": [128]}
    with Image.open(BytesIO(rendered.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (128, 128))
    assert unknown.status_code == 404
