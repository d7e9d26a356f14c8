"""Every transfer syntax shows what was encoded, in full and at a reduced size (PS3.5 Annex A.4)."""

import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_service.exams.pictures.decoding.codecs import DECODERS
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import array_object, compressed_object, image_object, nearly, shown

COMPRESSED = "1.2.840.10008.1.2.4."
RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


def hills(top: int, dtype: str) -> np.ndarray:
    """A smooth frame of 192 rows and 320 columns with values from 0 to about `top`."""
    rows, columns = np.mgrid[0:192, 0:320]
    heights = (np.sin(columns / 40) * np.cos(rows / 30) + 1) / 2
    return (heights * top).round().astype(dtype)


def rle(array: np.ndarray) -> bytes:
    """One RLE segment for each byte of each sample, the most significant first, as literal runs (PS3.5 Annex G)."""
    planes = np.atleast_3d(array).transpose(2, 0, 1)
    size = array.dtype.itemsize
    segments = []
    for plane in planes:
        column = plane.astype(plane.dtype.newbyteorder(">")).tobytes()
        for byte in range(size):
            raw = column[byte::size]
            segments.append(
                b"".join(bytes([len(raw[at : at + 128]) - 1]) + raw[at : at + 128] for at in range(0, len(raw), 128))
            )
    offsets = np.cumsum([64] + [len(segment) for segment in segments])[:-1]
    header = np.zeros(16, "<u4")
    header[0], header[1 : len(segments) + 1] = len(segments), offsets
    return header.tobytes() + b"".join(segments)


def pillow_jpeg(array: np.ndarray, **options: object) -> bytes:
    target = BytesIO()
    Image.fromarray(array).save(target, "JPEG", quality=100, subsampling=0, **options)
    return target.getvalue()


def jpeg_2000(array: np.ndarray, **options: object) -> bytes:
    return imagecodecs.jpeg2k_encode(array, codecformat="j2k", **options)


GREY8, GREY12, GREY16 = hills(255, "u1"), hills(4095, "u2"), hills(65535, "u2")
COLOUR = np.stack([hills(255, "u1"), 255 - hills(255, "u1"), hills(127, "u1")], axis=-1)

GREY = {
    "baseline": (COMPRESSED + "50", GREY8, pillow_jpeg(GREY8)),
    "progressive": (COMPRESSED + "55", GREY8, pillow_jpeg(GREY8, progressive=True)),
    "extended 12 bits": (COMPRESSED + "51", GREY12, imagecodecs.jpeg8_encode(GREY12, level=100, bitspersample=12)),
    "extended 8 bits": (COMPRESSED + "51", GREY8, pillow_jpeg(GREY8)),
    "lossless": (COMPRESSED + "57", GREY16, imagecodecs.ljpeg_encode(GREY16, bitspersample=16)),
    "lossless first order": (COMPRESSED + "70", GREY12, imagecodecs.ljpeg_encode(GREY12, bitspersample=12)),
    "jpeg-ls": (COMPRESSED + "80", GREY16, imagecodecs.jpegls_encode(GREY16)),
    "jpeg-ls near lossless": (COMPRESSED + "81", GREY12, imagecodecs.jpegls_encode(GREY12, level=2)),
    "jpeg 2000 lossless": (COMPRESSED + "90", GREY16, jpeg_2000(GREY16)),
    "jpeg 2000": (
        COMPRESSED + "91",
        GREY12,
        jpeg_2000(GREY12, level=100, reversible=False),
    ),
    "jpeg 2000 in a JP2 file": (COMPRESSED + "90", GREY8, imagecodecs.jpeg2k_encode(GREY8, codecformat="jp2")),
    "htj2k lossless": (COMPRESSED + "201", GREY16, imagecodecs.htj2k_encode(GREY16, reversible=True)),
    "htj2k": (COMPRESSED + "203", GREY12, imagecodecs.htj2k_encode(GREY12, level=1e-4, reversible=False)),
    "jpeg xl lossless": (COMPRESSED + "110", GREY16, imagecodecs.jpegxl_encode(GREY16, lossless=True)),
    "jpeg xl": (COMPRESSED + "112", GREY8, imagecodecs.jpegxl_encode(GREY8, distance=0.5)),
    "rle": (RLE, GREY16, rle(GREY16)),
    "deflated frame": (DEFLATED_FRAMES, GREY16, zlib.compress(GREY16.tobytes(), wbits=-15)),
    "encapsulated uncompressed": (ENCAPSULATED_UNCOMPRESSED, GREY16, GREY16.tobytes()),
}


