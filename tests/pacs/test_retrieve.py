"""Retrieving: WADO-RS, WADO-URI and pictures (PS3.18 sections 9 and 10.4)."""

from collections.abc import Iterator
from io import BytesIO

import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.pacs.objects import header, make_object, real_object, send, uids

CT, JPEG2000, BIG_ENDIAN = (real_object(name) for name in ("CT_small.dcm", "JPEG2000.dcm", "MR_small_bigendian.dcm"))
IMPLICIT = make_object(ImplicitVRLittleEndian)
DEFLATED = make_object(DeflatedExplicitVRLittleEndian)
NO_IMAGE = make_object(PixelData=None, Rows=None, Columns=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
FRAMES = make_object(NumberOfFrames=3, PixelData=bytes(128 * 3), StudyInstanceUID="1.2.7")
SIBLING = make_object(StudyInstanceUID="1.2.7")
WIDE = make_object(Rows=100, Columns=400, PixelData=bytes(80000))
OBJECTS = (CT, JPEG2000, BIG_ENDIAN, IMPLICIT, DEFLATED, NO_IMAGE, FRAMES, SIBLING, WIDE)
DICOM = {"Accept": "application/dicom"}


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPacs]:
    with EmbeddedPacs(PacsSettings(tmp_path_factory.mktemp("pacs"))) as running:
        for content in OBJECTS:
            answer = send(f"{running.url}/dicom-web/studies", content)
            assert answer.status_code == 200, answer.text
        yield running


def address(pacs: EmbeddedPacs, content: bytes) -> str:
    study, series, instance = uids(content)
    return f"{pacs.url}/dicom-web/studies/{study}/series/{series}/instances/{instance}"


def wado_uri(
    pacs: EmbeddedPacs, content: bytes, content_type: str = "application/dicom", **more: str
) -> requests.Response:
    study, series, instance = uids(content)
    query = {"requestType": "WADO", "studyUID": study, "seriesUID": series, "objectUID": instance}
    query |= {"contentType": content_type} | more
    return requests.get(f"{pacs.url}/o3-dpacs-wado/wado", params=query, timeout=30)


def size(jpeg: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.size


def parts(answer: requests.Response) -> list[bytes]:
    boundary = answer.headers["Content-Type"].partition("boundary=")[2].encode()
    pieces = answer.content.split(b"--" + boundary)
    assert pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:-1]]


