"""Which frame is shown, and what it costs."""

import tracemalloc

import numpy as np
import pytest

from dicom_service.errors import InvalidRequest
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import image_object, nearly, shown

SHADES = (10, 60, 110, 160, 210)
FRAMES = np.stack([np.full((20, 30), shade, "u1") for shade in SHADES])
CINE = image_object(FRAMES.tobytes(), Rows=20, Columns=30, NumberOfFrames=5, WindowCenter=128, WindowWidth=256)


def finest(frame: int | None) -> PictureRequest:
    return PictureRequest(size=2048, quality=100, frame=frame)


def test_the_middle_frame_by_default() -> None:
    assert nearly(shown(CINE, finest(None)), SHADES[2])


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_frames_are_counted_from_one(number: int) -> None:
    assert nearly(shown(CINE, finest(number)), SHADES[number - 1])


@pytest.mark.parametrize("number", [0, -1, 6, 10**9])
def test_a_frame_that_is_not_there_is_an_invalid_request(number: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        draw_picture(CINE, finest(number))
    assert [error.field for error in caught.value.errors] == ["frame"]
    assert "5" in caught.value.errors[0].message


@pytest.mark.parametrize("count", ["0", ""])
def test_a_frame_count_that_makes_no_sense_is_one(count: str) -> None:
    single = image_object(
        FRAMES[0].tobytes(), Rows=20, Columns=30, NumberOfFrames=count, WindowCenter=128, WindowWidth=256
    )
    assert nearly(shown(single, finest(1)), SHADES[0])


def test_a_frame_of_a_large_cine_is_not_paid_for_by_the_others() -> None:
    frames = np.zeros((400, 512, 512), "u1")
    frames[200] = 77
    cine = image_object(frames.tobytes(), Rows=512, Columns=512, NumberOfFrames=400, WindowCenter=128, WindowWidth=256)
    tracemalloc.start()
    picture = shown(cine, PictureRequest(size=128, quality=100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert nearly(picture, 77)
    assert peak < 20e6
