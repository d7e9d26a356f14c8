"""Pixel data that is not what the data set says of it, and is drawn all the same (PS3.5 section 8 and Annex A.4)."""

import struct
from collections.abc import Sequence

import imagecodecs
import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import FINEST, array_object, image_object, nearly, opened, ramp, shown
from tests.unit.pictures.test_codecs import COMPRESSED, GREY

RLE = "1.2.840.10008.1.2.5"
BASELINE = COMPRESSED + "50"
LOSSLESS_JPEG_LS = COMPRESSED + "80"
SHADES = ramp(0, 255, "u1", rows=32, columns=256)
FRAMES = [np.full((16, 16), shade, "u1") for shade in (40, 120, 200)]
ITEM = bytes.fromhex("feff00e0")


def items(*contents: bytes, table: bytes = b"") -> bytes:
    """A basic offset table and fragments; `image_object` writes the delimiter behind them."""
    padded = [each + b"\0" * (len(each) % 2) for each in contents]
    return b"".join(ITEM + struct.pack("<I", len(each)) + each for each in (table, *padded))


def frames_object(pixels: bytes, frames: int = len(FRAMES), syntax: str = LOSSLESS_JPEG_LS) -> bytes:
    return image_object(pixels, syntax, Rows=16, Columns=16, NumberOfFrames=frames, pixel_vr="OB")


def shade_of(part10: bytes, frame: int) -> float:
    picture = draw_picture(part10, PictureRequest(size=2048, frame=frame, quality=100, window=(128, 256)))
    assert not picture.placeholder
    return float(np.asarray(opened(picture.jpeg)).mean())


STREAMS = [imagecodecs.jpegls_encode(frame) for frame in FRAMES]
OFFSETS = [0, 8 + len(STREAMS[0]) + len(STREAMS[0]) % 2]
OFFSETS.append(OFFSETS[1] + 8 + len(STREAMS[1]) + len(STREAMS[1]) % 2)
HALVES = [part for stream in STREAMS for part in (stream[:16], stream[16:])]


def table_of(offsets: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(offsets)}I", *offsets)


@pytest.mark.parametrize(
    "pixels",
    [
        items(*STREAMS),
        items(*STREAMS, table=table_of(OFFSETS)),
        items(*STREAMS, table=table_of([0])),
        items(*STREAMS, table=table_of([0, 0, 0])),
        items(*STREAMS, table=table_of([*OFFSETS, 10_000])),
        items(*STREAMS, table=table_of([offset + 8 for offset in OFFSETS])),
        items(*STREAMS, table=table_of([offset + 20 for offset in OFFSETS])),
        items(*STREAMS, table=table_of([1, 2, 3])),
        items(*STREAMS, table=table_of([2**31, 2**31 + 1, 2**32 - 1])),
        items(*STREAMS, table=b"\0\0"),
        items(*HALVES),
        items(*HALVES, table=table_of([0, 0, 0])),
        items(*STREAMS, b""),
        items(b"", *STREAMS),
        items(*STREAMS)[8:],
    ],
    ids=[
        "no table",
        "a true table",
        "a table of one",
        "a table of zeros",
        "a table of one too many",
        "counted from the first value",
        "counted from elsewhere",
        "a table of nonsense",
        "a table that points out of the data",
        "half a table",
        "two fragments a frame",
        "two fragments a frame and zeros",
        "an empty fragment at the end",
        "an empty fragment at the beginning",
        "no item for the table",
    ],
)
def test_frames_are_found_by_a_true_table_or_by_the_fragments_themselves(pixels: bytes) -> None:
    part10 = frames_object(pixels)
    assert [round(shade_of(part10, frame)) for frame in (1, 2, 3)] == pytest.approx([40, 120, 200], abs=2)


def test_fewer_frames_are_there_than_declared() -> None:
    part10 = frames_object(items(*STREAMS), frames=5)
    assert shade_of(part10, 3) == pytest.approx(200, abs=2)
    assert draw_picture(part10, PictureRequest(frame=5)).placeholder
    assert not draw_picture(part10, PictureRequest()).placeholder


@pytest.mark.parametrize("number", ["0", "-1", "three", ""])
def test_a_number_of_frames_that_is_none_means_one(number: str) -> None:
    part10 = array_object(SHADES, NumberOfFrames="7777777")
    declared = b"IS\x08\x007777777 "
    assert declared in part10
    assert nearly(shown(part10.replace(declared, b"IS\x08\0" + number.encode().ljust(8))), shown(array_object(SHADES)))


