"""Objects that are broken or hostile get a placeholder and one line in the log, never an error or much memory."""

import logging
import random
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import array_object, compressed_object, image_object, nearly, opened, ramp, shown
from tests.unit.pictures.test_codecs import COMPRESSED, GREY, GREY16

GOOD = array_object(ramp(0, 4000, "u2", rows=256))


def assert_refused(part10: bytes, caplog: pytest.LogCaptureFixture, frame: int | None = None) -> None:
    caplog.clear()
    picture = draw_picture(part10, PictureRequest(frame=frame))
    assert picture.placeholder
    assert opened(picture.jpeg).size == (256, 256)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "\n" not in record.getMessage()
    assert "Secret" not in record.getMessage()
    assert not record.exc_info


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.999])
def test_of_truncated_pixels_what_is_there_is_drawn_and_grey_below(kept: float) -> None:
    cut = int(len(GOOD) * kept)
    rows = (cut - (len(GOOD) - 256 * 256 * 2)) // (256 * 2)
    whole, picture = shown(GOOD), shown(GOOD[:cut])
    assert picture.shape == whole.shape
    assert nearly(picture[: rows - 8], whole[: rows - 8], 6)
    assert nearly(picture[rows + 8 :], 128, 6)


def test_pixels_that_end_before_their_first_row_are_none(caplog: pytest.LogCaptureFixture) -> None:
    assert_refused(GOOD[: len(GOOD) - 256 * 256 * 2 + 500], caplog)


def test_a_truncated_frame_of_a_few_bytes_takes_no_memory() -> None:
    part10 = array_object(np.zeros((64, 8192), "u1"), Rows=16384, Columns=8192)
    tracemalloc.start()
    assert not draw_picture(part10, PictureRequest()).placeholder
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


SHOWN_IN_PART = {"baseline", "extended 8 bits", "progressive"}
"""libjpeg decodes what there is of them, and is grey below."""


