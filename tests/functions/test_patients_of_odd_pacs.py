"""Nobody sees another patient's, whatever a PACS says wrongly, leaves out or mixes up."""

import io
import json
import zipfile
from typing import Any

import pytest
import requests

from dicom_service.errors import PacsError
from dicom_service.exams.downloads.stored_object import download_id
from dicom_service.pacs.retrieve import Instance
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.functions.test_patients import MIXED, OTHERS, OWN, STUDY, at, brightness, image, rows, told
from tests.mixed import Habits, MixedPacs
from tests.pacs.objects import make_object, uids
from tests.scripted import Asked
from tests.transfers import store, work_downloads

SERIES = f"/exams/studies/{STUDY}/series"
NOWHERE = Habits(frozenset())

pytestmark = pytest.mark.usefixtures("unconfigured")


class Lying(MixedPacs):
    """Says of every row of a level that it is P1's, or that it is P2's."""

    def __init__(self, contents: list[bytes], **says: str) -> None:
        super().__init__(contents, Habits(first_wins=True))
        self._says = says

    def _row(self, level: str, depth: int, contents: list[bytes], asked: Asked) -> dict[str, Any]:
        row = super()._row(level, depth, contents, asked)
        said = {"00100020": {"vr": "LO", "Value": [self._says[level]]}} if level in self._says else {}
        return row | said


def retrieved(invoke: Invoke, series: str, instance: str, patient_id: str, file_type: str) -> dict[str, Any]:
    path = f"{SERIES}/{series}/instance/{instance}"
    return invoke("retrieve_exam", path=path, query={"fileType": file_type, "PatientId": patient_id})


