"""Whether two files are one object, however each is written."""

import copy
import io
from collections.abc import Iterator
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    generate_uid,
)

from dicom_service.exams.storing.comparison import Comparison, compared
from dicom_service.exams.storing.fingerprint import fingerprint
from tests.pacs.objects import make_object, real_object

CT = real_object("CT_small.dcm")
JPEG_2000 = real_object("JPEG2000.dcm")
REPORT = real_object("reportsi.dcm")
ANOTHER = "The PACS holds another object with this SOP Instance UID"
NOT_TO_BE_TOLD = "The PACS holds an object with this SOP Instance UID, and whether it is the same cannot be told"


def pieces(content: bytes, size: int = 1000) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def outcome(ours: bytes, held: bytes) -> Comparison:
    return compared(fingerprint(pieces(ours)), fingerprint(pieces(held, 77)))


def read(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content))


def written(dataset: Dataset, syntax: Any = None, **changes: Any) -> bytes:
    """The object in a transfer syntax, with some attributes changed, and file meta information of its own."""
    dataset = copy.deepcopy(dataset)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.ImplementationVersionName = "ANOTHER"
    if syntax:
        dataset.file_meta.TransferSyntaxUID = syntax
    target = io.BytesIO()
    implicit = dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    pydicom.dcmwrite(target, dataset, implicit_vr=implicit, little_endian=True, force_encoding=True)
    return target.getvalue()


FILES = [
    "CT_small",
    "MR_small",
    "rtplan",
    "rtdose",
    "test-SR",
    "reportsi",
    "JPEG2000",
    "JPEG-lossy",
    "SC_rgb_jpeg_dcmtk",
    "MR_small_RLE",
    "waveform_ecg",
    "liver_1frame",
    "image_dfl",
    "examples_rgb_color",
    "nested_priv_SQ",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_an_object_is_itself_with_other_file_meta_information(name: str) -> None:
    content = real_object(f"{name}.dcm")
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    again = written(dataset)
    assert again != content
    assert outcome(content, again) == Comparison(same=True)
    assert outcome(content, content) == Comparison(same=True)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("content", [CT, REPORT], ids=["CT", "report"])
def test_another_uncompressed_syntax_changes_nothing(content: bytes, syntax: Any) -> None:
    assert outcome(content, written(read(content), syntax)) == Comparison(same=True)


def nested(depth: int, *, undefined: bool) -> bytes:
    dataset = read(make_object(StudyInstanceUID="1.2", SeriesInstanceUID="1.3", SOPInstanceUID="1.4"))
    for number in range(depth):
        item = Dataset()
        item.CodeValue = str(number)
        if number:
            item.ContentSequence = dataset.ContentSequence
        item.is_undefined_length_sequence_item = undefined
        dataset.ContentSequence = Sequence([item, Dataset()])
        dataset["ContentSequence"].is_undefined_length = undefined
    return written(dataset)


def test_lengths_of_sequences_do_not_count() -> None:
    defined, undefined = nested(5, undefined=False), nested(5, undefined=True)
    assert defined != undefined
    assert outcome(defined, undefined) == Comparison(same=True)
    assert outcome(written(read(defined), ImplicitVRLittleEndian), undefined) == Comparison(same=True)
    assert outcome(nested(3, undefined=True), undefined).changed == ("(0040,A730)",)


def test_fragments_and_offset_tables_do_not_count() -> None:
    dataset = read(JPEG_2000)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=1))
    for options in ({"has_bot": False}, {"has_bot": True}, {"has_bot": False, "fragments_per_frame": 3}):
        again = written(dataset, PixelData=encapsulate(frames, **options))
        assert outcome(JPEG_2000, again) == Comparison(same=True), options


def test_what_the_pacs_has_changed_is_named() -> None:
    dataset = read(CT)
    dataset.add_new(0x00091001, "LO", "private")
    again = written(dataset, PatientName="Doe^Janet", AccessionNumber="A1", OtherPatientIDs="X")
    assert outcome(CT, again) == Comparison(
        same=True, changed=("AccessionNumber", "(0009,1001)", "PatientName", "OtherPatientIDs")
    )


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
def test_another_place_or_kind_is_another_object(keyword: str) -> None:
    assert outcome(CT, written(read(CT), **{keyword: generate_uid()})) == Comparison(same=False, why=ANOTHER)


