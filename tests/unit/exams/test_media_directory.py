"""A DICOMDIR, as another reader reads it: pydicom's FileSet follows its offsets."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileInstance
from pydicom.sr.coding import Code
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    ExplicitVRBigEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    RTPlanStorage,
)

from dicom_service.errors import PacsError
from dicom_service.exams.downloads.media_directory import MediaDirectory, file_ids
from dicom_service.pacs.retrieve import Instance
from tests.file_sets import file_set
from tests.pacs.objects import header, make_object, real_object, uids

CONTENT = {"ContentDate": "20260115", "ContentTime": "0930", "InstanceNumber": 7}


@pytest.fixture(autouse=True)
def uid_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DICOM_UID_ROOT", "1.2.826.0.1.3680043.10.1")


def written(folder: Path, *contents: bytes) -> list[FileInstance]:
    """What a reader finds of the objects in a folder with a DICOMDIR."""
    directory = MediaDirectory()
    for content, file_id in zip(contents, file_ids(Instance(*uids(content)) for content in contents), strict=True):
        directory.add(content, file_id)
        (folder / file_id).parent.mkdir(parents=True, exist_ok=True)
        (folder / file_id).write_bytes(content)
    (folder / "DICOMDIR").write_bytes(directory.encoded())
    return list(file_set(folder))


def test_every_object_is_under_its_patient_study_and_series(tmp_path: Path) -> None:
    first = make_object(PatientID="P7")
    study, series, _ = uids(first)
    contents = [
        first,
        make_object(PatientID="P7", StudyInstanceUID=study, SeriesInstanceUID=series),
        make_object(PatientID="P7", StudyInstanceUID=study),
        make_object(PatientID="P7"),
        make_object(PatientID="P8"),
    ]
    found = written(tmp_path, *contents)
    assert {Path(each.path).read_bytes() for each in found} == set(contents)
    for each in found:
        stored = header(Path(each.path).read_bytes())
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            assert getattr(each, keyword) == getattr(stored, keyword)
    tree = file_set(tmp_path)
    assert tree.find_values("PatientID") == ["P7", "P8"]
    assert [len(tree.find_values(each)) for each in ("StudyInstanceUID", "SeriesInstanceUID")] == [3, 4]


def test_file_ids_are_those_of_the_standard() -> None:
    """PS3.10 section 8.2: up to eight components of up to eight capital letters, digits and underscores."""
    ids = file_ids(Instance("1.2", f"1.2.{number % 3}", f"1.2.3.{number}") for number in range(9_000))
    assert len(set(ids)) == 9_000
    assert all(re.fullmatch(r"([A-Z0-9_]{1,8}/){0,7}[A-Z0-9_]{1,8}", file_id) for file_id in ids)
    assert ids[:4] == [
        f"DICOM/{each}" for each in ("S0000001/I0000001", "S0000002/I0000001", "S0000003/I0000001", "S0000001/I0000002")
    ]


@pytest.mark.parametrize(
    ("sop_class", "kind", "attributes"),
    [
        (
            GrayscaleSoftcopyPresentationStateStorage,
            "PRESENTATION",
            {
                "PresentationCreationDate": "20260115",
                "PresentationCreationTime": "0930",
                "InstanceNumber": 7,
                "ContentLabel": "BONES",
                "ContentDescription": "",
                "ContentCreatorName": "Roe^Rae",
            },
        ),
        (
            EncapsulatedPDFStorage,
            "ENCAP DOC",
            CONTENT | {"DocumentTitle": "Report", "MIMETypeOfEncapsulatedDocument": "application/pdf"},
        ),
        (
            RTPlanStorage,
            "RT PLAN",
            {"RTPlanLabel": "A", "RTPlanDate": "20260115", "RTPlanTime": "0930", "InstanceNumber": 7},
        ),
    ],
)
def test_each_kind_of_object_has_its_keys(
    tmp_path: Path, sop_class: str, kind: str, attributes: dict[str, Any]
) -> None:
    (found,) = written(tmp_path, make_object(SOPClassUID=sop_class, Rows=None, PixelData=None, **attributes))
    assert found.node.record_type == kind
    assert {keyword: getattr(found, keyword) for keyword in attributes} == attributes


def test_of_a_report_what_modifies_its_title_is_listed_and_nothing_else(tmp_path: Path) -> None:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = Code("18748-4", "LN", "Report")[:3]
    modifier, finding = Dataset(), Dataset()
    modifier.RelationshipType, modifier.ValueType = "HAS CONCEPT MOD", "CODE"
    finding.RelationshipType, finding.ValueType, finding.TextValue = "CONTAINS", "TEXT", "what nobody else may read"
    report = make_object(
        SOPClassUID=EnhancedSRStorage,
        PixelData=None,
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ConceptNameCodeSequence=[concept],
        ContentSequence=[modifier, finding],
        **CONTENT,
    )
    (found,) = written(tmp_path, report)
    assert found.node.record_type == "SR DOCUMENT"
    assert found.ConceptNameCodeSequence[0].CodeMeaning == "Report"
    assert [item.RelationshipType for item in found.ContentSequence] == ["HAS CONCEPT MOD"]
    assert b"nobody else" not in (tmp_path / "DICOMDIR").read_bytes()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_objects_of_every_encoding_are_listed_alike(tmp_path: Path, syntax: str) -> None:
    concept = Dataset()
    concept.CodeMeaning = "Report"
    content = make_object(syntax, SOPClassUID=EncapsulatedPDFStorage, PixelData=None, ConceptNameCodeSequence=[concept])
    (found,) = written(tmp_path, content)
    assert (found.PatientName, found.ConceptNameCodeSequence[0].CodeMeaning) == ("Doe^Jane", "Report")
    assert found.ReferencedTransferSyntaxUIDInFile == syntax


def test_each_record_has_the_characters_of_its_object(tmp_path: Path) -> None:
    japanese = make_object(
        PatientID="P1", SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"
    )
    greek = make_object(PatientID="P2", SpecificCharacterSet="ISO_IR 126", PatientName="Διονυσιος")
    found = written(tmp_path, japanese, greek)
    assert [str(each.PatientName) for each in found] == ["Yamada^Tarou=山田^太郎=やまだ^たろう", "Διονυσιος"]


def test_no_patient_and_no_date_is_invented(tmp_path: Path) -> None:
    content = make_object(PatientID=None, PatientName=None)
    (found,) = written(tmp_path, content)
    for keyword in ("PatientID", "PatientName", "StudyDate", "StudyTime"):
        assert not getattr(found, keyword)


def test_keys_of_type_1_that_an_object_lacks_have_a_value_that_claims_nothing(tmp_path: Path) -> None:
    """PS3.3 Annex F.5 wants a value; readers of discs refuse a directory without."""
    study, series = "1.2.3", "1.2.3.4"
    uids_of_one = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    images = [make_object(**uids_of_one, Modality=None) for _ in range(2)]
    report = make_object(SOPClassUID=EnhancedSRStorage, PixelData=None, StudyInstanceUID=study, Rows=None)
    found = written(tmp_path, *images, report)
    by_uid = {each.SOPInstanceUID: each for each in found}
    shown = [by_uid[uids(content)[2]] for content in (*images, report)]
    assert [(each.StudyID, each.SeriesNumber, each.InstanceNumber) for each in shown] == [
        ("1", 1, 1),
        ("1", 1, 2),
        ("1", 2, 1),
    ]
    assert [each.Modality for each in shown] == ["OT", "OT", "CT"]
    assert (shown[2].CompletionFlag, shown[2].VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert shown[2].ConceptNameCodeSequence[0].CodeMeaning == "Document Title"


def test_a_report_was_verified_when_the_last_observer_did(tmp_path: Path) -> None:
    observers = []
    for when in ("20300103090000", "20300104101500", ""):
        observer = Dataset()
        observer.VerificationDateTime = when
        observers.append(observer)
    report = make_object(
        SOPClassUID=EnhancedSRStorage, PixelData=None, Rows=None, VerifyingObserverSequence=observers, **CONTENT
    )
    (found,) = written(tmp_path, report)
    assert found.VerificationDateTime == "20300104101500"


def test_files_that_claim_to_be_the_same_object_are_both_listed() -> None:
    directory, content = MediaDirectory(), make_object()
    for number in (1, 2):
        directory.add(content, f"DICOM/S0000001/I000000{number}")
    assert directory.encoded().count(b"DICOM\\S0000001\\I") == 2


def test_what_pydicom_cannot_read_is_empty_and_the_object_is_listed(tmp_path: Path) -> None:
    content = make_object(InstanceNumber=12, SeriesNumber=1)
    instance_number = b"\x20\x00\x13\x00"
    assert content.count(instance_number + b"IS") == 1
    (found,) = written(tmp_path, content.replace(instance_number + b"IS", instance_number + b"I~"))
    assert (found.InstanceNumber, found.SeriesNumber) == (1, 1)


def test_the_first_mebibyte_of_an_object_serves(tmp_path: Path) -> None:
    directory, content = MediaDirectory(), make_object(Rows=1000, Columns=1000, PixelData=bytes(2_000_000))
    directory.add(content[:1_000_000], "DICOM/S0000001/I0000001")
    whole = MediaDirectory()
    whole.add(content, "DICOM/S0000001/I0000001")
    assert len(directory.encoded()) == len(whole.encoded())


@pytest.mark.parametrize(
    "content",
    [b"", b"no DICOM at all", make_object(SOPClassUID=None), real_object("CT_small.dcm")[:200]],
    ids=["nothing", "text", "no SOP class", "cut off in its meta"],
)
def test_what_does_not_say_what_it_is_is_an_error(content: bytes) -> None:
    with pytest.raises(PacsError, match="DICOMDIR"):
        MediaDirectory().add(content, "DICOM/S0000001/I0000001")