def test_an_object_that_states_another_patient_than_its_row_is_not_given_away(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [image("P1", MIXED, 1), image("P2", MIXED, 2), image("P1", MIXED, 3)]
    with Lying(contents, instances="P1", series="P1") as pacs:
        at(monkeypatch, pacs)
        for file_type in ("application/dicom", "image/jpeg"):
            assert retrieved(invoke, MIXED, f"{MIXED}.2", "P1", file_type)["statusCode"] == 404
            assert retrieved(invoke, MIXED, f"{MIXED}.2", "P2", file_type)["statusCode"] == 200
        for path in (f"/exams/studies/{STUDY}", f"{SERIES}/{MIXED}"):
            shown = invoke("retrieve_thumbnail", path=f"{path}/thumbnail", query={"PatientId": "P1"})
            assert brightness(shown) > 245, "the middle one is black"
        asked = invoke("archive_study", path=f"/exams/studies/{STUDY}/archive", query={"PatientId": "P1"})
        assert work_downloads(aws) == 0
    ready = invoke("get_archive", path=asked["headers"]["Location"])
    content = requests.get(ready["headers"]["Location"], timeout=10).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == [f"{MIXED}/{MIXED}.1.dcm", f"{MIXED}/{MIXED}.3.dcm"]


def test_of_a_series_whose_row_is_anothers_no_more_is_told_than_its_objects_have_in_common(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a PACS has corrected its objects and not its index: the row may describe whoever it was before."""
    with Lying([image("P1", OWN, 1, Modality="MR")], series="P2") as pacs:
        at(monkeypatch, pacs)
        [row] = rows(invoke, SERIES, "P1")
    assert (row["00080060"]["Value"], row["00201209"]["Value"]) == (["MR"], [1])
    assert row["0008103E"] == {"vr": "LO"}


def test_an_object_that_states_nothing_is_whose_its_row_says(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lying([image("", OWN, 1), image("P1", OWN, 2)], instances="P1") as pacs:
        at(monkeypatch, pacs)
        for file_type in ("application/dicom", "image/jpeg"):
            assert retrieved(invoke, OWN, f"{OWN}.1", "P1", file_type)["statusCode"] == 200
            assert retrieved(invoke, OWN, f"{OWN}.1", "P2", file_type)["statusCode"] == 404


def test_a_picture_of_a_study_is_of_the_patients_series_where_anothers_is_larger(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [image("P1", OWN, 1), *(image("P2", OTHERS, number) for number in range(1, 4))]
    with MixedPacs(contents) as pacs:
        at(monkeypatch, pacs)
        shown = invoke("retrieve_thumbnail", path=f"/exams/studies/{STUDY}/thumbnail", query={"PatientId": "P1"})
    assert brightness(shown) > 245


def test_a_picture_of_a_series_reads_no_object_of_another(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [image("P1", MIXED, 1), *(image("P2", MIXED, number) for number in range(2, 6))]
    with MixedPacs(contents) as pacs:
        at(monkeypatch, pacs)
        invoke("retrieve_thumbnail", path=f"{SERIES}/{MIXED}/thumbnail", query={"PatientId": "P1"})
    assert {path.rpartition("/")[2] for path in pacs.paths()} == {"instances", f"{MIXED}.1"}


def test_whose_an_object_is_is_remembered_of_it_alone(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under one SOP Instance UID there may be another object in another series, and at another PACS."""
    twice = {"SOPInstanceUID": f"{OWN}.1"}

    def shown(contents: list[bytes], series: str) -> int:
        with MixedPacs(contents, NOWHERE) as pacs:
            at(monkeypatch, pacs)
            return len(rows(invoke, f"{SERIES}/{series}/instances", "P1"))

    contents = [image("P1", OWN, 1, **twice), image("P2", OTHERS, 1, **twice)]
    with MixedPacs(contents, NOWHERE) as pacs:
        at(monkeypatch, pacs)
        assert len(rows(invoke, f"{SERIES}/{OWN}/instances", "P1")) == 1
        assert rows(invoke, f"{SERIES}/{OTHERS}/instances", "P1") == []
    assert shown([image("P2", OWN, 1, **twice)], OWN) == 0


def test_counts_are_of_the_patients_alone(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    class Countless(MixedPacs):
        def _row(self, level: str, depth: int, contents: list[bytes], asked: Asked) -> dict[str, Any]:
            row = super()._row(level, depth, contents, asked)
            return {tag: value for tag, value in row.items() if tag not in ("00201208", "00201209")}

    contents = [
        image("P1", OWN, 1, Modality="MR"),
        image("P1", MIXED, 1),
        image("P2", MIXED, 2),
        image("P2", MIXED, 3),
        image("P2", OTHERS, 1, Modality="SR"),
    ]
    with Countless(contents) as pacs:
        at(monkeypatch, pacs)
        found = [
            json.loads(invoke(name, path=path, query={"PatientId": "P1", "counts": "true"})["body"])
            for name, path in (("search_studies", "/exams/studies"), ("search_series", SERIES))
        ]
    [study], series = found
    counted = [study[tag]["Value"] for tag in ("00080061", "00201206", "00201208")]
    assert counted == [["CT", "MR"], [2], [2]]
    assert [row["00201209"]["Value"] for row in series] == [[1], [1]]


def test_a_pacs_that_passes_over_the_study_answers_for_no_other(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lists all of the patient's studies where one of them is asked for."""

    class Lax(MixedPacs):
        def _rows(self, level: str, uids: list[str], asked: Asked) -> list[dict[str, Any]]:
            asked.query.pop("StudyInstanceUID", None)
            return super()._rows(level, uids, asked)

    contents = [
        *(image("P1", f"1.9.{number}", number, StudyInstanceUID="1.9") for number in range(1, 4)),
        image("P1", OWN, 1),
    ]
    with Lax(contents) as pacs:
        at(monkeypatch, pacs)
        asked = invoke("archive_study", path=f"/exams/studies/{STUDY}/archive", query={"PatientId": "P1"})
        assert json.loads(asked["body"])["instances"]["total"] == 1
        assert (
            invoke("archive_study", path="/exams/studies/1.8/archive", query={"PatientId": "P1"})["statusCode"] == 404
        )


@pytest.mark.parametrize(
    ("patient_id", "other"), [("P1", "P12"), ("P12", "P1"), ("P1", "XP1"), ("P1", "p1"), ("P1", "P 1"), ("1", "01")]
)
@pytest.mark.parametrize("habits", [Habits(), NOWHERE], ids=["tells", "tells nowhere"])
def test_a_pacs_that_matches_loosely_shows_no_patient_of_a_similar_id(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, patient_id: str, other: str, habits: Habits
) -> None:
    """By prefix, in any case, or not at all."""

    class Loose(MixedPacs):
        def _rows(self, level: str, uids: list[str], asked: Asked) -> list[dict[str, Any]]:
            asked.query.pop("PatientID", None)
            return super()._rows(level, uids, asked)

    with Loose([image(other, OWN, 1)], habits) as pacs:
        at(monkeypatch, pacs)
        for path in ("/exams/studies", SERIES, f"{SERIES}/{OWN}/instances"):
            assert rows(invoke, path, patient_id) == []
            assert len(rows(invoke, path, other)) == 1


def test_archives_are_apart_whatever_the_patient_ids_are(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    """Also of patients whose IDs look like what else tells archives from each other: numbers, options, separators."""
    patients = ["P", "P1", "P11", "P/1", "P/dicomdir", "P,1", 'P","1', "P/dicomdir/1"]
    store(pacs, *(make_object(StudyInstanceUID=STUDY, PatientID=patient_id) for patient_id in patients))
    store(pacs, *(make_object(StudyInstanceUID=STUDY, PatientID="P1") for _ in range(10)))
    locations = {
        invoke(
            "archive_study",
            path=f"/exams/studies/{STUDY}/archive",
            query={"PatientId": patient_id, "dicomdir": dicomdir},
        )["headers"]["Location"]
        for patient_id in patients
        for dicomdir in ("false", "true")
    }
    assert len(locations) == 2 * len(patients)


@pytest.mark.parametrize("states", ["P1", ""])
def test_a_large_object_of_another_is_as_unknown_as_one_that_is_not_there(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, states: str
) -> None:
    monkeypatch.setattr("dicom_service.exams.downloads.stored_object.MOST_INLINE_BYTES", 1000)
    with Lying([image(states, OWN, 1)], instances="P1") as pacs:
        at(monkeypatch, pacs)

        def told_of(number: int, patient_id: str) -> tuple[int, Any]:
            return told(retrieved(invoke, OWN, f"{OWN}.{number}", patient_id, "application/dicom"))

        assert told_of(1, "P2") == told_of(9, "P2")
        assert told_of(1, "P2")[0] == 404
        given = retrieved(invoke, OWN, f"{OWN}.1", "P1", "application/dicom")
        assert given["statusCode"] == 303
        assert requests.get(given["headers"]["Location"], timeout=10).content == image(states, OWN, 1)
        assert told_of(1, "P2")[0] == 404, "also when it is in the bucket"


def test_an_object_that_was_fetched_is_no_archive(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its download is called can be reckoned from its UIDs: it would be had whoever's it is."""
    monkeypatch.setattr("dicom_service.exams.downloads.stored_object.MOST_INLINE_BYTES", 1000)
    content = image("P1", OWN, 1)
    with MixedPacs([content]) as pacs:
        at(monkeypatch, pacs)
        given = retrieved(invoke, OWN, f"{OWN}.1", "P1", "application/dicom")
    assert given["statusCode"] == 303
    name = download_id(Instance(*uids(content)))
    assert name in given["headers"]["Location"]
    assert invoke("get_archive", path=f"/exams/archives/{name}")["statusCode"] == 404


@pytest.mark.parametrize("uid", ["../x", "1/2", "", "1.2 ", "1..2", "1.2?x=1", "1" * 65])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_instance_has_no_other_uids(uid: str, place: int) -> None:
    parts = ["1.2", "1.3", "1.4"]
    parts[place] = uid
    with pytest.raises(PacsError):
        Instance(*parts)
