"""Whose an object is, by its own bytes: a Patient ID that is not certain is none."""

import io
import struct
from collections.abc import Iterator
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_service.exams.patients.head import LONGEST_VALUE, MOST_HEAD_BYTES, read_patient_id
from tests.pacs.objects import make_object

PIXELS = bytes(100_000)


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def patient_of(content: bytes, size: int = 1 << 16) -> str:
    return read_patient_id(in_pieces(content, size))[0]


def written(syntax: UID = ExplicitVRLittleEndian, *, undefined: bool = False, **attributes: Any) -> bytes:
    """An object that refers to another patient's before it says whose it is."""
    dataset = pydicom.dcmread(io.BytesIO(make_object(PixelData=PIXELS, Rows=250, Columns=200)))
    other = Dataset()
    other.PatientID = "OTHER"
    dataset.ReferencedStudySequence = Sequence([other, other])
    dataset["ReferencedStudySequence"].is_undefined_length = undefined
    other.is_undefined_length_sequence_item = undefined
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    target = io.BytesIO()
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(target, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
    return target.getvalue()


def with_bytes(patient_id: bytes, terms: bytes = b"") -> bytes:
    """An object whose Patient ID and Specific Character Set are these bytes, padded to an even number."""

    def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
        value += b" " * (len(value) % 2)
        return struct.pack("<HH2sH", group, number, vr, len(value)) + value

    meta = element(0x0002, 0x0010, b"UI", b"1.2.840.10008.1.2.1\0")
    dataset = element(0x0008, 0x0005, b"CS", terms) if terms else b""
    return bytes(128) + b"DICM" + meta + dataset + element(0x0010, 0x0020, b"LO", patient_id)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_its_own_in_each_syntax_and_not_that_of_an_item(syntax: UID, undefined: bool) -> None:
    content = written(syntax, undefined=undefined, PatientID="P1")
    assert patient_of(content) == "P1"
    assert patient_of(written(syntax, undefined=undefined, PatientID=None)) == ""
    assert patient_of(written(syntax, undefined=undefined, PatientID="")) == ""


@pytest.mark.parametrize("size", [1, 7, 133, 1000])
@pytest.mark.parametrize("undefined", [False, True])
def test_whatever_pieces_it_comes_in_and_no_more_of_them_than_needed(size: int, undefined: bool) -> None:
    content = written(undefined=undefined, PatientID="P1")
    pieces = in_pieces(content, size)
    patient_id, beginning = read_patient_id(pieces)
    assert patient_id == "P1"
    assert len(beginning) < 2000
    assert beginning + b"".join(pieces) == content


def test_a_file_that_ends_before_says_nothing() -> None:
    content = written(PatientID="P123")
    end = content.index(b"P123")
    for cut in range(end + 4):
        assert patient_of(content[:cut]) == "", cut
    assert patient_of(content[: end + 4]) == "P123"


@pytest.mark.parametrize(("stored", "patient_id"), [(" P1 ", "P1"), ("P1\0", "P1"), ("P 1", "P 1"), ("p1", "p1")])
def test_padding_means_nothing(stored: str, patient_id: str) -> None:
    """PS3.5 section 6.2."""
    assert patient_of(with_bytes(stored.encode())) == patient_id


@pytest.mark.parametrize(
    ("patient_id", "terms", "text"),
    [
        (b"M\xfcller", b"ISO_IR 100", "Müller"),
        (b"M\xc3\xbcll", b"ISO_IR 192", "Müll"),
        (b"\xb1\xb2", b"ISO_IR 13", "ｱｲ"),
        (b"\xcf\xe8", b"ISO_IR 144 ", "Яш"),
        (b"M\xfcller", b"ISO_IR 192", ""),
        (b"M\xc3\xbcll", b"", ""),
        (b"M\xfcller", b"ISO_IR 999", ""),
        (b"M\xfcller", b"ISO 2022 IR 100\\ISO 2022 IR 87", "Müller"),
        (b"M\xfcller", b"\\ISO 2022 IR 100", ""),
        (b"M\xfc\x1b$B", b"ISO 2022 IR 100\\ISO 2022 IR 87", ""),
        (b"P\x1b$B1", b"ISO 2022 IR 6", ""),
        (b"P\x1b$B\xfc", b"ISO_IR 100", ""),
        (b"P1\\P2", b"ISO_IR 100", ""),
        (b"P1\\M\xfc", b"ISO_IR 100", ""),
    ],
)
def test_a_text_of_which_it_is_not_certain_what_it_says_says_nothing(
    patient_id: bytes, terms: bytes, text: str
) -> None:
    """PS3.3 section C.12.1.1.2: one that is misread might be another patient's."""
    assert patient_of(with_bytes(patient_id, terms)) == text


@pytest.mark.filterwarnings("ignore")  # pydicom's own, of the length
def test_a_value_beyond_all_bounds_says_nothing() -> None:
    assert patient_of(make_object(PatientID="P" * LONGEST_VALUE)) == "P" * LONGEST_VALUE
    assert patient_of(make_object(PatientID="P" * (LONGEST_VALUE + 2))) == ""


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_what_stands_far_behind_the_beginning_is_not_looked_for(syntax: UID) -> None:
    near, far = (b"\x01\x02\x03\x04" * (size // 4) for size in (MOST_HEAD_BYTES // 2, 2 * MOST_HEAD_BYTES))
    item = Dataset()

    def behind(value: bytes) -> bytes:
        item.EncapsulatedDocument = value
        return written(syntax, PatientID="P1", ReferencedStudySequence=Sequence([item]))

    assert patient_of(behind(near)) == "P1"
    assert patient_of(behind(far)) == ""


@pytest.mark.parametrize("content", [b"", b"DICM", bytes(132), b"<html></html>" * 50, bytes(128) + b"DICM"])
def test_what_is_no_object_says_nothing(content: bytes) -> None:
    assert patient_of(content) == ""