def stored_and_windowed(array: np.ndarray) -> dict[str, float]:
    bits = max(8, int(array.max()).bit_length())
    return {"BitsStored": bits, "WindowCenter": 2**bits / 2, "WindowWidth": 2**bits}


@pytest.mark.parametrize("name", GREY)
def test_grey_frames(name: str) -> None:
    syntax, array, stream = GREY[name]
    part10 = compressed_object(array, stream, syntax, **stored_and_windowed(array))
    top = 2 ** stored_and_windowed(array)["BitsStored"] - 1
    assert nearly(shown(part10), array * (255.0 / top), tolerance=6)


@pytest.mark.parametrize("name", GREY)
def test_grey_frames_at_a_small_size(name: str) -> None:
    syntax, array, stream = GREY[name]
    part10 = compressed_object(array, stream, syntax, **stored_and_windowed(array))
    picture = shown(part10, PictureRequest(size=64, quality=100))
    top = 2 ** stored_and_windowed(array)["BitsStored"] - 1
    expected = np.asarray(Image.fromarray((array * (255.0 / top)).astype("f4")).resize((64, 38), Image.Resampling.BOX))
    assert picture.shape == (38, 64)
    assert np.abs(picture - expected).mean() < 4


@pytest.mark.parametrize("syntax", sorted(DECODERS))
def test_every_syntax_of_the_table_refuses_nonsense(syntax: str, caplog: pytest.LogCaptureFixture) -> None:
    part10 = compressed_object(GREY16, b"\x12\x34" * 40, syntax)
    assert draw_picture(part10, PictureRequest()).placeholder
    assert len(caplog.records) == 1


COLOURS = {
    "baseline, JFIF": (COMPRESSED + "50", "YBR_FULL_422", pillow_jpeg(COLOUR)),
    "baseline, JFIF, but called RGB": (COMPRESSED + "50", "RGB", pillow_jpeg(COLOUR)),
    "baseline in RGB": (COMPRESSED + "50", "RGB", pillow_jpeg(COLOUR, keep_rgb=True)),
    "lossless in RGB": (
        COMPRESSED + "70",
        "RGB",
        imagecodecs.jpeg8_encode(COLOUR, lossless=True, colorspace="RGB", outcolorspace="RGB"),
    ),
    "jpeg-ls": (COMPRESSED + "80", "RGB", imagecodecs.jpegls_encode(COLOUR)),
    "jpeg 2000 RCT": (COMPRESSED + "90", "YBR_RCT", jpeg_2000(COLOUR, mct=True)),
    "jpeg 2000 ICT": (
        COMPRESSED + "91",
        "YBR_ICT",
        jpeg_2000(COLOUR, level=60, reversible=False),
    ),
    "jpeg 2000 without transform": (
        COMPRESSED + "90",
        "RGB",
        jpeg_2000(COLOUR, mct=False),
    ),
    "htj2k RCT": (COMPRESSED + "201", "YBR_RCT", imagecodecs.htj2k_encode(COLOUR, reversible=True)),
    "jpeg xl": (COMPRESSED + "110", "RGB", imagecodecs.jpegxl_encode(COLOUR, lossless=True)),
    "rle": (RLE, "RGB", rle(COLOUR)),
}


@pytest.mark.parametrize("name", COLOURS)
def test_colour_frames(name: str) -> None:
    syntax, photometric, stream = COLOURS[name]
    part10 = compressed_object(COLOUR, stream, syntax, PhotometricInterpretation=photometric)
    assert nearly(shown(part10), COLOUR, tolerance=8)


@pytest.mark.parametrize("size", [64, 2048])
def test_a_jpeg_whose_end_marker_is_lost_is_shown(size: int) -> None:
    syntax, array, stream = GREY["baseline"]
    wanted = PictureRequest(size=size, quality=100)
    whole, without = (shown(compressed_object(array, each, syntax), wanted) for each in (stream, stream[:-2] + b"\0\0"))
    assert (whole == without).all()


def test_colours_of_a_jpeg_that_says_nothing_are_as_the_object_says() -> None:
    marked = pillow_jpeg(COLOUR, keep_rgb=True)
    adobe = marked.index(b"\xff\xee")
    silent = marked[:adobe] + marked[adobe + 16 :]
    frame_header = silent.index(b"\xff\xc0") + 10
    silent = bytearray(silent)
    for component in range(3):
        at = silent.index(bytes([silent[frame_header + 3 * component]]), silent.index(b"\xff\xda") + 5 + 2 * component)
        silent[frame_header + 3 * component] = silent[at] = component + 1
    part10 = compressed_object(COLOUR, bytes(silent), COMPRESSED + "50", PhotometricInterpretation="RGB")
    assert nearly(shown(part10), COLOUR, tolerance=8)


