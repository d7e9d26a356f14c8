"""Colour bars in every colour space (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2)."""

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.shading.palette import expand_segments
from tests.unit.pictures.synthetic import array_object, image_object, nearly, shown

COLOURS = np.array(
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (255, 255, 255), (0, 0, 0)],
    "u1",
)
BARS = np.repeat(COLOURS, 16, axis=0)[None].repeat(48, axis=0)
INNER = np.tile(np.arange(16) // 4 % 3 == 1, 8)
"""Columns far enough from an edge that the chroma of a JPEG does not bleed into them."""


def as_ybr(rgb: np.ndarray) -> np.ndarray:
    """PS3.3 C.7.6.3.1.2, YBR_FULL."""
    red, green, blue = (rgb[..., channel].astype(float) for channel in range(3))
    luminance = 0.2990 * red + 0.5870 * green + 0.1140 * blue
    blueness = -0.1687 * red - 0.3313 * green + 0.5000 * blue + 128
    redness = 0.5000 * red - 0.4187 * green - 0.0813 * blue + 128
    return np.stack([luminance, blueness, redness], axis=-1).round().clip(0, 255).astype("u1")


def assert_bars(picture: np.ndarray, tolerance: float = 6) -> None:
    assert picture.shape == BARS.shape
    assert nearly(picture[4:-4, INNER], BARS[4:-4, INNER], tolerance)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(("dtype", "factor"), [("u1", 1), ("u2", 257), ("u4", 16843009)])
def test_rgb(dtype: str, factor: int, planar: int, syntax: str) -> None:
    bars = BARS.astype(dtype) * np.array(factor, dtype)
    ordered = np.ascontiguousarray(bars.transpose(2, 0, 1)) if planar else bars
    pixels = ordered.astype(ordered.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
    part10 = image_object(
        pixels,
        syntax,
        Rows=48,
        Columns=128,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=planar,
        BitsAllocated=ordered.dtype.itemsize * 8,
        pixel_vr="OB" if dtype == "u1" else "OW",
    )
    assert_bars(shown(part10))


def test_bytes_written_as_big_endian_words() -> None:
    pixels = np.frombuffer(BARS.tobytes(), "<u2").astype(">u2").tobytes()
    part10 = image_object(
        pixels,
        ExplicitVRBigEndian,
        Rows=48,
        Columns=128,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        pixel_vr="OW",
    )
    assert_bars(shown(part10))


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full(planar: int) -> None:
    ybr = as_ybr(BARS)
    pixels = (ybr.transpose(2, 0, 1) if planar else ybr).tobytes()
    part10 = image_object(
        pixels,
        Rows=48,
        Columns=128,
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL",
        PlanarConfiguration=planar,
    )
    assert_bars(shown(part10))


def halved(ybr: np.ndarray) -> bytes:
    """Y1 Y2 Cb Cr for each two pixels."""
    pairs = ybr.reshape(48, 64, 2, 3)
    return np.concatenate([pairs[..., 0], pairs[:, :, 0, 1:]], axis=-1).tobytes()


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_ybr_with_half_the_chroma(photometric: str) -> None:
    ybr = as_ybr(BARS).astype(float)
    if photometric == "YBR_PARTIAL_422":
        ybr = ybr * (219 / 255, 224 / 255, 224 / 255) + (16, 128 - 128 * 224 / 255, 128 - 128 * 224 / 255)
    part10 = image_object(
        halved(ybr.round().astype("u1")),
        Rows=48,
        Columns=128,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation=photometric,
    )
    assert_bars(shown(part10), tolerance=8)


def test_the_second_frame_with_half_the_chroma() -> None:
    frames = halved(as_ybr(255 - BARS)) + halved(as_ybr(BARS))
    part10 = image_object(
        frames,
        Rows=48,
        Columns=128,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        NumberOfFrames=2,
        PhotometricInterpretation="YBR_FULL_422",
    )
    assert_bars(shown(part10, PictureRequest(size=2048, quality=100, frame=2)), tolerance=8)


def test_full_chroma_that_is_called_halved() -> None:
    part10 = image_object(
        as_ybr(BARS).tobytes(),
        Rows=48,
        Columns=128,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="YBR_FULL_422",
    )
    assert_bars(shown(part10))


def palette_attributes(entry_bits: int, first: int, order: str = "<") -> dict[str, object]:
    attributes: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for channel, name in enumerate(("Red", "Green", "Blue")):
        entries = COLOURS[:, channel]
        data = (entries.astype("u2") * 257).astype(f"{order}u2").tobytes() if entry_bits == 16 else entries.tobytes()
        if entry_bits == 8 and order == ">":
            data = np.frombuffer(data, "<u2").astype(">u2").tobytes()
        attributes[f"{name}PaletteColorLookupTableDescriptor"] = [len(entries), first, entry_bits]
        attributes[f"{name}PaletteColorLookupTableData"] = data
    return attributes


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("entry_bits", [8, 16])
@pytest.mark.parametrize(("dtype", "first"), [("u1", 0), ("u1", 20), ("u2", 1000)])
def test_palettes(dtype: str, first: int, entry_bits: int, syntax: str) -> None:
    indices = (np.arange(128) // 16 + first).astype(dtype)[None].repeat(48, axis=0)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    vr = {"pixel_vr": "OB"} if dtype == "u1" else {}
    assert_bars(shown(array_object(indices, syntax, **palette_attributes(entry_bits, first, order), **vr)))


def test_indices_beyond_the_palette_have_its_end_colours() -> None:
    indices = np.array([[0, 250]], "u1").repeat(32, axis=1).repeat(16, axis=0)
    picture = shown(array_object(indices, **palette_attributes(16, 10)))
    assert nearly(picture[:, 8], COLOURS[0], 6)
    assert nearly(picture[:, 56], COLOURS[-1], 6)


def test_a_large_palette_image_is_never_a_mixture_of_indices() -> None:
    rows = (np.arange(2048) // 256).astype("u1")
    indices = np.ascontiguousarray(rows[None].repeat(64, axis=0))
    picture = shown(array_object(indices, **palette_attributes(16, 0)), PictureRequest(size=256, quality=100))
    assert nearly(picture[:, 16::32], COLOURS, 8)


def test_segments_of_a_palette() -> None:
    discrete, linear = [0, 3, 10, 20, 30], [1, 4, 70]
    repeated = [2, 1, 0, 0]
    expanded = expand_segments(np.array(discrete + linear + repeated, "u2"), 10)
    assert expanded.tolist() == [10, 20, 30, 40, 50, 60, 70, 10, 20, 30]


def test_a_segmented_palette() -> None:
    attributes: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, last in (("Red", 65535), ("Green", 0), ("Blue", 65535)):
        attributes[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        segments = np.array([0, 1, 0, 1, 255, last], "<u2").tobytes()
        attributes[f"Segmented{name}PaletteColorLookupTableData"] = segments
    indices = np.arange(256, dtype="u1")[None].repeat(16, axis=0)
    picture = shown(array_object(indices, **attributes))
    assert nearly(picture[:, :, 0], np.arange(256), 5)
    assert nearly(picture[:, :, 1], 0, 5)


def test_upper_values_of_a_grey_image_may_have_colours() -> None:
    values = np.array([0, 500, 1000, 1003], "u2").repeat(16)[None].repeat(16, axis=0)
    attributes = palette_attributes(16, 1000) | {"PhotometricInterpretation": "MONOCHROME2"}
    picture = shown(array_object(values, PixelPresentation="COLOR", WindowCenter=500.5, WindowWidth=1001, **attributes))
    for column, colour in ((8, (0, 0, 0)), (24, (127, 127, 127)), (40, COLOURS[0]), (56, COLOURS[3])):
        assert nearly(picture[:, column], colour, 6)


def test_colours_of_a_tiny_picture_are_not_mixed() -> None:
    rows = np.array([[[166, 141, 52]] * 3, [[63, 87, 176]] * 3, [[158, 158, 158]] * 3], "u1")
    assert nearly(shown(array_object(rows), PictureRequest()), rows, tolerance=12)
