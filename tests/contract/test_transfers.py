"""Large uploads, downloads and archives against a real Orthanc: bodies in pieces are bodies to it too."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
import requests

from local.aws import Aws
from tests.conftest import Invoke
from tests.orthanc import AUTHORIZATION, running_orthanc
from tests.pacs.objects import make_object, real_object, uids
from tests.transfers import status, upload, work, work_downloads

LARGE = make_object(PatientID="P9", Rows=3000, Columns=1000, PixelData=bytes(range(250)) * 24_000)


@pytest.fixture
def orthanc(tmp_path_factory: pytest.TempPathFactory, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as url:
        monkeypatch.setenv("PACS_DIALECT", "orthanc")
        monkeypatch.setenv("PACS_SERVICE_URL", url)
        monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", AUTHORIZATION)
        yield url


def test_what_went_up_through_the_bucket_comes_back(aws: Aws, orthanc: str, invoke: Invoke) -> None:
    packed = io.BytesIO()
    second = make_object(PatientID="P9", StudyInstanceUID=uids(LARGE)[0])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("second.dcm", second)
        archive.writestr("readme.txt", b"hello")
    uploads = [upload(invoke, content) for content in (LARGE, real_object("JPEG2000.dcm"), packed.getvalue())]
    # when
    work(aws)
    # then
    assert [file["state"] for upload_id in uploads for file in status(invoke, upload_id)] == ["STORED"] * 3
    study, series, instance = uids(LARGE)
    path = f"/exams/studies/{study}/series/{series}/instances/{instance}"
    answer = invoke("retrieve_exam", path=path, query={"fileType": "application/dicom"})
    assert answer["statusCode"] == 303
    assert requests.get(answer["headers"]["Location"], timeout=10).content == LARGE
    # when
    asked = invoke("archive_study", path=f"/exams/studies/{study}/archive", query={"PatientId": "P9"})
    assert json.loads(asked["body"])["instances"]["total"] == 2
    assert work_downloads(aws) == 0
    # then
    ready = invoke("get_archive", path=asked["headers"]["Location"])
    with zipfile.ZipFile(io.BytesIO(requests.get(ready["headers"]["Location"], timeout=10).content)) as archive:
        assert {archive.read(name) for name in archive.namelist()} == {LARGE, second}