@pytest.mark.parametrize("syntax", [COMPRESSED + "57", COMPRESSED + "80", COMPRESSED + "201"])
def test_codecs_without_a_sign_get_it_extended(syntax: str) -> None:
    signed = hills(4095, "i2") - 2048
    encoders = {"57": imagecodecs.ljpeg_encode, "80": imagecodecs.jpegls_encode, "201": imagecodecs.htj2k_encode}
    stream = encoders[syntax.removeprefix(COMPRESSED)]((signed & 0x0FFF).astype("u2"))
    part10 = compressed_object(signed, stream, syntax, BitsStored=12, WindowCenter=0, WindowWidth=4096)
    assert nearly(shown(part10), (signed + 2048.0) * 255 / 4095, tolerance=4)


@pytest.mark.parametrize("size", [64, 2048])
def test_signed_values_in_a_codestream_that_calls_them_unsigned(size: int) -> None:
    signed = np.where(hills(4095, "i2") > 2048, 40, -1000).astype("i2")
    stream = jpeg_2000((signed & 0x0FFF).astype("u2"))
    part10 = compressed_object(signed, stream, COMPRESSED + "90", BitsStored=12, WindowCenter=0, WindowWidth=4096)
    picture = shown(part10, PictureRequest(size=size, quality=100))
    assert picture.min() > 55
    assert picture.max() < 140


def test_high_values_do_not_wrap_when_averaged() -> None:
    frame = np.zeros((512, 512), "u2")
    frame[100:400, 100:400] = 4095
    stream = jpeg_2000(frame)
    part10 = compressed_object(frame, stream, COMPRESSED + "90", BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    picture = shown(part10, PictureRequest(size=128, quality=100))
    assert picture[30:95, 30:95].min() > 230
    assert picture[:20].max() < 25


def test_signed_jpeg_2000() -> None:
    signed = hills(4095, "i2") - 2048
    stream = jpeg_2000(signed)
    part10 = compressed_object(signed, stream, COMPRESSED + "90", BitsStored=12, WindowCenter=0, WindowWidth=4096)
    assert nearly(shown(part10), (signed + 2048.0) * 255 / 4095, tolerance=4)


@pytest.mark.parametrize(
    ("syntax", "stream"),
    [
        (COMPRESSED + "80", imagecodecs.jpegls_encode(GREY8)),
        (COMPRESSED + "90", jpeg_2000(GREY8)),
        (COMPRESSED + "110", imagecodecs.jpegxl_encode(GREY8, lossless=True)),
    ],
)
def test_a_stream_of_eight_bits_for_samples_of_sixteen(syntax: str, stream: bytes) -> None:
    part10 = compressed_object(GREY8.astype("u2"), stream, syntax, BitsStored=8)
    assert nearly(shown(part10), GREY8)


def test_a_stream_of_one_bit() -> None:
    mask = (GREY8 > 128).astype("u1")
    stream = jpeg_2000(mask, bitspersample=1)
    part10 = compressed_object(mask, stream, COMPRESSED + "90", BitsStored=1)
    assert nearly(shown(part10).mean(), 255 * mask.mean())


def test_a_deflated_object() -> None:
    part10 = array_object(GREY16, DeflatedExplicitVRLittleEndian, WindowCenter=32768, WindowWidth=65536)
    assert nearly(shown(part10), GREY16 / 257)


@pytest.mark.parametrize("offsets", ["basic", "extended", "none"])
@pytest.mark.parametrize("fragments", [1, 3])
def test_the_wanted_frame_whatever_the_offset_table(offsets: str, fragments: int) -> None:
    frames = [np.full((48, 64), shade, "u1") for shade in (20, 90, 160, 230)]
    streams = [pillow_jpeg(frame) for frame in frames]
    attributes: dict[str, object] = {}
    if offsets == "extended":
        pixels, attributes["ExtendedOffsetTable"], attributes["ExtendedOffsetTableLengths"] = encapsulate_extended(
            streams
        )
    else:
        pixels = encapsulate(streams, fragments_per_frame=fragments, has_bot=offsets == "basic")
    part10 = image_object(pixels, COMPRESSED + "50", Rows=48, Columns=64, NumberOfFrames=4, **attributes)
    for number, shade in enumerate((20, 90, 160, 230), start=1):
        wanted = PictureRequest(size=2048, quality=100, frame=number, window=(128, 256))
        assert nearly(shown(part10, wanted), shade)
    assert nearly(shown(part10, PictureRequest(size=2048, quality=100, window=(128, 256))), 160)
