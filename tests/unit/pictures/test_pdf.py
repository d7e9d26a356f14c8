"""The picture of an Encapsulated PDF is its first page (PS3.3 A.45.1)."""

import logging
import zlib
from itertools import count

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.pdf import draw_first_page
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.undrawable import Undrawable
from tests.unit.pictures.synthetic import opened, written

A4 = "0 0 595 842"
RED_ABOVE = b"1 0 0 rg 0 421 595 421 re f"
TEXT = b"BT /F1 48 Tf 60 600 Td (Report) Tj ET"
MANY_LINES = b"".join(b"%d 0 m %d 842 l S " % (each % 595, each * 7 % 595) for each in range(100_000))


def pdf(content: bytes, box: str = A4) -> bytes:
    """A document of one page (ISO 32000-1, 7.5)."""
    drawing = zlib.compress(content)
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>" % box.encode(),
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(drawing), drawing),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    document, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(document)
    return document + b"xref\n0 6\n0000000000 65535 f \n" + rows + trailer


def encapsulated(document: bytes) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.PatientName = "Secret^Patient"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return written(dataset)


@pytest.mark.parametrize("size", [16, 256, 1024])
def test_the_first_page_is_drawn_in_its_shape_and_colours(size: int) -> None:
    picture = draw_picture(encapsulated(pdf(RED_ABOVE)), PictureRequest(size=size))

    assert not picture.placeholder
    image = opened(picture.jpeg)
    assert image.size == (round(size * 595 / 842), size)
    above, below = image.getpixel((image.width // 2, size // 8)), image.getpixel((image.width // 2, size * 7 // 8))
    assert np.allclose(above, (255, 0, 0), atol=6)
    assert np.allclose(below, (255, 255, 255), atol=6)


def test_text_is_dark_on_white() -> None:
    shades = np.asarray(opened(draw_picture(encapsulated(pdf(TEXT)), PictureRequest()).jpeg).convert("L"))

    assert shades.min() < 80
    assert np.median(shades) > 250


@pytest.mark.parametrize(
    "document",
    [
        b"%PDF-1.4 and nothing else",
        b"no PDF at all, of Secret^Patient",
        pdf(TEXT)[:300],
        pdf(TEXT, "0 0 9000 1"),
        pdf(TEXT).replace(b"/Kids[3 0 R]/Count 1", b"/Kids[     ]/Count 0"),
        pdf(TEXT).replace(b"/Root 1 0 R", b"/Root 9 0 R"),
    ],
    ids=["cut off", "text", "truncated", "a strip", "no page", "no catalog"],
)
def test_a_document_that_cannot_be_shown_gets_a_placeholder_and_a_line_in_the_log(
    document: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        picture = draw_picture(encapsulated(document), PictureRequest())

    assert picture.placeholder
    assert opened(picture.jpeg).size == (256, 256)
    assert len(caplog.messages) == 1
    assert "Secret" not in caplog.text


def test_a_page_that_takes_too_long_is_given_up() -> None:
    seconds = count()

    with pytest.raises(Undrawable, match="in time"):
        draw_first_page(pdf(MANY_LINES), PictureRequest(), lambda: float(next(seconds)))