@pytest.mark.parametrize("content", OBJECTS)
def test_an_instance_comes_back_byte_for_byte(pacs: EmbeddedPacs, content: bytes) -> None:
    # when
    single = requests.get(address(pacs, content), headers=DICOM, timeout=10)
    any_syntax = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    multiple = requests.get(address(pacs, content), headers={"Accept": any_syntax}, timeout=10)
    original = wado_uri(pacs, content, transferSyntax="original")
    # then
    assert single.headers["Content-Type"] == "application/dicom"
    assert single.content == content
    assert multiple.headers["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert parts(multiple) == [content]
    assert original.content == content


def test_a_study_and_a_series_come_as_parts(pacs: EmbeddedPacs) -> None:
    study, series, _ = uids(SIBLING)
    whole = requests.get(f"{pacs.url}/dicom-web/studies/{study}", timeout=10)
    one = requests.get(f"{pacs.url}/dicom-web/studies/{study}/series/{series}", timeout=10)
    assert parts(whole) == [FRAMES, SIBLING]
    assert parts(one) == [SIBLING]


@pytest.mark.parametrize(
    ("level", "accept", "status"),
    [
        ("instance", "*/*", 200),
        ("instance", "image/png", 406),
        ("instance", 'multipart/related; type="application/octet-stream"', 406),
        ("instance", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50", 406),
        ("instance", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1", 200),
        ("instance", "image/png, application/dicom;q=0.5", 200),
        ("study", "application/dicom", 406),
        ("study", 'multipart/related; type="application/dicom"', 200),
    ],
)
def test_the_accept_header_is_honoured(pacs: EmbeddedPacs, level: str, accept: str, status: int) -> None:
    url = address(pacs, CT) if level == "instance" else address(pacs, CT).partition("/series")[0]
    assert requests.get(url, headers={"Accept": accept}, timeout=10).status_code == status


def test_an_instance_is_transcoded_when_a_transfer_syntax_is_asked_for(pacs: EmbeddedPacs) -> None:
    accept = f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
    answer = requests.get(address(pacs, IMPLICIT), headers={"Accept": accept}, timeout=10)
    assert header(answer.content).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


@pytest.mark.parametrize("content", [JPEG2000, IMPLICIT, DEFLATED, CT])
def test_wado_uri_transcodes_like_o3(pacs: EmbeddedPacs, content: bytes) -> None:
    # when
    answer = wado_uri(pacs, content)
    # then
    assert answer.headers["Content-Type"] == "application/dicom"
    dataset = pydicom.dcmread(BytesIO(answer.content))
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.SOPInstanceUID == uids(content)[2]
    assert (dataset.pixel_array == pydicom.dcmread(BytesIO(content)).pixel_array).all()


def test_what_cannot_be_transcoded_is_sent_as_stored(pacs: EmbeddedPacs) -> None:
    assert wado_uri(pacs, BIG_ENDIAN).content == BIG_ENDIAN


@pytest.mark.parametrize("suffix", ["", "/metadata", "/rendered", "/thumbnail"])
def test_an_unknown_object_is_404(pacs: EmbeddedPacs, suffix: str) -> None:
    study, series, _ = uids(CT)
    for path in (f"{study}/series/{series}/instances/1.2.3", f"1.2.3/series/{series}/instances/{uids(CT)[2]}"):
        assert requests.get(f"{pacs.url}/dicom-web/studies/{path}{suffix}", timeout=10).status_code == 404


@pytest.mark.parametrize("content_type", ["application/dicom", "image/jpeg"])
def test_an_unknown_object_is_404_for_wado_uri(pacs: EmbeddedPacs, content_type: str) -> None:
    assert wado_uri(pacs, make_object(), content_type).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"requestType": "X"}, 400),
        ({"objectUID": ""}, 400),
        ({"contentType": "image/png"}, 406),
        ({"contentType": "image/jpeg", "rows": "x"}, 400),
        ({"contentType": "image/jpeg", "windowCenter": "40"}, 400),
        ({"contentType": "image/jpeg", "windowCenter": "40", "windowWidth": "0"}, 400),
        ({"contentType": "image/jpeg", "frameNumber": "0"}, 400),
        ({"contentType": "image/jpeg", "imageQuality": "101"}, 400),
        ({"contentType": "image/jpeg", "frameNumber": "4"}, 404),
    ],
)
def test_wado_uri_refuses_what_it_cannot_understand(pacs: EmbeddedPacs, wrong: dict[str, str], status: int) -> None:
    content_type = wrong.get("contentType", "application/dicom")
    more = {name: value for name, value in wrong.items() if name != "contentType"}
    assert wado_uri(pacs, FRAMES, content_type, **more).status_code == status


