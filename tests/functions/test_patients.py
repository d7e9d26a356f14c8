"""Nobody sees another patient's: a study, and a series, that hold objects of several patients (merges gone wrong)."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from dicom_service.exams.patients import objects
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.mixed import Habits, MixedPacs
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, ScriptedPacs
from tests.transfers import store, work_downloads

STUDY = "1.2.3"
OWN, OTHERS, MIXED = "1.2.3.1", "1.2.3.2", "1.2.3.3"
NAMES = {"P1": "Doe^Jane", "P2": "Verdi^Giuseppe", "": "Nobody^Known"}
SHADES = {"P1": 1000, "P2": 0, "": 0}
WINDOW = {"WindowCenter": 500, "WindowWidth": 1000}


def image(patient_id: str, series: str, number: int, **attributes: Any) -> bytes:
    """An image of the patient: white of P1, black of all others."""
    pixels = np.full((32, 32), SHADES.get(patient_id.strip(), 0), dtype="<u2").tobytes()
    own = {
        "PatientID": patient_id,
        "PatientName": NAMES.get(patient_id.strip(), "Other^Person"),
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": series,
        "SOPInstanceUID": f"{series}.{number}",
        "InstanceNumber": number,
        "Rows": 32,
        "Columns": 32,
        "PixelData": pixels,
        **WINDOW,
    }
    return make_object(**(own | attributes))


CONTENTS = [
    image("P1", OWN, 1),
    image("P2", OTHERS, 1),
    image("P2", OTHERS, 2),
    image("P2", MIXED, 1),
    image("P1", MIXED, 2),
    image("P2", MIXED, 3),
    image("P2", MIXED, 4),
    image("", MIXED, 5),
]
SERIES = {"P1": {OWN, MIXED}, "P2": {OTHERS, MIXED}, "P3": set()}
INSTANCES = {
    "P1": {f"{OWN}.1", f"{MIXED}.2"},
    "P2": {f"{OTHERS}.1", f"{OTHERS}.2", f"{MIXED}.1", f"{MIXED}.3", f"{MIXED}.4"},
    "P3": set(),
}

LEVELS = [frozenset(), frozenset({"instances"}), frozenset({"series", "instances"}), frozenset({"series"})]
HABITS = {
    f"tells {'+'.join(sorted(tells)) or 'nowhere'}, {'one row' if first else 'a row a patient'}": Habits(tells, first)
    for tells, first in product(LEVELS, (True, False))
} | {
    "refuses includefield": Habits(refuses=400, first_wins=True),
    "empty Patient IDs": Habits(frozenset(), first_wins=True, empty=True),
}


@pytest.fixture(params=HABITS)
def mixed(request: pytest.FixtureRequest, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MixedPacs]:
    with MixedPacs(CONTENTS, HABITS[request.param]) as pacs:
        at(monkeypatch, pacs)
        yield pacs


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch, unconfigured: None) -> Iterator[ScriptedPacs]:
    with ScriptedPacs(Answer(200, b"token")) as server:
        monkeypatch.setenv("DICOM_VIEWER_URL", server.url)
        yield server


def at(monkeypatch: pytest.MonkeyPatch, pacs: ScriptedPacs) -> None:
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
    monkeypatch.setenv("PACS_PICTURES", "none")


def rows(invoke: Invoke, path: str, patient_id: str) -> list[dict[str, Any]]:
    """What a search answers, in which nothing of another patient stands."""
    name = {3: "search_studies", 5: "search_series", 7: "search_instances"}[path.count("/") + 1]
    answer = invoke(name, path=path, query={"PatientId": patient_id})
    assert answer["statusCode"] == 200, answer["body"]
    others = [name for other, name in NAMES.items() if other != patient_id]
    assert not [name for name in others if name in answer["body"]]
    found: list[dict[str, Any]] = json.loads(answer["body"])
    return found


def values(datasets: list[dict[str, Any]], tag: str) -> set[str]:
    assert len(datasets) == len({dataset[tag]["Value"][0] for dataset in datasets})
    return {dataset[tag]["Value"][0] for dataset in datasets}


def brightness(answer: dict[str, Any]) -> float:
    assert answer["statusCode"] == 200, answer
    return float(np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["body"]))).convert("L")).mean())


@pytest.mark.parametrize("patient_id", SERIES)
def test_a_search_shows_what_is_the_patients_and_all_of_it(mixed: MixedPacs, invoke: Invoke, patient_id: str) -> None:
    path = f"/exams/studies/{STUDY}/series"
    assert values(rows(invoke, path, patient_id), "0020000E") == SERIES[patient_id]
    instances = [rows(invoke, f"{path}/{series}/instances", patient_id) for series in (OWN, OTHERS, MIXED)]
    assert set().union(*(values(found, "00080018") for found in instances)) == INSTANCES[patient_id]


@pytest.mark.parametrize("patient_id", ["P1", "P2"])
@pytest.mark.parametrize("dicomdir", ["false", "true"])
def test_an_archive_holds_what_is_the_patients_and_all_of_it(
    aws: Aws, mixed: MixedPacs, invoke: Invoke, patient_id: str, dicomdir: str
) -> None:
    # given
    query = {"PatientId": patient_id, "dicomdir": dicomdir}
    asked = invoke("archive_study", path=f"/exams/studies/{STUDY}/archive", query=query)
    assert asked["statusCode"] == 202, asked["body"]
    # when
    assert work_downloads(aws) == 0
    # then
    ready = invoke("get_archive", path=asked["headers"]["Location"])
    content = requests.get(ready["headers"]["Location"], timeout=10).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    objects_packed = [entry for name, entry in entries.items() if name != "DICOMDIR"]
    assert {uids(entry)[2] for entry in objects_packed} == INSTANCES[patient_id]
    assert len(objects_packed) == len(INSTANCES[patient_id])
    others = [name.encode() for other, name in NAMES.items() if other != patient_id]
    assert not [name for entry in entries.values() for name in others if name in entry]


def test_archives_of_two_patients_are_two(aws: Aws, mixed: MixedPacs, invoke: Invoke) -> None:
    path = f"/exams/studies/{STUDY}/archive"
    locations = {
        patient_id: invoke("archive_study", path=path, query={"PatientId": patient_id})["headers"]["Location"]
        for patient_id in ("P1", "P2", " P1 ")
    }
    assert locations["P1"] != locations["P2"]
    assert locations["P1"] == locations[" P1 "]
    assert invoke("archive_study", path=path, query={"PatientId": "P3"})["statusCode"] == 404


@pytest.mark.parametrize(("patient_id", "lowest", "highest"), [("P1", 245, 255), ("P2", 0, 10)])
def test_a_picture_of_a_study_or_a_series_is_of_the_patient(
    mixed: MixedPacs, invoke: Invoke, patient_id: str, lowest: float, highest: float
) -> None:
    for path in (f"/exams/studies/{STUDY}", f"/exams/studies/{STUDY}/series/{MIXED}"):
        answer = invoke("retrieve_thumbnail", path=f"{path}/thumbnail", query={"PatientId": patient_id})
        assert lowest <= brightness(answer) <= highest


def told(answer: dict[str, Any]) -> tuple[int, Any]:
    """Status and problem, which must tell nothing of what there is."""
    return answer["statusCode"], json.loads(answer["body"])


def test_anothers_picture_is_as_unknown_as_one_that_is_not_there(mixed: MixedPacs, invoke: Invoke) -> None:
    def picture(path: str, patient_id: str) -> tuple[int, Any]:
        return told(
            invoke("retrieve_thumbnail", path=f"/exams/studies/{path}/thumbnail", query={"PatientId": patient_id})
        )

    assert picture(STUDY, "P3") == picture("1.2.9", "P3")
    assert picture(f"{STUDY}/series/{OTHERS}", "P1") == picture(f"{STUDY}/series/1.2.9", "P1")
    assert picture(STUDY, "P3")[0] == picture(f"{STUDY}/series/{OTHERS}", "P1")[0] == 404


@pytest.mark.parametrize("file_type", ["application/dicom", "image/jpeg"])
def test_anothers_object_is_as_unknown_as_one_that_is_not_there(
    mixed: MixedPacs, invoke: Invoke, file_type: str
) -> None:
    def retrieved(instance: str, patient_id: str) -> dict[str, Any]:
        path = f"/exams/studies/{STUDY}/series/{MIXED}/instance/{instance}"
        return invoke("retrieve_exam", path=path, query={"fileType": file_type, "PatientId": patient_id})

    assert retrieved(f"{MIXED}.2", "P1")["statusCode"] == 200
    assert retrieved(f"{MIXED}.2", " P1 ")["statusCode"] == 200
    unknown = told(retrieved(f"{MIXED}.99", "P1"))
    assert unknown[0] == 404
    for instance, patient_id in ((f"{MIXED}.1", "P1"), (f"{MIXED}.2", "p1"), (f"{MIXED}.2", "P"), (f"{MIXED}.5", "P1")):
        assert told(retrieved(instance, patient_id)) == unknown


def test_a_viewer_is_not_opened_on_a_study_that_is_not_all_the_patients(
    viewer: ScriptedPacs, mixed: MixedPacs, invoke: Invoke
) -> None:
    """It shows the whole study, whoever opens it."""

    def token(study: str, patient_id: str) -> tuple[int, Any]:
        return told(invoke("create_viewer_token", path="/token", query={"studyUID": study, "patientID": patient_id}))

    assert token(STUDY, "P3") == token("1.2.9", "P3")
    assert token(STUDY, "P3")[0] == 404
    assert [token(STUDY, patient_id)[0] for patient_id in ("P1", "P2")] == [409, 409]
    assert viewer.asked == []


@pytest.mark.parametrize("habits", HABITS.values(), ids=HABITS)
def test_a_viewer_is_opened_on_the_patients_own_study(
    viewer: ScriptedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, habits: Habits
) -> None:
    with MixedPacs([image("P1", OWN, 1), image(" P1", OWN, 2)], habits) as pacs:
        at(monkeypatch, pacs)
        answer = invoke("create_viewer_token", path="/token", query={"studyUID": STUDY, "patientID": "P1"})
    assert told(answer) == (200, {"token": "token"})
    assert viewer.asked[0].query["patientID"] == ["P1"]


@pytest.mark.parametrize(
    ("terms", "patient_id"),
    [
        ("ISO_IR 100", "M\xfcller"),
        ("ISO 2022 IR 100", "M\xfcller"),
        (["ISO 2022 IR 144", "ISO 2022 IR 87"], "Иван"),
        ("ISO_IR 166", "ไทย"),
        ("ISO_IR 192", "王小東"),
        ("GB18030", "王小东"),
    ],
)
def test_a_patient_id_beyond_ascii_is_read_in_its_character_set(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, terms: Any, patient_id: str
) -> None:
    """PS3.3 section C.12.1.1.2: without an escape sequence text is in the first of the character sets."""
    content = image(patient_id, OWN, 1, SpecificCharacterSet=terms)
    with MixedPacs([content], Habits(frozenset())) as pacs:
        at(monkeypatch, pacs)
        found = rows(invoke, f"/exams/studies/{STUDY}/series/{OWN}/instances", patient_id)
        assert rows(invoke, f"/exams/studies/{STUDY}/series/{OWN}/instances", "P1") == []
    assert values(found, "00080018") == {f"{OWN}.1"}


@pytest.mark.parametrize("level", ["series", "instances"])
def test_a_pacs_that_tells_is_asked_once(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    path = {"series": f"/studies/{STUDY}/series", "instances": f"/studies/{STUDY}/series/{OWN}/instances"}[level]
    with MixedPacs([image("P1", OWN, number) for number in range(1, 6)]) as pacs:
        at(monkeypatch, pacs)
        rows(invoke, f"/exams{path}", "P1")
    assert pacs.paths() == [path]
    assert pacs.asked[0].query["includefield"] == ["00100020"]


def test_whose_an_object_is_is_read_once_and_again_after_a_while(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading every object of a series at each search would not do; nor would never noticing a corrected Patient ID."""
    contents = [image("P1", OWN, number) for number in range(1, 6)]
    with MixedPacs(contents, Habits(frozenset())) as pacs:
        at(monkeypatch, pacs)

        def objects_read() -> int:
            before = len(pacs.asked)
            assert len(rows(invoke, f"/exams/studies/{STUDY}/series/{OWN}/instances", "P1")) == len(contents)
            return sum("/instances/" in path for path in pacs.paths()[before:])

        assert [objects_read(), objects_read()] == [5, 0]
        monkeypatch.setattr(objects, "REMEMBERED_SECONDS", 0.0)
        objects._remembered.clear()
        assert [objects_read(), objects_read()] == [5, 5]


