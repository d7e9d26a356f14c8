"""The grayscale pipeline over synthetic frames (PS3.3 C.11.1, C.11.2, C.7.5.1.1.2, C.7.6.16)."""

from struct import pack

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.shading.levels import by_level
from dicom_service.exams.pictures.shading.window import Window, apply_window
from tests.unit.pictures.synthetic import FINEST, array_object, image_object, nearly, ramp, shown

SHADES = np.arange(256)


def test_monochrome2_shows_low_values_black() -> None:
    picture = shown(array_object(ramp(0, 255, "u1")))
    assert nearly(picture, SHADES)


def test_monochrome1_shows_low_values_white() -> None:
    picture = shown(array_object(ramp(0, 255, "u1"), PhotometricInterpretation="MONOCHROME1"))
    assert nearly(picture, 255 - SHADES)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4"])
def test_a_window_spreads_its_values_over_all_shades(dtype: str, syntax: str) -> None:
    low = -1000 if dtype.startswith("i") else 1000
    frame = ramp(low, low + 2550, dtype)
    window = {"WindowCenter": low + 1275.5, "WindowWidth": 2551}
    assert nearly(shown(array_object(frame, syntax, **window)), SHADES)


@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (2048, 1), (0, 100), (0, 1), (10, 2), (10, 3), (-7.5, 6)])
def test_the_linear_function_is_that_of_the_standard(centre: float, width: float) -> None:
    """Step by step as PS3.3 C.11.2.1.2.1 writes it down, its four examples among the windows."""
    values = np.arange(-200, 4300, dtype="i2")
    expected = np.where(
        values <= centre - 0.5 - (width - 1) / 2,
        0,
        np.where(
            values > centre - 0.5 + (width - 1) / 2,
            255,
            ((values - (centre - 0.5)) / (width - 1 or 1) + 0.5) * 255,
        ),
    )
    assert np.abs(apply_window(values, Window(centre, width)) - expected).max() <= 0.501


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_what_is_no_number_is_black_and_infinities_are_the_ends(function: str) -> None:
    """What a processor makes of NaN where a whole number is wanted differs by its kind: none gets there."""
    values = np.array([np.nan, -np.inf, np.inf], np.float32)
    with np.errstate(invalid="raise"):
        assert apply_window(values, Window(50, 100, function)).tolist() == [0, 0, 255]


@pytest.mark.parametrize("width", [2, 3, 10])
def test_the_ends_of_a_narrow_window_are_black_and_white(width: int) -> None:
    frame = np.repeat(np.arange(100, 100 + width, dtype="u2"), 16)[None].repeat(32, axis=0)
    picture = shown(array_object(frame, WindowCenter=100 + width / 2, WindowWidth=width))
    assert nearly(picture[:, 8::16], np.arange(width) * 255 / (width - 1))


@pytest.mark.parametrize(
    ("centre", "width"),
    [
        ("1275.5\\", "2551\\"),
        ("\\1275.5", "\\2551"),
        ("NaN\\1275.5", "80\\2551"),
        ("40\\1275.5", "1e400\\2551"),
        ("text\\1275.5", "\\2551"),
        ("40\\1275.5", "-5\\2551"),
        ("1275.5\0\\40\0", "2551\0\\80\0"),
        ("1275.5", "02551\\80\\90"),
    ],
)
def test_the_first_window_that_is_one_counts(centre: str, width: str) -> None:
    assert nearly(shown(with_texts(ramp(0, 2550, "u2"), WindowCenter=centre, WindowWidth=width)), SHADES)


@pytest.mark.parametrize(
    ("centre", "width"), [("NaN", "400"), ("40", "NaN"), ("inf", "400"), ("40", "1e400"), ("\\", "\\"), ("", "x")]
)
def test_without_a_window_that_is_one_the_values_are_spread(centre: str, width: str) -> None:
    picture = shown(with_texts(ramp(0, 2550, "u2"), WindowCenter=centre, WindowWidth=width))
    assert np.abs(picture[16] - SHADES).max() < 10


@pytest.mark.parametrize(
    ("centre", "width", "shade"), [("0", "1e300", 127.5), ("1e300", "10", 0), ("-1e300", "10", 255)]
)
def test_a_window_far_beyond_the_values_shows_one_shade(centre: str, width: str, shade: float) -> None:
    assert nearly(shown(with_texts(ramp(0, 2550, "u2"), WindowCenter=centre, WindowWidth=width)), shade)