@pytest.mark.parametrize("name", sorted(set(GREY) - {"encapsulated uncompressed", "deflated frame"}))
def test_a_frame_is_decoded_as_what_it_is_under_a_native_transfer_syntax(name: str) -> None:
    """A gateway that left the transfer syntax as it was, and the fragments where they were."""
    syntax, array, stream = GREY[name]
    shape = {"Rows": array.shape[0], "Columns": array.shape[1], "BitsAllocated": array.dtype.itemsize * 8}
    known = image_object(items(stream), syntax, **shape)
    assert nearly(
        shown(known.replace(syntax.encode(), b"1.2.840.10008.1.2.1".ljust(len(syntax), b"\0"), 1)), shown(known), 4
    )


@pytest.mark.parametrize("syntax", [BASELINE, RLE, LOSSLESS_JPEG_LS, COMPRESSED + "90"])
def test_native_pixels_under_a_compressed_transfer_syntax(syntax: str) -> None:
    native = array_object(SHADES)
    marked = (
        native.replace(b"1.2.840.10008.1.2.1\0", syntax.encode().ljust(20, b"\0"), 1) if len(syntax) <= 20 else None
    )
    if marked is None:
        meta = native.index(b"1.2.840.10008.1.2.1\0")
        padded = syntax.encode() + b"\0" * (len(syntax) % 2)
        grown = len(padded) - 20
        group_length = struct.unpack_from("<I", native, 140)[0] + grown
        marked = (
            native[:140]
            + struct.pack("<I", group_length)
            + native[144 : meta - 2]
            + struct.pack("<H", len(padded))
            + padded
            + native[meta + 20 :]
        )
    assert nearly(shown(marked), shown(native))


def packbits(data: bytes) -> bytes:
    return b"".join(bytes([len(data[at : at + 128]) - 1]) + data[at : at + 128] for at in range(0, len(data), 128))


def rle_frame(*segments: bytes) -> bytes:
    starts = [64]
    for segment in segments[:-1]:
        starts.append(starts[-1] + len(segment))
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(starts))) + b"".join(segments)


def rle_object(stream: bytes, array: np.ndarray, **attributes: object) -> bytes:
    shape = {"Rows": array.shape[0], "Columns": array.shape[1], "BitsAllocated": array.dtype.itemsize * 8}
    if array.ndim == 3:
        shape |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    return image_object(items(stream), RLE, **{**shape, **attributes})


@pytest.mark.parametrize("more", [b"\0", bytes(40), b"\x00\x07", b"\x05abcdef", b"\x80", b"\x80\x80"])
@pytest.mark.parametrize("kind", ["u1", "u2", "rgb"])
def test_rle_segments_longer_than_the_frame(more: bytes, kind: str) -> None:
    """Padding, or a literal run that goes on behind the last pixel (PS3.5 section G.3)."""
    array = SHADES[:, :33] if kind == "u1" else ramp(0, 60000, "u2", rows=32, columns=33)
    if kind == "rgb":
        array = np.stack([SHADES[:, :33], SHADES[:, 50:83], SHADES[:, 100:133]], axis=-1)
    octets = (
        [array[..., index] for index in range(3)]
        if kind == "rgb"
        else [array]
        if kind == "u1"
        else [array >> 8, array & 255]
    )
    segments = [packbits(each.astype("u1").tobytes()) + more for each in octets]
    attributes = (
        {}
        if kind == "rgb"
        else {"WindowCenter": 128 if kind == "u1" else 30000, "WindowWidth": 256 if kind == "u1" else 60000}
    )
    assert nearly(
        shown(rle_object(rle_frame(*segments), array, **attributes)), shown(array_object(array, **attributes)), 4
    )


def test_an_rle_run_that_claims_more_than_there_is_ends_where_that_does() -> None:
    octets = packbits(SHADES.tobytes())
    assert nearly(shown(rle_object(rle_frame(octets[:-1]), SHADES))[:-8], shown(array_object(SHADES))[:-8], 4)


