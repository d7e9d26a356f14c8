"""Which fragments make up a frame, beside pydicom's answer: over its own files, and over what is made up."""

import warnings
from contextlib import suppress
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, encapsulate_extended, get_frame

from bench.contact_sheet import dicom_files
from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.dataset import PixelElement, StoredObject, read_object
from dicom_service.exams.pictures.reading.dictionary import ATTRIBUTES, INTEGER_PIXELS
from dicom_service.exams.pictures.reading.elements import Element
from dicom_service.exams.pictures.reading.fragments import Fragments
from dicom_service.exams.pictures.undrawable import Undrawable
from dicom_service.exams.reading.headers import Encoding

SEQUENCE_END = bytes.fromhex("feffdde000000000")
END_OF_IMAGE = b"\xff\xd9"
FRAMES = st.lists(st.binary(min_size=8, max_size=60).map(lambda each: each[: len(each) // 2 * 2]), min_size=1)


def with_tables(**tables: bytes) -> Attributes:
    places, source = {}, b""
    for keyword, table in tables.items():
        places[ATTRIBUTES[keyword][0]] = Element(b"OV", len(source), len(source) + len(table), len(table))
        source += table
    return Attributes(source, places, Encoding(implicit=False, big_endian=False))


def pixels(value: bytes) -> PixelElement:
    return PixelElement(b"before" + value + SEQUENCE_END, 6, None, INTEGER_PIXELS, "OB")


def fragments(*values: bytes) -> bytes:
    return b"".join(pack("<HHI", 0xFFFE, 0xE000, len(value)) + value for value in values)


def pydicoms(stored: StoredObject, index: int, frames: int) -> bytes:
    assert stored.pixels is not None
    stream = BytesIO(stored.pixels.source)
    stream.seek(stored.pixels.offset)
    offsets, lengths = map(stored.dataset.content, ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_frame(
            stream, index, extended_offsets=(offsets, lengths) if offsets else None, number_of_frames=frames
        )


def compressed() -> list[Path]:
    return [file for file in dicom_files() if (found := read_object(file.read_bytes()).pixels) and found.length is None]


@pytest.mark.parametrize("file", compressed(), ids=lambda file: file.name)
def test_every_frame_of_pydicoms_files(file: Path) -> None:
    stored = read_object(file.read_bytes())
    assert stored.pixels is not None
    frames = stored.dataset.whole("NumberOfFrames", 1)
    for index in range(frames):
        assert Fragments(stored.dataset, stored.pixels, frames).frame(index) == pydicoms(stored, index, frames)


@given(FRAMES, st.booleans(), st.integers(1, 4))
def test_frames_in_several_fragments_by_their_offsets(frames: list[bytes], table: bool, per_frame: int) -> None:
    if not table:
        per_frame = 1
    value = encapsulate(frames, fragments_per_frame=per_frame, has_bot=table)
    for index, frame in enumerate(frames):
        assert Fragments(with_tables(), pixels(value), len(frames)).frame(index) == frame


@given(FRAMES)
def test_frames_by_the_extended_table(frames: list[bytes]) -> None:
    value, offsets, lengths = encapsulate_extended(frames)
    tables = with_tables(ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths)
    for index, frame in enumerate(frames):
        assert Fragments(tables, pixels(value), len(frames)).frame(index) == frame


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(1, 3)), min_size=2, max_size=5), st.integers(0, 8))
def test_streams_without_offsets_tell_of_their_ends(made: list[tuple[bytes, int]], padding: int) -> None:
    pieces = [
        [data.replace(b"\xff", b"") + b"data"] * (count - 1) + [b"last" + END_OF_IMAGE + bytes(padding)]
        for data, count in made
    ]
    value = fragments(b"", *(piece for frame in pieces for piece in frame))
    for index, frame in enumerate(pieces):
        assert Fragments(with_tables(), pixels(value), len(pieces)).frame(index) == b"".join(frame)


def test_the_last_frame_may_lack_its_end() -> None:
    value = fragments(b"", b"one" + END_OF_IMAGE, b"tw", b"o")
    assert Fragments(with_tables(), pixels(value), 2).frame(1) == b"two"


@pytest.mark.parametrize(
    ("value", "frames"),
    [
        (b"", 1),
        (b"no fragments at all", 1),
        (fragments(b"", b"one" + END_OF_IMAGE), 3),
        (fragments(b"", b"on", b"e" + END_OF_IMAGE, b"two" + END_OF_IMAGE), 4),
        (fragments(pack("<2I", 0, 12), b"one.", b"two."), 3),
        (fragments(b"", b"one", b"two", b"three"), 5),
    ],
)
def test_a_frame_that_is_not_there_is_undrawable(value: bytes, frames: int) -> None:
    with pytest.raises(Undrawable):
        Fragments(with_tables(), pixels(value), frames).frame(frames - 1)


@given(st.binary(max_size=80), st.integers(0, 3), st.integers(1, 4))
def test_of_damage_come_bytes_or_a_reason(damage: bytes, index: int, frames: int) -> None:
    starts = list(accumulate([0, 12, 12]))
    value = bytearray(fragments(pack("<3I", *starts), b"one.", b"two.", b"end."))
    value[len(value) - len(damage) :] = damage
    with suppress(Undrawable):
        assert isinstance(Fragments(with_tables(), pixels(bytes(value)), frames).frame(index), bytes)