def test_a_series_is_told_of_no_further_than_its_objects_have_in_common(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MixedPacs(CONTENTS, Habits(first_wins=True)) as pacs:
        at(monkeypatch, pacs)
        found = {row["0020000E"]["Value"][0]: row for row in rows(invoke, f"/exams/studies/{STUDY}/series", "P1")}
    assert found[MIXED]["0008103E"] == {"vr": "LO"}
    assert found[MIXED]["00201209"]["Value"] == [1]
    assert found[MIXED]["00080060"]["Value"] == ["CT"]
    assert found[OWN]["0008103E"]["Value"] == ["series of Doe^Jane"]


def test_a_row_of_another_study_or_series_is_left_out(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PACS that passes over a part of the path answers more than was asked for."""
    strays = [image("P1", OWN, 1), image("P1", "1.9.1", 1, StudyInstanceUID="1.9")]

    class Lax(MixedPacs):
        def _rows(self, level: str, uids: list[str], asked: Any) -> list[dict[str, Any]]:
            return super()._rows(level, uids[:0], asked)

    with Lax(strays) as pacs:
        at(monkeypatch, pacs)
        assert values(rows(invoke, f"/exams/studies/{STUDY}/series", "P1"), "0020000E") == {OWN}
    with Lax([*strays, image("P1", OTHERS, 1)]) as pacs:
        at(monkeypatch, pacs)
        path = f"/exams/studies/{STUDY}/series/{OWN}/instances"
        assert values(rows(invoke, path, "P1"), "00080018") == {f"{OWN}.1"}


@pytest.mark.parametrize("patient_id", ["P1", "P2"])
def test_the_embedded_pacs_has_a_study_for_each_patient(pacs: EmbeddedPacs, invoke: Invoke, patient_id: str) -> None:
    store(pacs, *CONTENTS)
    [study] = rows(invoke, "/exams/studies", patient_id)
    assert study["0020000D"]["Value"] == [STUDY]
    assert study["00201208"]["Value"] == [len(INSTANCES[patient_id])]
    path = f"/exams/studies/{STUDY}/series"
    found = rows(invoke, path, patient_id)
    assert values(found, "0020000E") == SERIES[patient_id]
    assert sum(row["00201209"]["Value"][0] for row in found) == len(INSTANCES[patient_id])
    instances = [rows(invoke, f"{path}/{series}/instances", patient_id) for series in (OWN, OTHERS, MIXED)]
    assert set().union(*(values(rows_of, "00080018") for rows_of in instances)) == INSTANCES[patient_id]


@pytest.mark.parametrize("uid", ["../../x", "1.2/../..", "1.2.", "1..2", "a", "1" * 65, "1.2 3", 5, "1.2%2f3"])
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_what_is_no_uid_in_a_pacss_answer_goes_no_further(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, uid: Any, level: str
) -> None:
    """It would become a part of a path, or the name of an archive's entry."""
    tag = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}[level]
    row = {tag: {"vr": "UI", "Value": [uid]}, "00100020": {"vr": "LO", "Value": ["P1"]}}
    path = {
        "studies": "/exams/studies",
        "series": f"/exams/studies/{STUDY}/series",
        "instances": f"/exams/studies/{STUDY}/series/{OWN}/instances",
    }[level]
    name = {"studies": "search_studies", "series": "search_series", "instances": "search_instances"}[level]
    with ScriptedPacs(Answer(200, json.dumps([row]).encode())) as pacs:
        at(monkeypatch, pacs)
        assert invoke(name, path=path, query={"PatientId": "P1"})["statusCode"] == 502
    assert len(pacs.asked) == 1


@pytest.mark.parametrize("padding", ["\0", " ", "\0\0", " \0"])
def test_padding_of_a_uid_is_taken_off(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, padding: str) -> None:
    row = {
        "0020000D": {"vr": "UI", "Value": [STUDY + padding]},
        "0020000E": {"vr": "UI", "Value": [OWN + padding]},
        "00100020": {"vr": "LO", "Value": [f"P1{padding}"]},
    }
    with ScriptedPacs(Answer(200, json.dumps([row]).encode()), Answer(200, b"[]")) as pacs:
        at(monkeypatch, pacs)
        found = rows(invoke, f"/exams/studies/{STUDY}/series", "P1")
    assert found[0]["0020000E"]["Value"] == [OWN]
    assert found[0]["0020000D"]["Value"] == [STUDY]
