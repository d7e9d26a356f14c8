"""Searching: QIDO-RS (PS3.18 section 10.6, matching as in PS3.4 section C.2.2.2)."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.pacs.objects import make_object, send

JANE, JOHN, YAMADA = "1.2.1", "1.2.2", "1.2.3"
O3 = "/o3-dpacs-wado/qido/AET/studies"
STUDIES = "/dicom-web/studies"


def request_item(step: str, procedure: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID = step
    item.RequestedProcedureID = procedure
    return item


JANES = {
    "StudyInstanceUID": JANE,
    "PatientID": "P1",
    "PatientName": "Doe^Jane",
    "PatientSex": "F",
    "StudyDate": "20200115",
    "StudyTime": "103000",
    "AccessionNumber": "A1",
    "StudyID": "S1",
    "ReferringPhysicianName": "House^Gregory",
    "StudyDescription": "Thorax",
}
OBJECTS: list[dict[str, Any]] = [
    JANES
    | {
        "SeriesInstanceUID": "1.2.1.1",
        "SOPInstanceUID": "1.2.1.1.1",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "SeriesDescription": "axial",
        "PerformedProcedureStepStartDate": "20200115",
        "PerformedProcedureStepStartTime": "1035",
        "RequestAttributesSequence": [request_item("SPS1", "RP1"), request_item("SPS2", "RP2")],
        "NumberOfFrames": 1,
    },
    JANES | {"SeriesInstanceUID": "1.2.1.1", "SOPInstanceUID": "1.2.1.1.2", "SeriesNumber": 1, "InstanceNumber": 2},
    JANES | {"SeriesInstanceUID": "1.2.1.2", "SOPInstanceUID": "1.2.1.2.1", "SeriesNumber": 2, "Modality": "MR"},
    {
        "StudyInstanceUID": JOHN,
        "SeriesInstanceUID": "1.2.2.1",
        "SOPInstanceUID": "1.2.2.1.1",
        "PatientID": "P2",
        "PatientName": "DOE^JOHN",
        "StudyDate": "20200301",
        "StudyTime": "090000.5",
        "AccessionNumber": "a1",
        "StudyID": "S[2]",
        "Modality": "US",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1",
    },
    {
        "StudyInstanceUID": YAMADA,
        "SeriesInstanceUID": "1.2.3.1",
        "SOPInstanceUID": "1.2.3.1.1",
        "PatientID": "P3",
        "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "Modality": "CT",
    },
]


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPacs]:
    with EmbeddedPacs(PacsSettings(tmp_path_factory.mktemp("pacs"), page_limit=3)) as running:
        for attributes in OBJECTS:
            assert send(f"{running.url}/dicom-web/studies", make_object(**attributes)).status_code == 200
        yield running


def search(pacs: EmbeddedPacs, path: str, query: str = "") -> requests.Response:
    return requests.get(f"{pacs.url}{path}?{query}", timeout=10)


def found(pacs: EmbeddedPacs, path: str, query: str) -> list[str]:
    """The unique keys of what a search found, in its order."""
    key = {"s": "0020000D", "e": "0020000E", "i": "00080018"}[
        "s" if path.endswith("studies") else "e" if path.endswith("series") else "i"
    ]
    answer = search(pacs, path, query)
    assert answer.status_code == 200, answer.text
    return [one[key]["Value"][0] for one in answer.json()]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [JANE, JOHN, YAMADA]),
        ("PatientID=P1", [JANE]),
        ("00100020=P1", [JANE]),
        ("PatientID=p1", []),
        ("PatientID=", [JANE, JOHN, YAMADA]),
        ("PatientID=*", [JANE, JOHN, YAMADA]),
        ("PatientID=P?", [JANE, JOHN, YAMADA]),
        ("PatientID=*2", [JOHN]),
        ("PatientID=P1&AccessionNumber=a1", []),
        ("AccessionNumber=A1", [JANE]),
        ("AccessionNumber=a1", [JOHN]),
        ("StudyID=S1", [JANE]),
        ("StudyID=S[2]", [JOHN]),
        ("StudyID=S[[]*", []),
        ("StudyID=?[2*", [JOHN]),
        ("PatientName=doe^jane", [JANE]),
        ("PatientName=doe*", [JANE, JOHN]),
        ("PatientName=doe", []),
        ("PatientName=DOE^J?HN^", [JOHN]),
        ("PatientName=山田*", [YAMADA]),
        ("PatientName=yamada^tarou", [YAMADA]),
        ("PatientName=やまだ^たろう", [YAMADA]),
        ("ReferringPhysicianName=house*", [JANE]),
        ("PatientSex=F", [JANE]),
        ("StudyDescription=Tho*", [JANE]),
        ("StudyDate=20200115", [JANE]),
        ("StudyDate=20200101-20200201", [JANE]),
        ("StudyDate=20200115-20200301", [JANE, JOHN]),
        ("StudyDate=20200201-", [JOHN]),
        ("StudyDate=-20200201", [JANE]),
        ("StudyTime=10", [JANE]),
        ("StudyTime=1030", [JANE]),
        ("StudyTime=1031", []),
        ("StudyTime=0900-1000", [JOHN]),
        ("StudyTime=-0900", [JOHN]),
        ("StudyTime=-090000", [JOHN]),
        ("StudyTime=-085959.999999", []),
        ("StudyTime=100000-", [JANE]),
        ("StudyDate=20200115-20200301&StudyTime=1100-0800", []),
        ("StudyDate=20200115-20200301&StudyTime=1000-0930", [JANE, JOHN]),
        (f"StudyInstanceUID={JOHN}", [JOHN]),
        (f"StudyInstanceUID={YAMADA},{JANE},9.9", [JANE, YAMADA]),
        (f"StudyInstanceUID={YAMADA}%5C{JANE}", [JANE, YAMADA]),
        ("StudyInstanceUID=1.2.*", []),
        ("ModalitiesInStudy=MR", [JANE]),
        ("ModalitiesInStudy=CT", [JANE, YAMADA]),
        ("ModalitiesInStudy=?R", [JANE]),
    ],
)
@pytest.mark.parametrize("path", [STUDIES, O3])
def test_studies_are_found_by_every_kind_of_match(
    pacs: EmbeddedPacs, path: str, query: str, expected: list[str]
) -> None:
    assert found(pacs, path, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Modality=MR", ["1.2.1.2"]),
        ("SeriesInstanceUID=1.2.1.1", ["1.2.1.1"]),
        ("SeriesNumber=2", ["1.2.1.2"]),
        ("SeriesNumber=02", ["1.2.1.2"]),
        ("SeriesDescription=ax*", ["1.2.1.1"]),
        ("PerformedProcedureStepStartDate=20200101-", ["1.2.1.1"]),
        ("PerformedProcedureStepStartTime=103500-1036", ["1.2.1.1"]),
        ("PerformedProcedureStepStartDate=20200115&PerformedProcedureStepStartTime=09-10", ["1.2.1.1"]),
        ("RequestAttributesSequence.ScheduledProcedureStepID=SPS2", ["1.2.1.1"]),
        ("00400275.00401001=RP1", ["1.2.1.1"]),
        ("00400275.00401001=RP1&00400275.00400009=SPS1", ["1.2.1.1"]),
        ("00400275.00401001=RP1&00400275.00400009=SPS2", []),
    ],
)
@pytest.mark.parametrize("path", [f"{STUDIES}/{JANE}/series", f"{O3}/{JANE}/series"])
def test_series_are_found_by_every_key(pacs: EmbeddedPacs, path: str, query: str, expected: list[str]) -> None:
    assert found(pacs, path, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1.2.1.1.1", "1.2.1.1.2"]),
        ("InstanceNumber=2", ["1.2.1.1.2"]),
        ("SOPInstanceUID=1.2.1.1.1", ["1.2.1.1.1"]),
        ("SOPClassUID=1.2.840.10008.5.1.4.1.1.2", ["1.2.1.1.1", "1.2.1.1.2"]),
        ("SOPClassUID=1.2.840.10008.5.1.4.1.1.6.1", []),
    ],
)
@pytest.mark.parametrize("tree", [STUDIES, O3])
def test_instances_are_found_by_every_key(pacs: EmbeddedPacs, tree: str, query: str, expected: list[str]) -> None:
    assert found(pacs, f"{tree}/{JANE}/series/1.2.1.1/instances", query) == expected


def test_the_standards_tree_searches_across_the_levels(pacs: EmbeddedPacs) -> None:
    assert found(pacs, "/dicom-web/series", "PatientID=P1") == ["1.2.1.1", "1.2.1.2"]
    assert found(pacs, "/dicom-web/series", "ModalitiesInStudy=MR&Modality=CT") == ["1.2.1.1"]
    assert found(pacs, "/dicom-web/instances", "Modality=US") == ["1.2.2.1.1"]
    assert found(pacs, f"{STUDIES}/{JANE}/instances", "Modality=MR") == ["1.2.1.2.1"]
    assert found(pacs, f"{STUDIES}/{JANE}/series", "PatientID=P2") == []


def test_o3_does_not_match_the_patient_below_study_level(pacs: EmbeddedPacs) -> None:
    assert found(pacs, f"{O3}/{JANE}/series", "PatientID=P2") == ["1.2.1.1", "1.2.1.2"]
    assert found(pacs, f"{O3}/{JANE}/series/1.2.1.2/instances", "PatientID=P2") == ["1.2.1.2.1"]


@pytest.mark.parametrize(
    "path",
    [f"{STUDIES}/9.9/series", f"{STUDIES}/*/series", f"{O3}/9.9/series", f"{STUDIES}/{JOHN}/series/1.2.1.1/instances"],
)
def test_nothing_found_is_an_empty_array(pacs: EmbeddedPacs, path: str) -> None:
    answer = search(pacs, path)
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_study_shows_what_the_standard_requires(pacs: EmbeddedPacs) -> None:
    # PS3.18 Table 10.6.3-3
    (study,) = search(pacs, STUDIES, "PatientID=P1").json()
    assert study == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080020": {"vr": "DA", "Value": ["20200115"]},
        "00080030": {"vr": "TM", "Value": ["103000"]},
        "00080050": {"vr": "SH", "Value": ["A1"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00080061": {"vr": "CS", "Value": ["CT", "MR"]},
        "00080090": {"vr": "PN", "Value": [{"Alphabetic": "House^Gregory"}]},
        "00081030": {"vr": "LO", "Value": ["Thorax"]},
        "00081190": {"vr": "UR", "Value": [f"{pacs.url}/dicom-web/studies/{JANE}"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "00100030": {"vr": "DA"},
        "00100040": {"vr": "CS", "Value": ["F"]},
        "0020000D": {"vr": "UI", "Value": [JANE]},
        "00200010": {"vr": "SH", "Value": ["S1"]},
        "00201206": {"vr": "IS", "Value": [2]},
        "00201208": {"vr": "IS", "Value": [3]},
    }
    assert list(study) == sorted(study)


def test_a_series_shows_what_the_standard_requires(pacs: EmbeddedPacs) -> None:
    # PS3.18 Table 10.6.3-4
    series = search(pacs, f"{STUDIES}/{JANE}/series", "Modality=CT").json()[0]
    assert series["00080060"]["Value"] == ["CT"]
    assert series["0008103E"]["Value"] == ["axial"]
    assert series["00081190"]["Value"] == [f"{pacs.url}/dicom-web/studies/{JANE}/series/1.2.1.1"]
    assert series["0020000E"]["Value"] == ["1.2.1.1"]
    assert series["00200011"]["Value"] == [1]
    assert series["00201209"]["Value"] == [2]
    assert series["00400244"]["Value"] == ["20200115"]
    assert series["00400245"]["Value"] == ["1035"]
    assert [item["00400009"]["Value"] for item in series["00400275"]["Value"]] == [["SPS1"], ["SPS2"]]
    assert "00100020" not in series


def test_an_instance_shows_what_the_standard_requires(pacs: EmbeddedPacs) -> None:
    # PS3.18 Table 10.6.3-5
    instance = search(pacs, f"{STUDIES}/{JANE}/series/1.2.1.1/instances").json()[0]
    shown = {tag: instance[tag].get("Value") for tag in instance}
    assert shown == {
        "00080005": ["ISO_IR 192"],
        "00080016": ["1.2.840.10008.5.1.4.1.1.2"],
        "00080018": ["1.2.1.1.1"],
        "00080056": ["ONLINE"],
        "00081190": [f"{pacs.url}/dicom-web/studies/{JANE}/series/1.2.1.1/instances/1.2.1.1.1"],
        "0020000D": [JANE],
        "0020000E": ["1.2.1.1"],
        "00200013": [1],
        "00280008": [1],
        "00280010": [8],
        "00280011": [8],
        "00280100": [16],
    }


def test_a_search_across_levels_shows_the_levels_above(pacs: EmbeddedPacs) -> None:
    instance = search(pacs, "/dicom-web/instances", "SOPInstanceUID=1.2.1.1.1").json()[0]
    assert instance["00100020"]["Value"] == ["P1"]
    assert instance["00201208"]["Value"] == [3]
    assert instance["00201209"]["Value"] == [2]


def test_names_keep_their_groups(pacs: EmbeddedPacs) -> None:
    (study,) = search(pacs, STUDIES, "PatientID=P3").json()
    assert study["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


@pytest.mark.parametrize("field", ["PixelRepresentation", "00280103", "PatientSex,PixelRepresentation", "all"])
def test_further_attributes_are_included_on_demand(pacs: EmbeddedPacs, field: str) -> None:
    path = f"{STUDIES}/{JANE}/series/1.2.1.1/instances"
    assert "00280103" not in search(pacs, path).json()[0]
    assert search(pacs, path, f"includefield={field}").json()[0]["00280103"] == {"vr": "US", "Value": [0]}


def test_attributes_of_lower_levels_are_not_included(pacs: EmbeddedPacs) -> None:
    (study,) = search(pacs, STUDIES, "PatientID=P1&includefield=Modality&includefield=Rows&includefield=all").json()
    assert "00080060" not in study
    assert "00280010" not in study


def test_a_page_holds_no_more_than_the_limit_and_says_what_is_left(pacs: EmbeddedPacs) -> None:
    # given five instances and a page limit of three
    first = search(pacs, "/dicom-web/instances")
    second = search(pacs, "/dicom-web/instances", "offset=3")
    # then
    assert first.headers["Warning"].startswith("299 ")
    assert "There are 2 additional results that can be requested" in first.headers["Warning"]
    assert "Warning" not in second.headers
    uids = [one["00080018"]["Value"][0] for one in first.json() + second.json()]
    assert uids == [one["SOPInstanceUID"] for one in OBJECTS]


@pytest.mark.parametrize(
    ("query", "number", "warned"),
    [("limit=2", 2, False), ("limit=3", 3, False), ("limit=4", 3, True), ("limit=0", 0, False), ("offset=9", 0, False)],
)
def test_limit_and_offset_cut_a_page(pacs: EmbeddedPacs, query: str, number: int, warned: bool) -> None:
    answer = search(pacs, "/dicom-web/instances", query)
    assert len(answer.json()) == number
    assert ("Warning" in answer.headers) == warned


def test_fuzzy_matching_is_passed_over_with_a_warning(pacs: EmbeddedPacs) -> None:
    answer = search(pacs, STUDIES, "PatientName=doe^jane&fuzzymatching=true")
    assert [one["00100020"]["Value"] for one in answer.json()] == [["P1"]]
    assert "fuzzymatching" in answer.headers["Warning"]


def test_an_attribute_that_is_not_matched_is_passed_over_with_a_warning(pacs: EmbeddedPacs) -> None:
    answer = search(pacs, STUDIES, "Modality=MR&00091001=x")
    assert len(answer.json()) == 3
    assert "Modality, 00091001" in answer.headers["Warning"]


@pytest.mark.parametrize(
    "query",
    [
        "NoSuchAttribute=1",
        "StudyDate=2020",
        "StudyDate=yesterday-today",
        "StudyDate=-",
        "StudyTime=noon",
        "limit=-1",
        "limit=x",
        "offset=1.5",
        "includefield=NoSuchAttribute",
        "PatientID=1&00100020=2",
    ],
)
def test_a_query_that_cannot_be_understood_is_400(pacs: EmbeddedPacs, query: str) -> None:
    assert search(pacs, STUDIES, query).status_code == 400


@pytest.mark.parametrize("value", ["' OR 1=1 --", "P1'; DROP TABLE study; --", '"', "%", "_1"])
def test_a_value_is_never_a_query_of_the_database(pacs: EmbeddedPacs, value: str) -> None:
    answer = requests.get(f"{pacs.url}{STUDIES}", params={"PatientID": value}, timeout=10)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        ("application/dicom+json", 200, "application/dicom+json"),
        ("application/json", 200, "application/json"),
        ("application/json;q=0.5, application/dicom+json", 200, "application/dicom+json"),
        ("*/*", 200, "application/dicom+json"),
        ('multipart/related; type="application/dicom+xml"', 406, "application/json"),
    ],
)
def test_the_answer_is_json_of_the_kind_accepted(pacs: EmbeddedPacs, accept: str, status: int, media_type: str) -> None:
    answer = requests.get(pacs.url + STUDIES, headers={"Accept": accept}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, media_type)


def test_an_independent_client_finds_the_same(pacs: EmbeddedPacs) -> None:
    # given
    client = DICOMwebClient(f"{pacs.url}/dicom-web")
    # when
    studies = client.search_for_studies(search_filters={"PatientName": "doe*", "StudyDate": "20200101-20200201"})
    series = client.search_for_series(JANE, fields=["Manufacturer"], search_filters={"Modality": "MR"})
    instances = client.search_for_instances(JANE, "1.2.1.1", limit=1, offset=1)
    everything = client.search_for_instances(get_remaining=True)
    # then
    assert [Dataset.from_json(one).StudyInstanceUID for one in studies] == [JANE]
    assert [Dataset.from_json(one).SeriesInstanceUID for one in series] == ["1.2.1.2"]
    assert [Dataset.from_json(one).SOPInstanceUID for one in instances] == ["1.2.1.1.2"]
    assert len(everything) == len(OBJECTS)
