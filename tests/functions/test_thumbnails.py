"""Thumbnails of series and studies, and what clients may keep of a thumbnail."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.pacs.objects import make_object, send, uids

WINDOW = {"WindowCenter": 500, "WindowWidth": 1000}


def image(shade: int, number: int, **attributes: Any) -> bytes:
    """An image of one shade of grey, from 0 to 1000."""
    pixels = np.full((32, 32), shade, dtype="<u2").tobytes()
    own = {"Rows": 32, "Columns": 32, "PixelData": pixels, "InstanceNumber": number, **WINDOW}
    return make_object(**(own | attributes))


def store(pacs: EmbeddedPacs, *contents: bytes) -> None:
    for content in contents:
        headers = {"Authorization": PACS_KEY}
        assert send(f"{pacs.url}/dicom-web/studies", content, headers=headers).status_code == 200


def brightness(answer: dict[str, Any]) -> float:
    assert answer["statusCode"] == 200, answer
    return float(np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["body"]))).convert("L")).mean())


@pytest.fixture
def study(pacs: EmbeddedPacs) -> str:
    """A study of a series of one image, one of three (white in the middle), and one of five reports."""
    single = image(0, 1)
    uid = uids(single)[0]
    series = {"StudyInstanceUID": uid, "SeriesInstanceUID": "1.2.3"}
    reports = {"StudyInstanceUID": uid, "SeriesInstanceUID": "1.2.4", "Modality": "SR", "PixelData": None}
    store(pacs, single, *[image(shade, number, **series) for number, shade in ((3, 0), (1, 0), (2, 1000))])
    store(pacs, *[make_object(**reports, Rows=None, Columns=None) for _ in range(5)])
    return uid


def test_a_series_is_shown_by_its_middle_instance(pacs: EmbeddedPacs, invoke: Invoke, study: str) -> None:
    answer = invoke("retrieve_thumbnail", path=f"/exams/studies/{study}/series/1.2.3/thumbnail")
    assert brightness(answer) > 245
    assert answer["headers"]["Content-Type"] == "image/jpeg"


def test_a_study_is_shown_by_its_largest_series_of_images(pacs: EmbeddedPacs, invoke: Invoke, study: str) -> None:
    answer = invoke("retrieve_thumbnail", path=f"/exams/studies/{study}/thumbnail", query={"size": "16"})
    assert brightness(answer) > 245
    assert Image.open(io.BytesIO(base64.b64decode(answer["body"]))).size == (16, 16)


def test_a_study_without_images_is_shown_by_a_placeholder(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    report = make_object(Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", PixelData=None, Rows=None)
    store(pacs, report)
    answer = invoke("retrieve_thumbnail", path=f"/exams/studies/{uids(report)[0]}/thumbnail")
    assert answer["statusCode"] == 200
    assert answer["headers"]["X-Thumbnail"] == "placeholder"


@pytest.mark.parametrize("path", ["/exams/studies/1.2.9/thumbnail", "/exams/studies/1.2.9/series/1.2/thumbnail"])
def test_what_there_is_not_is_a_404(pacs: EmbeddedPacs, invoke: Invoke, path: str) -> None:
    assert invoke("retrieve_thumbnail", path=path)["statusCode"] == 404


def test_a_client_that_has_the_thumbnail_is_told_so(pacs: EmbeddedPacs, invoke: Invoke, study: str) -> None:
    single = image(700, 1)
    store(pacs, single)
    uid, series, instance = uids(single)
    path = f"/exams/studies/{uid}/series/{series}/instances/{instance}"
    for name, target, query in (
        ("retrieve_exam", path, {"fileType": "image/jpeg"}),
        ("retrieve_thumbnail", f"/exams/studies/{study}/thumbnail", {}),
    ):
        first = invoke(name, path=target, query=query)
        etag = first["headers"]["ETag"]
        assert first["headers"]["Cache-Control"].startswith("private, max-age=")
        for known, status in ((etag, 304), (f'"x", W/{etag}', 304), ("*", 304), ('"x"', 200)):
            answer = invoke(name, path=target, query=query, headers={"If-None-Match": known})
            assert (answer["statusCode"], answer["headers"]["ETag"]) == (status, etag)
            assert bool(answer.get("body")) == (status == 200)
