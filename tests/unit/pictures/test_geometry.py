"""The size of a picture (PS3.3 C.7.6.3.1.7 and 10.7.1.3)."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import array_object, nearly, opened, shown


def size_of(part10: bytes, size: int) -> tuple[int, int]:
    picture = draw_picture(part10, PictureRequest(size=size))
    assert not picture.placeholder
    return opened(picture.jpeg).size


@pytest.mark.parametrize(
    ("rows", "columns", "size", "expected"),
    [
        (512, 512, 256, (256, 256)),
        (1024, 512, 256, (128, 256)),
        (500, 1000, 256, (256, 128)),
        (100, 60, 256, (60, 100)),
        (256, 256, 256, (256, 256)),
        (3000, 2500, 16, (13, 16)),
        (2, 2000, 256, (256, 1)),
        (1, 1, 256, (1, 1)),
        (300, 200, 2048, (200, 300)),
    ],
)
def test_the_longest_side_is_the_size_and_nothing_is_enlarged(
    rows: int, columns: int, size: int, expected: tuple[int, int]
) -> None:
    assert size_of(array_object(np.zeros((rows, columns), "u1")), size) == expected


@pytest.mark.parametrize("columns", [512, 640, 800])
def test_what_is_too_fine_to_be_shown_becomes_grey_and_no_pattern(columns: int) -> None:
    stripes = np.tile(np.array([0, 255], "u1"), (columns // 2, columns // 2))
    picture = shown(array_object(stripes), PictureRequest(quality=100))
    assert picture.shape == (256 * (columns // 2) // columns, 256)
    assert np.abs(picture[:, 4:-4] - 127.5).max() < 3


@pytest.mark.parametrize("columns", [300, 512, 640, 800])
def test_edges_stay_sharp_when_a_frame_is_shrunk(columns: int) -> None:
    halves = np.zeros((columns, columns), "u1")
    halves[:, columns // 2 :] = 200
    picture = shown(array_object(halves, WindowCenter=128, WindowWidth=256), PictureRequest(quality=100))
    middle = picture.shape[1] // 2
    assert nearly(picture[:, : middle - 2], 0, 6)
    assert nearly(picture[:, middle + 2 :], 200, 12)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"PixelAspectRatio": [2, 1]}, (100, 200)),
        ({"PixelAspectRatio": [1, 2]}, (200, 100)),
        ({"PixelSpacing": [0.5, 0.25]}, (100, 200)),
        ({"ImagerPixelSpacing": [0.1, 0.15]}, (150, 100)),
        ({"NominalScannedPixelSpacing": [0.3, 0.1]}, (100, 300)),
        ({"PixelSpacing": [0.5, 0.5]}, (100, 100)),
        ({"PixelSpacing": [0.5, 0.501]}, (100, 100)),
        ({"PixelSpacing": [0, 0.5]}, (100, 100)),
        ({"PixelSpacing": [500, 0.5]}, (100, 100)),
        ({"PixelAspectRatio": [2, 1], "PixelSpacing": [1, 1]}, (100, 200)),
    ],
)
def test_pixels_that_are_not_square_are_shown_in_proportion(
    attributes: dict[str, list[float]], expected: tuple[int, int]
) -> None:
    assert size_of(array_object(np.zeros((100, 100), "u1"), **attributes), 512) == expected


def test_proportions_also_hold_when_the_picture_is_reduced() -> None:
    assert size_of(array_object(np.zeros((400, 400), "u1"), PixelAspectRatio=[2, 1]), 200) == (100, 200)


def test_spacing_of_functional_groups() -> None:
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [1.0, 0.5]
    group.PixelMeasuresSequence = Sequence([measures])
    part10 = array_object(np.zeros((100, 100), "u1"), SharedFunctionalGroupsSequence=Sequence([group]))
    assert size_of(part10, 512) == (100, 200)


def test_nothing_moves_when_a_large_frame_is_thinned() -> None:
    frame = np.zeros((3000, 3000), "u2")
    frame[1000:2000, 1500:2500] = 4000
    picture = shown(array_object(frame, WindowCenter=2000, WindowWidth=4000), PictureRequest(size=300, quality=100))
    rows, columns = np.nonzero(picture > 128)
    assert (rows.min(), rows.max()) == pytest.approx((100, 199), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((150, 249), abs=1)
