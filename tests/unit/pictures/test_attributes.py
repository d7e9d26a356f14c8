"""The reading of attributes, held to pydicom's: over its own files, and over datasets and damage that are made up."""

import math
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from bench.contact_sheet import dicom_files
from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.dataset import read_object
from dicom_service.exams.pictures.reading.dictionary import ATTRIBUTES, INTEGER_PIXELS
from dicom_service.exams.pictures.reading.elements import walk
from dicom_service.exams.reading.headers import Encoding
from tests.unit.pictures.synthetic import array_object, image_object, ramp, written

FILES = dicom_files()
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def assert_read_alike(found: Attributes, expected: Dataset) -> None:
    for keyword, (tag, vr) in ATTRIBUTES.items():
        if tag >> 16 == 2:
            continue
        value = expected.get(keyword)
        if vr == b"SQ":
            items = found.items(keyword)
            assert len(items) == len(value or []), keyword
            for item, other in zip(items, value or [], strict=True):
                assert_read_alike(item, other)
        elif isinstance(value, bytes):
            assert found.content(keyword) == value, keyword
        elif value not in (None, ""):
            several: list[Any] = list(value) if isinstance(value, MultiValue | list) else [value]
            if isinstance(several[0], str) and vr in (b"CS", b"UI"):
                assert found.text(keyword) == several[0].strip(), keyword
            else:
                assert found.numbers(keyword) == pytest.approx(_as_numbers(several), abs=0, rel=0, nan_ok=True), keyword


def _as_numbers(values: list[Any]) -> list[float]:
    return [_as_number(each) for each in values]


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_file_reads_as_pydicom_reads_it(file: Path) -> None:
    part10 = file.read_bytes()
    with warnings.catch_warnings(action="ignore"):
        expected = dcmread(BytesIO(part10), force=True)
        assert_read_alike(read_object(part10).dataset, expected)


@pytest.mark.parametrize(
    ("keyword", "vr"), [(keyword, vr.decode()) for keyword, (_, vr) in ATTRIBUTES.items()], ids=lambda value: value
)
def test_the_dictionary_is_the_one_of_the_standard(keyword: str, vr: str) -> None:
    assert ATTRIBUTES[keyword][0] == tag_for_keyword(keyword)
    assert vr in dictionary_VR(keyword).split(" or ")


texts = st.text("ABC 0123", min_size=1, max_size=8).map(str.strip).filter(bool)
decimals = st.lists(st.integers(-9999, 9999).map(lambda number: f"{number / 8}"), min_size=1, max_size=3)
words = st.integers(0, 65535)
leaves: dict[str, st.SearchStrategy[Any]] = {
    "Rows": words,
    "PhotometricInterpretation": texts,
    "WindowCenter": decimals,
    "PixelSpacing": decimals,
    "FloatPixelPaddingValue": st.floats(-100, 100, width=16),
    "DoubleFloatPixelPaddingValue": st.floats(-100, 100),
    "NumberOfWaveformSamples": st.integers(0, 2**32 - 1),
    "RedPaletteColorLookupTableData": st.binary(max_size=9).map(lambda data: data + b"\0" * (len(data) % 2)),
    "PatientName": texts,
    "PatientComments": st.text("xyz", max_size=300),
}
SEQUENCES = ("VOILUTSequence", "SharedFunctionalGroupsSequence", "ReferencedStudySequence")


@st.composite
def datasets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    dataset = Dataset()
    for keyword in draw(st.sets(st.sampled_from(sorted(leaves)))):
        setattr(dataset, keyword, draw(leaves[keyword]))
    for keyword in draw(st.sets(st.sampled_from(SEQUENCES))) if depth else ():
        sequence = Sequence(draw(st.lists(datasets(depth=depth - 1), max_size=3)))
        sequence.is_undefined_length = draw(st.booleans())
        for item in sequence:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        setattr(dataset, keyword, sequence)
        dataset[keyword].is_undefined_length = sequence.is_undefined_length
    return dataset


@given(datasets(), st.sampled_from(SYNTAXES))
@settings(max_examples=150, deadline=None)
def test_any_dataset_reads_as_it_was_written(dataset: Dataset, syntax: str) -> None:
    dataset.SOPClassUID, dataset.PixelData = "1.2.3", b"\1\2"
    dataset["PixelData"].VR = "OW"
    stored = read_object(written(dataset, syntax))
    assert_read_alike(stored.dataset, dataset)
    assert stored.transfer_syntax == syntax
    assert stored.pixels is not None
    assert (stored.pixels.tag, stored.pixels.length) == (INTEGER_PIXELS, 2)
    assert stored.pixels.source[stored.pixels.offset :] == b"\1\2"


@given(datasets(), st.sampled_from(SYNTAXES[:3]))
@settings(max_examples=100, deadline=None)
def test_a_dataset_without_preamble_and_file_meta_is_recognised(dataset: Dataset, syntax: str) -> None:
    dataset.SOPClassUID = "1.2.3"
    target = BytesIO()
    dcmwrite(target, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)
    stored = read_object(target.getvalue())
    assert stored.transfer_syntax == syntax
    assert_read_alike(stored.dataset, dataset)