def with_texts(frame: np.ndarray, **values: str) -> bytes:
    """An object with decimal strings that pydicom would not write."""
    part10 = array_object(frame, **dict.fromkeys(values, "1.25"))
    for keyword, value in values.items():
        tag = pack("<HH", tag_for_keyword(keyword) >> 16, tag_for_keyword(keyword) & 0xFFFF)
        content = value.encode() + b" " * (len(value) % 2)
        part10 = part10.replace(tag + b"DS\4\x001.25", tag + b"DS" + pack("<H", len(content)) + content)
    return part10


@pytest.mark.parametrize("stored", [10, 12, 14])
def test_bits_above_the_stored_ones_are_not_shown(stored: int) -> None:
    top = 2**stored - 1
    frame = ramp(0, top, "u2") | (1 << stored)
    picture = shown(array_object(frame, BitsStored=stored, WindowCenter=top / 2 + 0.5, WindowWidth=top + 1))
    assert nearly(picture, SHADES)


def test_the_sign_of_twelve_stored_bits_is_extended() -> None:
    frame = ramp(-2048, 2047, "i2") & 0x0FFF
    picture = shown(array_object(frame, BitsStored=12, PixelRepresentation=1, WindowCenter=0, WindowWidth=4096))
    assert nearly(picture, SHADES)


def test_stored_bits_may_start_above_the_lowest() -> None:
    frame = ramp(0, 4095, "u2") << 4
    picture = shown(array_object(frame, BitsStored=12, HighBit=15, WindowCenter=2048, WindowWidth=4096))
    assert nearly(picture, SHADES)


def test_a_window_is_in_units_after_rescaling() -> None:
    frame = ramp(0, 2550, "u2")
    rescaled = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1550, "WindowWidth": 5101}
    assert nearly(shown(array_object(frame, **rescaled)), SHADES)


@pytest.mark.parametrize(
    ("slope", "intercept", "low"),
    [("NaN", "-1000", -1000), ("text", "-1000", -1000), ("0", "-1000", -1000), ("1", "NaN", 0), ("NaN", "NaN", 0)],
)
def test_what_is_no_number_in_a_rescale_changes_nothing(slope: str, intercept: str, low: int) -> None:
    window = {"WindowCenter": f"{low + 1275.5}", "WindowWidth": "2551"}
    part10 = with_texts(ramp(0, 2550, "u2"), RescaleSlope=slope, RescaleIntercept=intercept, **window)
    assert nearly(shown(part10), SHADES)


@pytest.mark.parametrize("slope", [0.001, 0.5])
def test_a_window_over_values_closer_than_whole_numbers(slope: float) -> None:
    """LINEAR counts whole numbers: taken by the word, a window of one over fractions would be a threshold."""
    window = {"WindowCenter": 500.5 * slope, "WindowWidth": 1001 * slope}
    picture = shown(array_object(ramp(0, 1000, "u2"), RescaleSlope=slope, RescaleIntercept=0, **window))
    assert nearly(picture, ramp(0, 1000, "u2") * 0.255)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", ""])
@pytest.mark.parametrize(("centre", "width"), [(0.5, 1.0), (1.0, 2.0)])
def test_a_window_over_floats_has_no_half_steps(function: str, centre: float, width: float) -> None:
    values = np.tile(np.linspace(0, width, 256, dtype="f4"), (32, 1))
    picture = shown(
        image_object(
            values.tobytes(),
            pixel_keyword="FloatPixelData",
            BitsAllocated=32,
            Rows=32,
            Columns=256,
            WindowCenter=centre,
            WindowWidth=width,
            VOILUTFunction=function,
        )
    )
    assert nearly(picture, SHADES)


def test_the_first_of_several_windows_counts() -> None:
    frame = ramp(0, 2550, "u2")
    picture = shown(array_object(frame, WindowCenter=[1275.5, 40], WindowWidth=[2551, 400]))
    assert nearly(picture, SHADES)


def test_a_requested_window_goes_first() -> None:
    frame = ramp(0, 2550, "u2")
    wanted = PictureRequest(size=2048, quality=100, window=(1275.5, 2551))
    assert nearly(shown(array_object(frame, WindowCenter=40, WindowWidth=400), wanted), SHADES)


@pytest.mark.parametrize(("centre", "width"), [(0.5, 0.5), (0.25, 0.1), (0.5, 1e-6)])
def test_a_window_narrower_than_one_spreads_fractions(centre: float, width: float) -> None:
    values = np.tile(np.linspace(0, 1, 256, dtype="f4"), (32, 1))
    picture = shown(
        image_object(
            values.tobytes(),
            pixel_keyword="FloatPixelData",
            BitsAllocated=32,
            Rows=32,
            Columns=256,
            WindowCenter=centre,
            WindowWidth=width,
        )
    )
    expected = np.clip((values[0] - (centre - width / 2)) / width, 0, 1) * 255
    steep = np.abs(np.gradient(expected)) > 8
    assert nearly(picture[:, ~steep], expected[~steep], tolerance=14)


