"""What PACS answer for workitems, and the one form that clients get of it."""

from typing import Any

import pytest

from dicom_service.worklist.mapper import dataset_of
from dicom_service.worklist.normal import normal_form

EMPTY = dataset_of({})


def test_an_empty_dataset_gets_every_attribute() -> None:
    assert normal_form({}) == EMPTY


@pytest.mark.parametrize("said", ["ISO-IR 192", "ISO_IR 192", "ISO_IR 100", ""])
def test_the_character_set_is_what_json_is_in(said: str) -> None:
    normal = normal_form({"00080005": {"vr": "CS", "Value": [said]}})
    assert normal["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}


@pytest.mark.parametrize(
    ("tag", "element", "normal"),
    [
        ("00100010", {"vr": "PN", "Value": ["A^B=C=D"]}, [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}]),
        ("00100010", {"vr": "PN", "Value": [{"Alphabetic": "A^B ", "Phonetic": ""}]}, [{"Alphabetic": "A^B"}]),
        ("00100010", {"vr": "PN", "Value": [{"Ideographic": "山田"}]}, [{"Ideographic": "山田"}]),
        ("00100010", {"vr": "PN", "Value": [{"Alphabetic": None}]}, None),
        ("00100010", {"vr": "PN", "Value": [{}]}, None),
        ("00100010", {"vr": "PN", "Value": [5]}, None),
        ("00100030", {"vr": "DA", "Value": ["1960.01.02"]}, ["19600102"]),
        ("00100030", {"vr": "DA", "Value": ["1960-01-02"]}, ["19600102"]),
        ("00100030", {"vr": "DA", "Value": ["19600102 "]}, ["19600102"]),
        ("0020000D", {"vr": "UI", "Value": ["1.2.3\0"]}, ["1.2.3"]),
        ("00100020", {"vr": "LO", "Value": [" P1 "]}, ["P1"]),
        ("00100020", {"vr": "LO", "Value": [4711]}, ["4711"]),
        ("00100020", {"vr": "LO", "Value": [None]}, None),
        ("00100020", {"vr": "LO", "Value": []}, None),
        ("00100020", {"vr": "LO", "Value": [""]}, None),
        ("00100020", {"vr": "LO", "Value": "P1"}, None),
        ("00100020", {"vr": "LO", "Value": [{"a": 1}]}, None),
        ("00100020", {"vr": "UN", "Value": ["P1"]}, ["P1"]),
        ("00100020", {"Value": ["P1"]}, ["P1"]),
        ("00100020", None, None),
        ("00100020", "P1", None),
        ("001021C0", {"vr": "US", "Value": ["2"]}, [2]),
        ("001021C0", {"vr": "US", "Value": [2]}, [2]),
        ("001021C0", {"vr": "US", "Value": ["two"]}, None),
        ("001021c0", {"vr": "US", "Value": [3]}, [3]),
        ("00102000", {"vr": "LO", "Value": ["A", None, "B "]}, ["A", "B"]),
    ],
)
def test_what_is_odd_is_set_right(tag: str, element: Any, normal: list[Any] | None) -> None:
    expected = {"vr": EMPTY[tag.upper()]["vr"]} | ({"Value": normal} if normal else {})
    dataset = normal_form({tag: element})
    assert dataset == EMPTY | {tag.upper(): expected}
    assert list(dataset) == sorted(dataset)


def test_the_step_is_set_right_too() -> None:
    step = {"00400003": {"vr": "TM", "Value": ["12:30:00"]}, "00400002": {"vr": "DA", "Value": ["2030.01.15"]}}
    normal = normal_form({"00400100": {"vr": "SQ", "Value": [step]}})["00400100"]["Value"]
    assert [normal[0]["00400002"]["Value"], normal[0]["00400003"]["Value"]] == [["20300115"], ["123000"]]
    assert set(normal[0]) == set(EMPTY["00400100"]["Value"][0])


@pytest.mark.parametrize(
    "sequence", [{"vr": "SQ"}, {"vr": "SQ", "Value": []}, {"vr": "SQ", "Value": [None]}, None, "x"]
)
def test_there_is_always_a_step(sequence: Any) -> None:
    assert normal_form({"00400100": sequence}) == EMPTY


def test_what_the_table_does_not_have_is_kept() -> None:
    extra = {"00321064": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["CTCHEST"]}}]}}
    inner = {"00400011": {"vr": "SH", "Value": ["ROOM 2"]}}
    normal = normal_form({**extra, "00400100": {"vr": "SQ", "Value": [inner, inner]}})
    assert normal["00321064"] == extra["00321064"]
    steps = normal["00400100"]["Value"]
    assert [step["00400011"] for step in steps] == [inner["00400011"]] * 2
    assert list(normal) == sorted(normal)
    assert list(steps[0]) == sorted(steps[0])
