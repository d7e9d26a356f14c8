"""Large uploads, downloads and archives against real servers: bodies in pieces are bodies to them too."""

import io
import json
import zipfile

import pytest
import requests

from dicom_service.exams.storing.comparison import Comparison, compared
from dicom_service.exams.storing.fingerprint import fingerprint
from local.aws import Aws
from tests.conftest import Invoke
from tests.contract.kinds import Servers
from tests.pacs.objects import make_object, real_object, uids
from tests.transfers import status, upload, work, work_downloads

LARGE = make_object(PatientID="P9", Rows=3000, Columns=1000, PixelData=bytes(range(250)) * 24_000)


@pytest.fixture(params=["Orthanc", "tiny-pacs"])
def server(request: pytest.FixtureRequest, servers: Servers, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in servers.variables(request.param).items():
        monkeypatch.setenv(name, value)


def same(came: bytes, sent: bytes) -> bool:
    """File meta information aside, which tiny-pacs writes anew."""
    return compared(fingerprint(iter([sent])), fingerprint(iter([came]))) == Comparison(same=True)


@pytest.mark.usefixtures("server")
def test_what_went_up_through_the_bucket_comes_back(aws: Aws, invoke: Invoke) -> None:
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
    assert same(requests.get(answer["headers"]["Location"], timeout=10).content, LARGE)
    # when
    asked = invoke("archive_study", path=f"/exams/studies/{study}/archive", query={"PatientId": "P9"})
    assert json.loads(asked["body"])["instances"]["total"] == 2
    assert work_downloads(aws) == 0
    # then
    ready = invoke("get_archive", path=asked["headers"]["Location"])
    with zipfile.ZipFile(io.BytesIO(requests.get(ready["headers"]["Location"], timeout=10).content)) as archive:
        came = [archive.read(name) for name in sorted(archive.namelist())]
    sent = sorted((LARGE, second), key=lambda content: "{1}/{2}.dcm".format(*uids(content)))
    assert all(same(*pair) for pair in zip(came, sent, strict=True))