@pytest.mark.parametrize(
    ("suffix", "number"), [("", 2), ("/series/{series}", 1), ("/series/{series}/instances/{instance}", 1)]
)
def test_metadata_at_every_level(pacs: EmbeddedPacs, suffix: str, number: int) -> None:
    # given
    study, series, instance = uids(SIBLING)
    path = f"{pacs.url}/dicom-web/studies/{study}{suffix.format(series=series, instance=instance)}/metadata"
    # when
    answer = requests.get(path, timeout=10)
    # then
    assert answer.headers["Content-Type"] == "application/dicom+json"
    datasets = answer.json()
    assert len(datasets) == number
    assert datasets[-1]["00080018"]["Value"] == [instance]
    assert datasets[-1]["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
    assert "7FE00010" not in datasets[-1]


def test_pictures_are_jpeg_at_the_size_asked_for(pacs: EmbeddedPacs) -> None:
    base = address(pacs, WIDE)
    get = lambda path: requests.get(base + path, timeout=10).content  # noqa: E731
    assert size(get("/rendered")) == (400, 100)
    assert size(get("/rendered?viewport=200,200")) == (200, 50)
    assert size(get("/rendered?viewport=200,25")) == (100, 25)
    assert size(get("/thumbnail")) == (256, 64)
    assert size(get("/thumbnail?viewport=64,64")) == (64, 16)
    assert size(wado_uri(pacs, WIDE, "image/jpeg").content) == (400, 100)
    assert size(wado_uri(pacs, WIDE, "image/jpeg", rows="50", columns="100").content) == (100, 25)


def test_a_window_and_a_quality_change_the_picture(pacs: EmbeddedPacs) -> None:
    plain = requests.get(f"{address(pacs, CT)}/rendered", timeout=10).content
    windowed = requests.get(f"{address(pacs, CT)}/rendered?window=40,80,linear", timeout=10).content
    coarse = requests.get(f"{address(pacs, CT)}/rendered?quality=5", timeout=10).content
    o3_windowed = wado_uri(pacs, CT, "image/jpeg", windowCenter="40", windowWidth="80").content
    assert plain != windowed == o3_windowed
    assert len(coarse) < len(plain)


@pytest.mark.parametrize(("frame", "status"), [("1", 200), ("3", 200), ("4", 404), ("0", 400), ("x", 400)])
def test_one_frame_is_rendered(pacs: EmbeddedPacs, frame: str, status: int) -> None:
    answer = requests.get(f"{address(pacs, FRAMES)}/frames/{frame}/rendered", timeout=10)
    assert answer.status_code == status


@pytest.mark.parametrize("query", ["viewport=0,0", "viewport=5", "viewport=a,b", "window=1", "window=a,b", "quality=0"])
def test_a_rendering_that_cannot_be_understood_is_400(pacs: EmbeddedPacs, query: str) -> None:
    assert requests.get(f"{address(pacs, CT)}/rendered?{query}", timeout=10).status_code == 400


def test_a_series_and_a_study_have_a_thumbnail(pacs: EmbeddedPacs) -> None:
    series, study = address(pacs, CT).partition("/instances")[0], address(pacs, CT).partition("/series")[0]
    assert size(requests.get(f"{series}/thumbnail", timeout=10).content) == (128, 128)
    assert size(requests.get(f"{study}/thumbnail", timeout=10).content) == (128, 128)


def test_what_cannot_be_rendered_is_empty_at_o3_and_406_elsewhere(pacs: EmbeddedPacs) -> None:
    o3 = wado_uri(pacs, NO_IMAGE, "image/jpeg")
    assert (o3.status_code, o3.content, o3.headers["Content-Type"]) == (200, b"", "image/jpeg")
    assert requests.get(f"{address(pacs, NO_IMAGE)}/rendered", timeout=10).status_code == 406
    assert requests.get(f"{address(pacs, NO_IMAGE)}/thumbnail", timeout=10).status_code == 406
    assert requests.get(f"{address(pacs, CT)}/rendered", headers={"Accept": "image/png"}, timeout=10).status_code == 406


def test_an_independent_client_stores_and_retrieves(pacs: EmbeddedPacs) -> None:
    # given
    client = DICOMwebClient(f"{pacs.url}/dicom-web")
    content = make_object(PatientID="P9")
    mine = pydicom.dcmread(BytesIO(content))
    study, series, instance = uids(content)
    # when
    stored = client.store_instances([mine], study_instance_uid=study)
    retrieved = client.retrieve_instance(study, series, instance, media_types=(("application/dicom", "*"),))
    (metadata,) = client.retrieve_series_metadata(study, series)
    (from_series,) = client.retrieve_series(study, series)
    rendered = client.retrieve_instance_rendered(study, series, instance, media_types=("image/jpeg",))
    # then
    assert stored.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == instance
    assert retrieved == mine == from_series
    assert metadata["00100020"]["Value"] == ["P9"]
    assert size(rendered) == (8, 8)
