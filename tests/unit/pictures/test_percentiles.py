"""Frames without a window, and the padding in them (PS3.3 C.7.5.1.1.2)."""

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import array_object, image_object, nearly, ramp, shown


def test_without_a_window_the_percentiles_of_the_frame_are_spread() -> None:
    frame = ramp(1000, 2000, "u2")
    frame[0, :8] = 65535
    picture = shown(array_object(frame))
    low, high = np.percentile(frame, [1, 99])
    assert nearly(picture[16:], np.clip((frame[16] - low) / (high - low), 0, 1) * 255)


def test_without_a_window_each_frame_has_percentiles_of_its_own() -> None:
    frames = np.stack([ramp(0, 100, "u2"), ramp(5000, 60000, "u2")])
    part10 = image_object(frames.tobytes(), BitsAllocated=16, Rows=32, Columns=256, NumberOfFrames=2)
    for number in (1, 2):
        picture = shown(part10, PictureRequest(size=2048, quality=100, frame=number))
        assert picture[:, 10].max() < 30
        assert picture[:, 245].min() > 225
        assert 110 < picture[:, 128].mean() < 145


def test_padding_is_left_out_of_the_percentiles_and_black() -> None:
    frame = ramp(1000, 2000, "i2")
    frame[:, :128] = -30000
    picture = shown(array_object(frame, PixelPaddingValue=-30000))
    assert nearly(picture[:, :120], 0)
    assert picture[:, 136].mean() < 40
    assert picture[:, 250].mean() > 225


def test_a_range_of_padding_in_implicit_vr() -> None:
    frame = ramp(1000, 2000, "i2")
    frame[:, :64], frame[:, 64:128] = -30000, -29990
    padding = {"PixelPaddingValue": -30000, "PixelPaddingRangeLimit": -29990}
    picture = shown(array_object(frame, ImplicitVRLittleEndian, **padding))
    assert nearly(picture[:, :120], 0)
    assert picture[:, 136].mean() < 40


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_frame_of_one_value_is_a_picture(value: int) -> None:
    picture = shown(array_object(np.full((20, 20), value, "u2")))
    assert picture.std() == 0


def test_sparse_values_are_not_lost() -> None:
    frame = np.zeros((256, 256), "u2")
    frame[100:104, 100:104] = 9
    picture = shown(array_object(frame))
    assert picture[102, 102] > 240
    assert picture[:64].max() < 8


@pytest.mark.parametrize(("bits", "prefix"), [(32, "Float"), (64, "DoubleFloat")])
def test_padding_of_floats(bits: int, prefix: str) -> None:
    values = np.tile(np.linspace(1, 2, 256, dtype=f"f{bits // 8}"), (32, 1))
    values[:, :128] = 1e6
    part10 = image_object(
        values.tobytes(),
        pixel_keyword=f"{prefix}PixelData",
        BitsAllocated=bits,
        Rows=32,
        Columns=256,
        **{f"{prefix}PixelPaddingValue": 1e6},
    )
    picture = shown(part10)
    assert nearly(picture[:, :120], 0)
    assert picture[:, 136].mean() < 40
    assert picture[:, 250].mean() > 225
