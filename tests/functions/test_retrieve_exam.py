"""Retrieval of an exam, as the stored object and as a thumbnail."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.pacs.objects import make_object, multipart, real_object, send, uids
from tests.scripted import Answer, Asked, ScriptedPacs

CT = real_object("CT_small.dcm")
DICOM = "application/dicom"
JPEG = "image/jpeg"


def path_of(content: bytes, word: str = "instance") -> str:
    study, series, instance = uids(content)
    return f"/exams/studies/{study}/series/{series}/{word}/{instance}"


def retrieve(invoke: Invoke, path: str, query: Any) -> dict[str, Any]:
    answer = invoke("retrieve_exam", path=path, query=query)
    answer["bytes"] = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else b""
    return answer


def store(pacs: EmbeddedPacs, content: bytes) -> bytes:
    assert send(f"{pacs.url}/dicom-web/studies", content, headers={"Authorization": PACS_KEY}).status_code == 200
    return content


@pytest.fixture(params=["o3", "dicomweb"])
def dialect(request: pytest.FixtureRequest, pacs: EmbeddedPacs, monkeypatch: pytest.MonkeyPatch) -> EmbeddedPacs:
    """The embedded PACS, spoken to in each of the dialects that it plays."""
    if request.param == "dicomweb":
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", f"{pacs.url}/dicom-web")
    return pacs


@pytest.mark.parametrize("word", ["instance", "instances"])
def test_the_object_comes_back_byte_for_byte(dialect: EmbeddedPacs, invoke: Invoke, word: str) -> None:
    store(dialect, CT)
    answer = retrieve(invoke, path_of(CT, word), {"fileType": DICOM})
    assert answer["statusCode"] == 200
    assert answer["bytes"] == CT
    assert answer["headers"]["Content-Type"] == DICOM
    assert answer["headers"]["Content-Disposition"] == f'attachment; filename="{uids(CT)[2]}.dcm"'


def test_a_compressed_object_is_not_transcoded(dialect: EmbeddedPacs, invoke: Invoke) -> None:
    content = store(dialect, real_object("JPEG2000.dcm"))
    assert retrieve(invoke, path_of(content), {"fileType": DICOM})["bytes"] == content


def test_the_thumbnail_is_a_jpeg_of_the_wanted_size(dialect: EmbeddedPacs, invoke: Invoke) -> None:
    store(dialect, CT)
    for size, expected in ((None, 128), (64, 64)):
        query = {"fileType": JPEG} | ({"size": str(size)} if size else {})
        answer = retrieve(invoke, path_of(CT), query)
        assert answer["statusCode"] == 200
        picture = Image.open(io.BytesIO(answer["bytes"]))
        assert (picture.format, max(picture.size)) == ("JPEG", expected)
        assert "X-Thumbnail" not in answer["headers"]


def test_frame_and_window_choose_what_is_shown(dialect: EmbeddedPacs, invoke: Invoke) -> None:
    frames = np.stack([np.full((32, 32), value, dtype="<u2") for value in (0, 500, 1000)])
    content = store(dialect, make_object(NumberOfFrames=3, PixelData=frames.tobytes(), Rows=32, Columns=32))

    def brightness(**query: str) -> int:
        answer = retrieve(invoke, path_of(content), {"fileType": JPEG, **query})
        assert answer["statusCode"] == 200, answer
        return int(np.asarray(Image.open(io.BytesIO(answer["bytes"])).convert("L")).mean())

    window = {"windowCenter": "500", "windowWidth": "1000"}
    shades = [brightness(frame=str(frame), **window) for frame in (1, 2, 3)]
    assert shades[0] < 10
    assert 118 < shades[1] < 138
    assert shades[2] > 245
    assert brightness(**window) == shades[1]


@pytest.mark.parametrize("name", ["test-SR.dcm", "rtplan.dcm"])
def test_what_has_no_image_gets_a_placeholder(dialect: EmbeddedPacs, invoke: Invoke, name: str) -> None:
    content = store(dialect, real_object(name))
    answer = retrieve(invoke, path_of(content), {"fileType": JPEG})
    assert answer["statusCode"] == 200
    assert answer["headers"]["X-Thumbnail"] == "placeholder"
    assert Image.open(io.BytesIO(answer["bytes"])).format == "JPEG"


def test_an_object_that_is_too_large_to_be_drawn_gets_a_placeholder(
    dialect: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_service.exams.thumbnail.MOST_DRAWN_BYTES", 2000)
    monkeypatch.setenv("PACS_PICTURES", "none")
    content = store(dialect, make_object(Rows=10, Columns=65535, PixelData=bytes(1_310_700)))
    answer = retrieve(invoke, path_of(content), {"fileType": JPEG})
    assert answer["statusCode"] == 200
    assert answer["headers"]["X-Thumbnail"] == "placeholder"


@pytest.mark.parametrize("file_type", [DICOM, JPEG])
def test_an_unknown_object_is_a_404(dialect: EmbeddedPacs, invoke: Invoke, file_type: str) -> None:
    answer = retrieve(invoke, "/exams/studies/1.2.3/series/1.2.3.4/instance/1.2.3.4.5", {"fileType": file_type})
    assert answer["statusCode"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({}, ["fileType"]),
        ({"filetype": "image/png"}, ["filetype"]),
        ({"fileType": JPEG, "size": "15"}, ["size"]),
        ({"fileType": JPEG, "size": "2049", "frame": "0", "quality": "101"}, ["size", "frame", "quality"]),
        ({"fileType": JPEG, "size": "big"}, ["size"]),
        ({"fileType": JPEG, "windowCenter": "40"}, ["windowWidth"]),
        ({"fileType": JPEG, "windowWidth": "400"}, ["windowCenter"]),
        ({"fileType": JPEG, "windowCenter": "nan", "windowWidth": "0"}, ["windowCenter", "windowWidth"]),
        ({"fileType": JPEG, "frame": "2"}, ["frame"]),
    ],
)
def test_a_wrong_query_is_a_400(pacs: EmbeddedPacs, invoke: Invoke, query: dict[str, str], fields: list[str]) -> None:
    answer = retrieve(invoke, path_of(store(pacs, CT)), query)
    assert answer["statusCode"] == 400
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == fields


def test_wrong_uids_are_all_named(invoke: Invoke) -> None:
    answer = retrieve(invoke, "/exams/studies/1..2/series/a/instance/" + "1" * 65, {})
    assert answer["statusCode"] == 400
    fields = [error["field"] for error in json.loads(answer["body"])["errors"]]
    assert fields == ["studyUID", "seriesUID", "instanceUID", "fileType"]


def test_a_large_object_goes_by_a_signed_url(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    pixels = np.random.default_rng(1).integers(0, 4096, (1600, 1600), dtype="<u2")
    content = store(pacs, make_object(Rows=1600, Columns=1600, PixelData=pixels.tobytes()))
    answer = retrieve(invoke, path_of(content), {"fileType": DICOM})
    assert answer["statusCode"] == 303
    fetched = requests.get(answer["headers"]["Location"], timeout=10)
    assert fetched.content == content
    assert fetched.headers["Content-Disposition"] == f'attachment; filename="{uids(content)[2]}.dcm"'


def dicomweb(monkeypatch: pytest.MonkeyPatch, pacs: ScriptedPacs) -> None:
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, CT, {"Content-Type": DICOM}),
        Answer(200, CT, {"Content-Type": "text/plain"}),
        Answer(200, CT),
        Answer(200, multipart(CT), {"Content-Type": "multipart/related; boundary=a-boundary"}),
        Answer(
            200, multipart(CT), {"Content-Type": 'multipart/related; type="application/dicom"; boundary="a-boundary"'}
        ),
    ],
)
def test_an_object_is_known_by_its_bytes(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    with ScriptedPacs(answer) as pacs:
        dicomweb(monkeypatch, pacs)
        assert retrieve(invoke, path_of(CT), {"fileType": DICOM})["bytes"] == CT


def test_a_pacs_that_knows_only_the_single_part_is_asked_for_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(406) if "multipart" in asked.headers["Accept"] else Answer(200, CT)

    with ScriptedPacs(by=answer) as pacs:
        dicomweb(monkeypatch, pacs)
        assert retrieve(invoke, path_of(CT), {"fileType": DICOM})["bytes"] == CT


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, b""), 502),
        (Answer(200, b"<html>" + b" " * 500), 502),
        (Answer(200, multipart(CT)[:-100], {"Content-Type": "multipart/related; boundary=a-boundary"}), 502),
        (Answer(200, b"", {"Content-Type": "multipart/related"}), 502),
        (Answer(200, CT, cut=100), 502),
        (Answer(406), 502),
        (Answer(500), 502),
        (Answer(401), 401),
        (Answer(404), 404),
        (Answer(504), 504),
    ],
)
@pytest.mark.parametrize("file_type", [DICOM, JPEG])
def test_a_pacs_that_fails(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int, file_type: str
) -> None:
    monkeypatch.setattr("dicom_service.pacs.session.PAUSES_SECONDS", (0.01, 0.01))
    with ScriptedPacs(answer) as pacs:
        dicomweb(monkeypatch, pacs)
        assert retrieve(invoke, path_of(CT), {"fileType": file_type})["statusCode"] == status


def test_a_pacs_without_pictures_leaves_the_drawing_to_us(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/thumbnail"):
            return Answer(200, b"<html>no such thing</html>", {"Content-Type": JPEG})
        return Answer(500) if asked.path.endswith("/rendered") else Answer(200, CT)

    with ScriptedPacs(by=answer) as pacs:
        dicomweb(monkeypatch, pacs)
        answered = retrieve(invoke, path_of(CT), {"fileType": JPEG})
    assert answered["statusCode"] == 200
    assert Image.open(io.BytesIO(answered["bytes"])).size == (128, 128)
    whose, *pictures = [asked.path.rsplit("/", 1)[1] for asked in pacs.asked]
    assert (whose, pictures) == ("studies", ["thumbnail", "rendered", uids(CT)[2]])
