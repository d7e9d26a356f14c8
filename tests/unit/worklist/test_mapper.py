"""Keyword JSON to DICOM JSON and back (PS3.18 Annex F)."""

import json
from typing import Any

from hypothesis import given, settings

from dicom_service.worklist.fields import FIELDS
from dicom_service.worklist.mapper import dataset_of, keywords_of, person_name, person_name_groups
from dicom_service.worklist.model import NewWorkitem
from dicom_service.worklist.normal import normal_form
from tests.unit.worklist.workitems import workitems

SEED = {
    "StudyInstanceUID": "1.2.752.24.5.2584605181.20150129083013.816906",
    "PatientID": "SDJ38WMD1MS01",
    "PatientName": "MARIO^ROSSI",
    "ScheduledStationAETitle": "NGV",
    "ScheduledProcedureStepStartDate": "20000101",
    "ScheduledProcedureStepStartTime": "120000",
    "ScheduledProcedureStepDescription": "Tac",
    "Modality": "CT",
    "AccessionNumber": "NDS83JF784N209D2",
}

STEP: dict[str, Any] = {
    "00080060": {"vr": "CS", "Value": ["CT"]},
    "00400001": {"vr": "AE", "Value": ["NGV"]},
    "00400002": {"vr": "DA", "Value": ["20000101"]},
    "00400003": {"vr": "TM", "Value": ["120000"]},
    "00400006": {"vr": "PN"},
    "00400007": {"vr": "LO", "Value": ["Tac"]},
    "00400009": {"vr": "SH"},
    "00400010": {"vr": "SH"},
}

DATASET: dict[str, Any] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080050": {"vr": "SH", "Value": ["NDS83JF784N209D2"]},
    "00080090": {"vr": "PN"},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "MARIO^ROSSI"}]},
    "00100020": {"vr": "LO", "Value": ["SDJ38WMD1MS01"]},
    "00100030": {"vr": "DA"},
    "00100040": {"vr": "CS"},
    "00102000": {"vr": "LO"},
    "001021C0": {"vr": "US"},
    "0020000D": {"vr": "UI", "Value": ["1.2.752.24.5.2584605181.20150129083013.816906"]},
    "00321032": {"vr": "PN"},
    "00321060": {"vr": "LO"},
    "00380010": {"vr": "LO"},
    "00380060": {"vr": "LO"},
    "00380300": {"vr": "LO"},
    "00380500": {"vr": "LO"},
    "00400100": {"vr": "SQ", "Value": [STEP]},
    "00401001": {"vr": "SH"},
    "00402016": {"vr": "LO"},
    "00403001": {"vr": "LO"},
}


def test_the_dataset_of_the_least_workitem_in_tag_order() -> None:
    dataset = dataset_of(SEED)
    assert dataset == DATASET
    assert list(dataset) == list(DATASET) == sorted(DATASET)
    assert list(dataset["00400100"]["Value"][0]) == list(STEP) == sorted(STEP)


def test_every_field_has_its_place() -> None:
    every = {field.name: field.example for field in FIELDS}
    dataset = dataset_of(every)
    places = {field.tag: dataset["00400100"]["Value"][0] if field.in_step else dataset for field in FIELDS}
    assert all(place[tag]["Value"] for tag, place in places.items())
    assert len(places) == len(FIELDS) == 27


def test_what_is_scheduled_says_nothing_of_its_status() -> None:
    scheduled = dataset_of({**SEED, "status": "SCHEDULED"})
    assert scheduled == dataset_of(SEED)
    scheduled["00400100"]["Value"][0]["00400020"] = {"vr": "CS", "Value": ["SCHEDULED"]}
    assert normal_form(scheduled) == dataset_of(SEED)
    assert keywords_of(dataset_of({**SEED, "status": "ARRIVED"}))["status"] == "ARRIVED"


def test_a_number_stays_a_number_and_several_values_stay_several() -> None:
    dataset = dataset_of({**SEED, "PregnancyStatus": 4, "MedicalAlerts": ["A", "B"]})
    assert dataset["001021C0"] == {"vr": "US", "Value": [4]}
    assert dataset["00102000"] == {"vr": "LO", "Value": ["A", "B"]}


def test_the_component_groups_of_a_name() -> None:
    groups = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    assert person_name_groups("Yamada^Tarou=山田^太郎=やまだ^たろう") == groups
    assert person_name_groups("=山田^太郎") == {"Ideographic": "山田^太郎"}
    assert person_name({"Alphabetic": "A", "Phonetic": "C"}) == "A==C"


@settings(deadline=None)
@given(workitems())
def test_what_goes_in_comes_out(body: dict[str, Any]) -> None:
    """Over the model, the dataset as it travels, the normal form of what a PACS answers, and back."""
    accepted = NewWorkitem.model_validate(body).given()
    travelled = json.loads(json.dumps(dataset_of(accepted)))
    assert normal_form(travelled) == travelled
    simple = keywords_of(normal_form(travelled))
    assert simple == accepted == body
    assert NewWorkitem.model_validate(simple).given() == simple