@pytest.mark.parametrize(
    "changes",
    [
        {"PixelData": bytes(32768)},
        {"Rows": 64, "Columns": 256},
        {"BitsStored": 12, "HighBit": 11},
        {"PixelRepresentation": 0},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"NumberOfFrames": 2},
    ],
)
def test_other_pixels_are_another_object(changes: dict[str, Any]) -> None:
    assert outcome(CT, written(read(CT), **changes)) == Comparison(same=False, why=ANOTHER)


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientID": "SOMEONE-ELSE"},
        {"PatientID": ""},
        {"PatientID": None, "PatientName": "DOE^JANE"},
    ],
)
def test_another_patients_object_is_never_taken_for_it(changes: dict[str, Any]) -> None:
    compared_to_it = outcome(CT, written(read(CT), **changes))
    assert (compared_to_it.same, compared_to_it.changed) == (False, ())
    assert compared_to_it.why == f"{ANOTHER}, which says that it is of another patient"


def test_an_issuer_may_be_added_and_not_be_another() -> None:
    issued = written(read(CT), IssuerOfPatientID="HOSPITAL")
    assert outcome(CT, issued) == Comparison(same=True, changed=("IssuerOfPatientID",))
    assert not outcome(issued, written(read(CT), IssuerOfPatientID="OTHER")).same


def test_without_a_patient_id_the_name_decides() -> None:
    uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "SOPInstanceUID": "1.4"}
    nobody = make_object(PatientID=None, PatientName="Doe^Jane", **uids)
    assert outcome(nobody, written(read(nobody), StudyDescription="Head")).same
    assert not outcome(nobody, make_object(PatientID="", PatientName="Doe^John", **uids)).same
    assert outcome(nobody, make_object(PatientID="", PatientName="Doe^Jane", **uids)).changed == ("PatientID",)


@pytest.mark.filterwarnings("ignore")  # pydicom's own, of the length
def test_a_patient_id_of_any_length_decides() -> None:
    uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "SOPInstanceUID": "1.4"}
    first, second = (make_object(PatientID="9" * 2000 + end, **uids) for end in ("1", "2"))
    assert not outcome(first, second).same


def test_of_an_object_without_pixels_everything_it_is_about_must_be_the_same() -> None:
    assert outcome(REPORT, written(read(REPORT), AccessionNumber="A1")) == Comparison(
        same=True, changed=("AccessionNumber",)
    )
    other = read(REPORT)
    other.ContentSequence = other.ContentSequence[:-1]
    assert outcome(REPORT, written(other)) == Comparison(same=False, why=ANOTHER)
    with_pixels = read(REPORT)
    with_pixels.add_new(0x7FE00010, "OB", bytes(64))
    assert outcome(REPORT, written(with_pixels)) == Comparison(same=False, why=ANOTHER)


def test_an_object_that_was_compressed_is_named_so_and_must_else_be_the_same() -> None:
    dataset = read(CT)
    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(100)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    compressed = written(dataset, JPEG2000Lossless)
    assert outcome(CT, compressed) == Comparison(same=True, changed=("TransferSyntaxUID",))
    lossy = outcome(CT, written(dataset, JPEG2000Lossless, LossyImageCompression="01"))
    assert lossy.changed == ("TransferSyntaxUID", "LossyImageCompression")
    renamed = outcome(CT, written(dataset, JPEG2000Lossless, InstanceNumber=99))
    assert renamed == Comparison(same=False, why=f"{NOT_TO_BE_TOLD}: it is in another transfer syntax")
    assert outcome(CT, written(dataset, JPEG2000Lossless, Rows=64)) == Comparison(same=False, why=ANOTHER)


@pytest.mark.parametrize("content", [CT, REPORT, JPEG_2000], ids=["CT", "report", "JPEG 2000"])
def test_no_cut_is_taken_for_the_whole(content: bytes) -> None:
    for end in range(0, len(content), max(1, len(content) // 150)):
        assert not outcome(content, content[:end]).same, end


def test_what_is_not_understood_is_itself_byte_for_byte_and_nothing_else() -> None:
    odd = CT[:400] + b"\xff" * 50
    assert outcome(odd, odd) == Comparison(same=True)
    assert outcome(odd, CT) == outcome(CT, odd) == Comparison(same=False, why=NOT_TO_BE_TOLD)