def test_a_window_of_width_one_is_a_threshold() -> None:
    picture = shown(array_object(ramp(0, 255, "u1"), WindowCenter=128, WindowWidth=1))
    assert nearly(picture[:, :120], 0, tolerance=6)
    assert nearly(picture[:, 136:], 255, tolerance=6)


@pytest.mark.parametrize("width", [0, -5, ""])
def test_a_window_without_width_is_no_window(width: object) -> None:
    picture = shown(array_object(ramp(0, 255, "u1"), WindowCenter=128, WindowWidth=width))
    assert nearly(picture, SHADES)


def test_sigmoid_and_linear_exact_functions() -> None:
    frame = ramp(0, 1000, "u2")
    centred = {"WindowCenter": 500, "WindowWidth": 500}
    sigmoid = shown(array_object(frame, VOILUTFunction="SIGMOID", **centred))
    exact = shown(array_object(frame, VOILUTFunction="LINEAR_EXACT", **centred))
    values = frame[0].astype(float)
    assert nearly(sigmoid, 255 / (1 + np.exp(-4 * (values - 500) / 500)))
    assert nearly(exact, np.clip((values - 250) / 500, 0, 1) * 255)


def lut_item(first: int, entries: list[int], bits: int, vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries), first, bits])
    item.add_new("LUTData", "OW", np.array(entries, "<u2").tobytes())
    return item


def test_a_voi_lut_maps_values_and_clamps_beyond_its_ends() -> None:
    lut = lut_item(100, [4095 - 41 * step for step in range(100)], 12)
    picture = shown(array_object(ramp(0, 255, "u2"), VOILUTSequence=Sequence([lut])))
    expected = (4095 - 41 * np.clip(SHADES - 100, 0, 99)) * 255 / 4095
    assert nearly(picture, expected, tolerance=4)


SIGNED_TWELVE, UNSIGNED_TWELVE = {"BitsStored": 12, "PixelRepresentation": 1}, {"BitsStored": 12}
RESCALED = {"BitsStored": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}


@pytest.mark.parametrize(
    ("attributes", "first", "vr", "syntax"),
    [
        (SIGNED_TWELVE, -1024, "SS", ImplicitVRLittleEndian),
        (SIGNED_TWELVE, -1024, "SS", ExplicitVRLittleEndian),
        (SIGNED_TWELVE, -1024, "SS", ExplicitVRBigEndian),
        (SIGNED_TWELVE, -1024 & 0xFFFF, "US", ExplicitVRLittleEndian),
        (RESCALED, -1024, "SS", ImplicitVRLittleEndian),
        (RESCALED, -1024, "SS", ExplicitVRLittleEndian),
        (RESCALED, -1024 & 0xFFFF, "US", ExplicitVRLittleEndian),
        ({"RescaleSlope": 1, "RescaleIntercept": -1024}, -1024, "SS", ImplicitVRLittleEndian),
        (UNSIGNED_TWELVE, -1024, "SS", ExplicitVRLittleEndian),
    ],
)
def test_a_voi_lut_may_begin_below_zero(attributes: dict[str, int], first: int, vr: str, syntax: str) -> None:
    """By sign or by rescale (PS3.3 C.11.2.1.1), also over frames that hold no such value."""
    entries = np.clip((np.arange(4096) - 1024) * 257, 0, 65535).tolist()
    frame = ramp(0, 255, "u2") + (1024 if "RescaleIntercept" in attributes else 0)
    lut = lut_item(first, entries, 16, vr)
    assert nearly(shown(array_object(frame, syntax, VOILUTSequence=Sequence([lut]), **attributes)), SHADES)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 1, "RescaleIntercept": 0}])
def test_a_voi_lut_may_begin_above_half_of_the_unsigned_values(syntax: str, rescale: dict[str, int]) -> None:
    lut = lut_item(40000, [257 * shade for shade in range(256)], 16)
    frame = ramp(40000, 40255, "u2")
    assert nearly(shown(array_object(frame, syntax, VOILUTSequence=Sequence([lut]), **rescale)), SHADES)


@pytest.mark.parametrize("bits", [0, 16, 65535])
def test_the_width_of_a_lut_is_not_believed_beyond_its_words(bits: int) -> None:
    lut = lut_item(0, [257 * shade for shade in range(256)], bits)
    assert nearly(shown(array_object(ramp(0, 255, "u2"), VOILUTSequence=Sequence([lut]))), SHADES)
    dark = lut_item(0, [0] * 256, bits)
    assert nearly(shown(array_object(ramp(0, 255, "u2"), VOILUTSequence=Sequence([dark]))), 0)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_modality_lut_may_begin_below_zero(syntax: str) -> None:
    lut = lut_item(-128, [257 * shade for shade in range(256)], 16, "SS")
    window = {"WindowCenter": 32768, "WindowWidth": 65536}
    frame = ramp(-128, 127, "i2")
    assert nearly(shown(array_object(frame, syntax, ModalityLUTSequence=Sequence([lut]), **window)), SHADES)