@pytest.mark.parametrize("packed", [True, False])
def test_rle_of_single_bits(packed: bool) -> None:
    """Eight to a byte, as pixel data that is not compressed has them, or one to a byte."""
    bits = (np.indices((32, 64)).sum(axis=0) // 8 % 2).astype("u1")
    content = np.packbits(bits, bitorder="little").tobytes() if packed else bits.tobytes()
    part10 = rle_object(rle_frame(packbits(content)), bits, BitsAllocated=1)
    assert np.corrcoef(shown(part10).ravel(), bits.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("columns", [31, 33, 3])
@pytest.mark.parametrize("filled_up", [True, False])
def test_halved_chrominance_of_odd_columns(columns: int, filled_up: bool) -> None:
    """YBR_FULL_422: rows filled up to pairs, or pairs that go on from one row to the next (PS3.3 C.7.6.3.1.2)."""
    rows, pairs = 32, (columns + 1) // 2
    luma = ramp(30, 220, "u1", rows=rows, columns=max(columns, 2))[:, :columns]
    if filled_up:
        grid = np.zeros((rows, pairs, 4), "u1")
        grid[..., :2] = np.pad(luma, ((0, 0), (0, columns % 2))).reshape(rows, pairs, 2)
    else:
        grid = np.zeros(((rows * columns + 1) // 2, 4), "u1")
        grid[..., :2] = np.pad(luma.ravel(), (0, rows * columns % 2)).reshape(-1, 2)
    grid[..., 2:] = 128
    part10 = image_object(
        grid.tobytes(),
        Rows=rows,
        Columns=columns,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="YBR_FULL_422",
    )
    assert nearly(shown(part10)[..., 1], luma, 6)


@pytest.mark.parametrize("frame", [1, 2, 3])
def test_single_bits_in_big_endian_words(frame: int) -> None:
    """Frames that begin within a byte, of 16-bit words in big endian (PS3.5 sections 8.1.1 and 8.2)."""
    bits = np.zeros((3, 9, 11), "u1")
    for index in range(3):
        bits[index, index * 3 : index * 3 + 3] = 1
    octets = np.packbits(bits.ravel(), bitorder="little")
    octets = np.pad(octets, (0, octets.size % 2))
    words = octets.reshape(-1, 2)[:, ::-1].tobytes()
    attributes = {"Rows": 9, "Columns": 11, "NumberOfFrames": 3, "BitsAllocated": 1}
    little = shown(image_object(octets.tobytes(), **attributes), PictureRequest(2048, frame, quality=100))
    big = image_object(octets.tobytes(), ExplicitVRBigEndian, **attributes)
    assert nearly(shown(big.replace(octets.tobytes(), words), PictureRequest(2048, frame, quality=100)), little)


def test_twelve_bits_that_are_packed() -> None:
    """Of the standard before 2001, and of some modalities after it."""
    array = ramp(0, 4095, "u2", rows=8, columns=64)
    pairs = array.reshape(-1, 2).astype("u4")
    packed = np.stack(
        [pairs[:, 0] & 255, pairs[:, 0] >> 8 | (pairs[:, 1] & 15) << 4, pairs[:, 1] >> 4], axis=-1
    ).astype("u1")
    part10 = image_object(packed.tobytes(), Rows=8, Columns=64, BitsAllocated=12, BitsStored=12)
    assert nearly(shown(part10), shown(array_object(array, BitsStored=12)), 4)


def test_jpeg_whose_chrominance_is_subsampled_is_no_rgb() -> None:
    """Declared RGB without a marker: red, green and blue are never subsampled, so the stream is YCbCr."""
    picture = np.zeros((64, 80, 3), "u1")
    picture[:, :40], picture[:, 40:] = (200, 30, 30), (40, 60, 220)
    stream = imagecodecs.jpeg8_encode(picture, level=95, subsampling="420")
    start, end = stream.index(b"\xff\xe0"), stream.index(b"\xff\xe0") + 18
    part10 = image_object(
        items(stream[:start] + stream[end:]),
        BASELINE,
        Rows=64,
        Columns=80,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
    )
    found = shown(part10, FINEST)
    assert nearly(found[8:56, 8:32], [200, 30, 30], 12)
    assert nearly(found[8:56, 48:72], [40, 60, 220], 12)


@pytest.mark.parametrize("precision", [8, 10, 12])
def test_jpeg2000_of_less_precision_than_is_stored_keeps_its_sign(precision: int) -> None:
    """The sign of a sample is the highest bit that the codestream has (PS3.5 section 8.2.4)."""
    half = 2 ** (precision - 1)
    array = ramp(-half, half - 1, "i2")
    stream = imagecodecs.jpeg2k_encode(
        (array & (2**precision - 1)).astype("u1" if precision == 8 else "u2"),
        level=0,
        bitspersample=precision,
        codecformat="j2k",
    )
    part10 = image_object(
        items(stream),
        COMPRESSED + "90",
        Rows=array.shape[0],
        Columns=array.shape[1],
        BitsAllocated=16,
        BitsStored=16,
        PixelRepresentation=1,
    )
    assert nearly(shown(part10), shown(array_object(array)), 4)


@pytest.mark.parametrize("vr", [b"  ", b"??", b"\0\0", b"--"])
@pytest.mark.parametrize("length", [0, 2, 6])
def test_an_element_whose_vr_is_none_is_passed_over(vr: bytes, length: int) -> None:
    """With a length of 16 bits behind it, as DCMTK reads it, or as an element of implicit VR (PS3.5 section 7.1)."""
    part10 = array_object(SHADES)
    pixels = part10.index(bytes.fromhex("e07f1000"))
    short = bytes.fromhex("28002001") + vr + struct.pack("<H", length) + bytes(length)
    implicit = bytes.fromhex("28002001") + struct.pack("<I", length) + bytes(length)
    for odd in (short, implicit):
        assert nearly(shown(part10[:pixels] + odd + part10[pixels:]), shown(part10))