@given(st.binary(max_size=400), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_walk(source: bytes, implicit: bool, big_endian: bool) -> None:
    encoding = Encoding(implicit, big_endian)
    found, end = walk(source, 0, len(source), encoding)
    assert end >= 0
    attributes = Attributes(source, found, encoding)
    for keyword in ATTRIBUTES:
        attributes.numbers(keyword), attributes.text(keyword), attributes.content(keyword), attributes.items(keyword)


@given(datasets(), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_damaged_datasets_are_read_as_far_as_they_go(dataset: Dataset, damage: list[tuple[float, int]]) -> None:
    dataset.SOPClassUID = "1.2.3"
    part10 = bytearray(written(dataset))
    for place, value in damage:
        part10[132 + int(place * (len(part10) - 132))] = value
    attributes = read_object(bytes(part10)).dataset
    for keyword in ATTRIBUTES:
        attributes.numbers(keyword), attributes.text(keyword), attributes.content(keyword), attributes.items(keyword)


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_pixel_data_within_an_item_is_not_the_object_s(syntax: str) -> None:
    icon = Dataset()
    icon.Rows, icon.Columns, icon.PixelData = 1, 2, b"\x63\x63"
    icon["PixelData"].VR = "OW"
    part10 = image_object(b"\5\6", syntax, Rows=2, Columns=1, IconImageSequence=Sequence([icon]))
    stored = read_object(part10)
    assert stored.pixels is not None
    assert stored.pixels.source[stored.pixels.offset :] == b"\5\6"
    assert stored.dataset.numbers("Rows") == [2]


def test_a_sequence_of_unknown_vr_is_in_implicit_vr() -> None:
    """PS3.5 section 6.2.2, note 5: what was implicit and not understood is passed on as UN."""
    inner = bytes.fromhex("2800 5010 04000000") + b"40  " + bytes.fromhex("2800 5110 04000000") + b"400 "
    item = bytes.fromhex("feff 00e0") + len(inner).to_bytes(4, "little") + inner
    sequence = bytes.fromhex("2800 1030") + b"UN\0\0" + b"\xff" * 4 + item + bytes.fromhex("feff dde0 00000000")
    part10 = array_object(ramp(0, 255, "u1")).replace(b"\xe0\x7f\x10\0", sequence + b"\xe0\x7f\x10\0")
    stored = read_object(part10)
    (found,) = stored.dataset.items("VOILUTSequence")
    assert found.numbers("WindowCenter") == [40]
    assert found.numbers("WindowWidth") == [400]
    assert stored.pixels is not None


def test_an_item_that_claims_more_than_there_is_ends_where_its_elements_do() -> None:
    item = Dataset()
    item.WindowCenter, item.is_undefined_length_sequence_item = "40", True
    part10 = image_object(b"\1\2", Rows=1, Columns=2, VOILUTSequence=Sequence([item]))
    undefined = bytes.fromhex("feff 00e0 ffffffff")
    stored = read_object(part10.replace(undefined, bytes.fromhex("feff 00e0 00ffffff")))
    assert undefined in part10
    assert [found.numbers("WindowCenter") for found in stored.dataset.items("VOILUTSequence")] == [[40]]
    assert stored.pixels is not None


def test_numbers_that_are_none_count_as_absent() -> None:
    source = bytes.fromhex("2800 1000") + b"US\3\0" + b"\1\2\3" + bytes.fromhex("2800 5010") + b"DS\4\0" + b"1\\x "
    attributes = Attributes(source, walk(source, 0, len(source), Encoding(False, False))[0], Encoding(False, False))
    assert attributes.numbers("Rows") == []
    assert attributes.whole("Rows", 7) == 7
    assert attributes.numbers("WindowCenter") == pytest.approx([1, math.nan], nan_ok=True)
    assert attributes.number("WindowCenter") == 1


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (b"500\\", [500, math.nan]),
        (b"\\500", [math.nan, 500]),
        (b"500\0\\40\0", [500, 40]),
        (b" 500 \0\0", [500]),
        (b"NaN\\1e400", [math.nan, math.inf]),
        (b"40,5\\forty", [math.nan, math.nan]),
        (b"  \0\0", []),
        (b"", []),
    ],
)
def test_each_part_of_a_decimal_string_is_a_number_or_none(value: bytes, numbers: list[float]) -> None:
    source = bytes.fromhex("2800 5010") + b"DS" + bytes([len(value), 0]) + value
    attributes = Attributes(source, walk(source, 0, len(source), Encoding(False, False))[0], Encoding(False, False))
    assert attributes.numbers("WindowCenter") == pytest.approx(numbers, nan_ok=True)
    first = numbers[0] if numbers and math.isfinite(numbers[0]) else None
    assert attributes.number("WindowCenter") == first


def test_only_the_chosen_items_are_read() -> None:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.3"
    items = [Dataset() for _ in range(5)]
    for rows, item in enumerate(items):
        item.Rows = rows
    dataset.PerFrameFunctionalGroupsSequence = Sequence(items)
    attributes = read_object(written(dataset)).dataset
    chosen = attributes.items("PerFrameFunctionalGroupsSequence", slice(3, 4))
    assert [item.numbers("Rows") for item in chosen] == [[3]]
    assert attributes.items("PerFrameFunctionalGroupsSequence", slice(5, 6)) == []