@pytest.mark.parametrize("dtype", ["u4", "i4", "u8", "i8"])
def test_wide_values_are_looked_up(dtype: str) -> None:
    lut = lut_item(0, [257 * shade for shade in range(256)], 16)
    assert nearly(shown(array_object(ramp(0, 255, dtype), VOILUTSequence=Sequence([lut]))), SHADES)


def test_a_modality_lut_comes_before_the_window() -> None:
    lut = lut_item(0, [2 * value for value in range(256)], 16)
    picture = shown(
        array_object(ramp(0, 255, "u2"), ModalityLUTSequence=Sequence([lut]), WindowCenter=255.5, WindowWidth=511)
    )
    assert nearly(picture, SHADES)


@pytest.mark.parametrize(("relationship", "inverted"), [("LOG", False), ("LIN", True)])
def test_the_modality_lut_of_a_logarithmic_angiogram_is_not_shown(relationship: str, inverted: bool) -> None:
    lut = lut_item(0, [255 - value for value in range(256)], 16)
    picture = shown(
        array_object(
            ramp(0, 255, "u2"),
            SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1",
            PixelIntensityRelationship=relationship,
            ModalityLUTSequence=Sequence([lut]),
            WindowCenter=128,
            WindowWidth=256,
        )
    )
    assert nearly(picture, 255 - SHADES if inverted else SHADES)


def test_one_bit_frames_follow_each_other_without_padding() -> None:
    frames = np.zeros((3, 15, 15), bool)
    frames[1, 4:11, 4:11] = True
    pixels = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    part10 = image_object(pixels, BitsAllocated=1, Rows=15, Columns=15, NumberOfFrames=3)
    assert nearly(shown(part10), frames[1] * 255, tolerance=8)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_floats_with_what_is_no_number_black(keyword: str, dtype: str) -> None:
    values = np.tile(np.linspace(-3.5, 4.5, 256, dtype=dtype), (32, 1))
    values[:, :64] = np.nan
    part10 = image_object(
        values.tobytes(), pixel_keyword=keyword, BitsAllocated=int(dtype[1]) * 8, Rows=32, Columns=256
    )
    picture = shown(part10)
    assert nearly(picture[:, :56], 0)
    assert picture[:, 72].mean() < 50
    assert picture[:, 250].mean() > 225


def functional_groups(macro: str, values: list[dict[str, float]]) -> Sequence:
    groups = []
    for each in values:
        item, group = Dataset(), Dataset()
        for keyword, value in each.items():
            setattr(item, keyword, value)
        setattr(group, macro, Sequence([item]))
        groups.append(group)
    return Sequence(groups)


def test_windows_and_rescaling_of_functional_groups() -> None:
    frames = np.stack([ramp(0, 2550, "u2")] * 3)
    windows = [{"WindowCenter": 40, "WindowWidth": 80}, {"WindowCenter": 4551, "WindowWidth": 5101}]
    shared = [{"RescaleSlope": 2, "RescaleIntercept": 2000}]
    part10 = image_object(
        frames.tobytes(),
        BitsAllocated=16,
        Rows=32,
        Columns=256,
        NumberOfFrames=3,
        SharedFunctionalGroupsSequence=functional_groups("PixelValueTransformationSequence", shared),
        PerFrameFunctionalGroupsSequence=functional_groups("FrameVOILUTSequence", windows),
    )
    assert nearly(shown(part10), SHADES)
    assert nearly(shown(part10, PictureRequest(size=2048, quality=100, frame=1)), 255)


def test_overlays_in_unused_bits_are_left_out() -> None:
    frame = ramp(0, 4095, "u2")
    frame[10:20, 10:20] |= 0x1000
    picture = shown(array_object(frame, BitsStored=12, WindowCenter=2048, WindowWidth=4096), FINEST)
    assert nearly(picture, SHADES)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
@pytest.mark.parametrize("close_together", [True, False])
def test_levels_are_shaded_alike_one_by_one_and_all_at_once(dtype: str, close_together: bool) -> None:
    ends = np.iinfo(dtype)
    values = [ends.min, ends.min + 1, ends.min + 3] * 4 if close_together else [ends.min, ends.max, ends.max // 2]

    shades = by_level(np.array(values, dtype), lambda levels: np.where(levels == max(values), 255, 0).astype("u1"))

    assert shades.tolist() == [255 if value == max(values) else 0 for value in values]