@pytest.mark.parametrize("name", sorted(SHOWN_IN_PART))
def test_of_a_truncated_jpeg_what_is_there_is_drawn(name: str) -> None:
    syntax, array, stream = GREY[name]
    part = shown(compressed_object(array, stream[: len(stream) // 2], syntax))
    whole = shown(compressed_object(array, stream, syntax))
    assert np.corrcoef(part[:32].ravel(), whole[:32].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("name", sorted(set(GREY) - SHOWN_IN_PART - {"encapsulated uncompressed", "deflated frame"}))
def test_truncated_compressed_pixels(name: str, caplog: pytest.LogCaptureFixture) -> None:
    syntax, array, stream = GREY[name]
    assert_refused(compressed_object(array, stream[: len(stream) // 2], syntax), caplog)


@pytest.mark.parametrize("nonsense", [b"", b"DICM", b"\0" * 1000, b"<html>not here</html>" * 50, bytes(range(256)) * 8])
def test_bytes_that_are_no_object(nonsense: bytes) -> None:
    assert draw_picture(nonsense, PictureRequest()).placeholder


@pytest.mark.parametrize(
    "attributes",
    [
        {"Rows": 0},
        {"Columns": None},
        {"SamplesPerPixel": 7},
        {"BitsAllocated": 25},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"Rows": 65535, "Columns": 65535},
    ],
)
def test_layouts_that_the_data_does_not_bear_out(
    attributes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    assert_refused(array_object(ramp(0, 4000, "u2"), **attributes), caplog)


@pytest.mark.parametrize(
    "stream",
    [
        b"\xff\xd8\xff\xc0"
        + struct.pack(">HBHHB", 11, 8, 65000, 65000, 1)
        + b"\x01\x11\x00"
        + b"\0" * 40
        + b"\xff\xd9",
        b"\xff\x4f\xff\x51"
        + struct.pack(">HH8IH", 41, 0, 60000, 60000, 0, 0, 60000, 60000, 0, 0, 1)
        + b"\x0f\1\1" * 30,
    ],
)
@pytest.mark.parametrize("syntax", [COMPRESSED + "50", COMPRESSED + "90", COMPRESSED + "201"])
def test_streams_that_declare_far_more_than_the_object(
    stream: bytes, syntax: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert_refused(compressed_object(GREY16, stream, syntax), caplog)


def test_streams_of_another_shape_than_declared_do_not_take_memory(caplog: pytest.LogCaptureFixture) -> None:
    blank = np.zeros((8192, 8192), "u2")
    for syntax, encoder in (
        (COMPRESSED + "110", imagecodecs.jpegxl_encode),
        (COMPRESSED + "80", imagecodecs.jpegls_encode),
    ):
        part10 = compressed_object(np.zeros((16, 16), "u2"), encoder(blank), syntax)
        tracemalloc.start()
        assert_refused(part10, caplog)
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()


def test_an_object_that_inflates_without_end(caplog: pytest.LogCaptureFixture) -> None:
    head = array_object(np.zeros((4, 4), "u1"), DeflatedExplicitVRLittleEndian)
    start = head.index(DeflatedExplicitVRLittleEndian.encode())
    (group_length,) = struct.unpack_from("<I", head, 140)
    squeeze = zlib.compressobj(1, wbits=-15)
    element = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 0x7FFFFFF0)
    bomb = squeeze.compress(element) + b"".join(squeeze.compress(bytes(2**24)) for _ in range(17)) + squeeze.flush()
    assert start < 144 + group_length
    assert_refused(head[: 144 + group_length] + bomb, caplog)


@pytest.mark.parametrize(
    ("count", "offsets"),
    [(0, [64, 100]), (2, [64, 2**31]), (2, [0, 64]), (2, [100, 64]), (15, [64] * 15), (2**32 - 1, [64])],
)
def test_rle_headers_that_point_elsewhere(count: int, offsets: list[int], caplog: pytest.LogCaptureFixture) -> None:
    stream = GREY["rle"][2]
    header = struct.pack("<16I", count, *offsets, *[0] * (15 - len(offsets)))
    assert_refused(compressed_object(GREY16, header + stream[64:], "1.2.840.10008.1.2.5"), caplog)
    assert_refused(compressed_object(GREY16, header[:30], "1.2.840.10008.1.2.5"), caplog)


def test_a_missing_frame_in_the_fragments(caplog: pytest.LogCaptureFixture) -> None:
    """The middle one of those that are there is shown, and the last one declared cannot be."""
    stream = imagecodecs.jpegls_encode(GREY16)
    part10 = image_object(
        encapsulate([stream]), COMPRESSED + "80", Rows=192, Columns=320, BitsAllocated=16, NumberOfFrames=9
    )
    assert not draw_picture(part10, PictureRequest()).placeholder
    assert_refused(part10, caplog, frame=9)


def test_an_unknown_transfer_syntax(caplog: pytest.LogCaptureFixture) -> None:
    """What begins as streams of a known codec do is one; nothing else is guessed."""
    stream = imagecodecs.jpegls_encode(GREY16)
    known = compressed_object(GREY16, stream, COMPRESSED + "80")
    assert nearly(shown(known.replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.89")), shown(known))
    nonsense = compressed_object(GREY16, b"nonsense" * 1000, COMPRESSED + "80")
    assert_refused(nonsense.replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.89"), caplog)


@pytest.mark.parametrize("frames", [2, 3, 2**31 - 1])
def test_more_native_frames_are_declared_than_there_are(frames: int, caplog: pytest.LogCaptureFixture) -> None:
    array = ramp(0, 4000, "u2")
    part10 = array_object(array, NumberOfFrames=frames)
    assert nearly(shown(part10), shown(array_object(array)))
    assert_refused(part10, caplog, frame=2)


@pytest.mark.parametrize("seed", range(8))
def test_bytes_changed_at_random_never_raise(seed: int) -> None:
    chance = random.Random(seed)
    syntax, array, stream = list(GREY.values())[seed % len(GREY)]
    for original in (GOOD, compressed_object(array, stream, syntax)):
        for _ in range(25):
            changed = bytearray(original)
            for _ in range(chance.randint(1, 12)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            opened(draw_picture(bytes(changed), PictureRequest(size=64)).jpeg)


def test_many_threads_draw_the_same_pictures() -> None:
    objects = [GOOD, *(compressed_object(array, stream, syntax) for syntax, array, stream in GREY.values())]
    alone = [draw_picture(each, PictureRequest()) for each in objects]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: draw_picture(each, PictureRequest()), objects * 4))
    assert together == alone * 4
