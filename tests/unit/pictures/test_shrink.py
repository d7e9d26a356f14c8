"""Pictures that a PACS rendered, made to fit."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.shrink import shrink_jpeg
from tests.unit.pictures.synthetic import nearly, opened, ramp

GREY = Image.fromarray(ramp(0, 255, "u1", rows=512, columns=1024))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_is_scaled_down(kind: str, mode: str) -> None:
    shrunk = shrink_jpeg(encoded(GREY.convert(mode), kind), PictureRequest(size=256, quality=95))
    image = opened(shrunk or b"")
    assert (image.size, image.mode) == ((256, 128), mode)
    assert nearly(np.asarray(image.convert("L")), np.arange(256), 6)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "I;16"])
def test_other_kinds_of_png(mode: str) -> None:
    deep = Image.fromarray(ramp(0, 65535, "u2", rows=512, columns=1024))
    source = deep if mode == "I;16" else GREY.convert(mode)
    image = opened(shrink_jpeg(encoded(source, "PNG"), PictureRequest(size=256, quality=95)) or b"")
    assert image.size == (256, 128)
    shades = np.asarray(image.convert("L"), float)
    assert shades[:, :20].mean() < 40
    assert 100 < shades[:, 118:138].mean() < 155
    assert shades[:, -20:].mean() > 215


def test_a_cmyk_jpeg() -> None:
    image = opened(shrink_jpeg(encoded(GREY.convert("CMYK"), "JPEG"), PictureRequest()) or b"")
    assert (image.size, image.mode) == ((256, 128), "RGB")


def test_a_small_picture_is_not_enlarged() -> None:
    image = opened(shrink_jpeg(encoded(GREY.resize((60, 30)), "PNG"), PictureRequest()) or b"")
    assert image.size == (60, 30)


def test_metadata_is_left_behind() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Secret Patient"
    source = encoded(GREY, "JPEG", exif=exif, comment=b"Secret Patient")
    assert b"Secret" in source
    assert b"Secret" not in (shrink_jpeg(source, PictureRequest()) or b"Secret")


@pytest.mark.parametrize(
    "not_a_picture",
    [
        b"",
        b"<html><body>Not found</body></html>",
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a" + b"\0" * 50,
        encoded(GREY, "JPEG")[:2000],
        encoded(GREY, "PNG")[:700],
        encoded(GREY, "JPEG").replace(b"\x02\x00\x04\x00\x01", b"\xff\x00\xff\x00\x01"),
    ],
)
def test_what_is_no_whole_picture_is_none(not_a_picture: bytes) -> None:
    assert shrink_jpeg(not_a_picture, PictureRequest()) is None


def test_a_picture_of_too_many_pixels_is_none() -> None:
    header = encoded(Image.new("1", (20000, 20000)), "PNG")
    assert shrink_jpeg(header, PictureRequest()) is None
