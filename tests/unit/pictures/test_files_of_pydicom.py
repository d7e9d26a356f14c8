"""Every DICOM file that comes with pydicom and pydicom-data."""

from pathlib import Path

import pytest

from bench.contact_sheet import dicom_files
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.reading.dataset import read_object
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import opened

FILES = dicom_files()
NO_PICTURE = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "its codestream declares billions of pixels",
    "meta_missing_tsyntax.dcm": "it has pixel data without rows and columns",
    "nested_priv_SQ.dcm": "it has pixel data without rows and columns",
}
"""Files with pixel data that get a placeholder, and why."""


def has_pixels(file: Path) -> bool:
    return read_object(file.read_bytes()).pixels is not None


def test_there_are_enough_files() -> None:
    assert len(FILES) > 220


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
@pytest.mark.parametrize("size", [64, 256])
def test_a_file_gets_a_picture_that_opens(file: Path, size: int) -> None:
    picture = draw_picture(file.read_bytes(), PictureRequest(size=size))
    image = opened(picture.jpeg)
    assert max(image.size) <= size
    if picture.placeholder:
        assert max(image.size) == size


def test_nearly_all_files_with_pixels_get_real_pictures() -> None:
    with_pixels = [file for file in FILES if has_pixels(file)]
    without = [file.name for file in with_pixels if draw_picture(file.read_bytes(), PictureRequest()).placeholder]
    assert len(with_pixels) > 150
    assert sorted(without) == sorted(NO_PICTURE)
    assert len(without) <= 0.05 * len(with_pixels)
