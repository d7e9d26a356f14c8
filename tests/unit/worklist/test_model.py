"""The body of `POST /workitems`: what it takes, what it refuses, and that it refuses all of it at once."""

from typing import Any

import pytest
from pydantic import ValidationError

from dicom_service.worklist.fields import EXAMPLE, FIELDS
from dicom_service.worklist.model import NewWorkitem

REQUIRED = {
    "PatientID",
    "PatientName",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepDescription",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "Modality",
    "AccessionNumber",
}
OPTIONAL = {field.name for field in FIELDS} - REQUIRED


def given(**values: Any) -> dict[str, Any]:
    """What the model keeps of the least that is required and these values."""
    kept: dict[str, Any] = NewWorkitem.model_validate({**EXAMPLE, **values}).given()
    return kept


def errors(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        NewWorkitem.model_validate(body)
    return {str(error["loc"][0]): error["msg"] for error in caught.value.errors()}


def test_exactly_these_are_required() -> None:
    assert set(errors({})) == REQUIRED == set(EXAMPLE)


def test_the_least_and_the_most_are_taken_as_they_are() -> None:
    every = {field.name: field.example for field in FIELDS}
    assert given() == EXAMPLE
    assert given(**every) == every


def test_every_wrong_field_is_told_at_once() -> None:
    body: dict[str, Any] = {field.name: "\\" for field in FIELDS}
    assert set(errors(body)) == {field.name for field in FIELDS}


def test_no_message_holds_the_value() -> None:
    body: dict[str, Any] = {field.name: "Rossi\\\n" + "Mario" * 30 for field in FIELDS}
    assert not any("Rossi" in message or "Mario" in message for message in errors(body).values())


@pytest.mark.parametrize(
    ("name", "nothing"),
    [(name, nothing) for name in sorted(REQUIRED) for nothing in ("", None)] + [("PatientID", "  "), ("Modality", " ")],
)
def test_nothing_in_a_required_field_is_refused(name: str, nothing: str | None) -> None:
    assert errors({**EXAMPLE, name: nothing}) == {name: "Value error, must not be empty"}


@pytest.mark.parametrize("name", sorted(OPTIONAL))
@pytest.mark.parametrize("nothing", ["", None])
def test_nothing_in_an_optional_field_is_not_given(name: str, nothing: str | None) -> None:
    assert name not in given(**{name: nothing})


@pytest.mark.parametrize("wrong", [1, 1.5, True, ["A"], {"a": 1}, [], {}])
def test_a_string_is_a_string(wrong: object) -> None:
    assert errors({**EXAMPLE, "PatientState": wrong}) == {"PatientState": "Value error, must be a string"}


@pytest.mark.parametrize("sex", ["M", "F", "O", " F "])
def test_sex(sex: str) -> None:
    assert given(PatientSex=sex)["PatientSex"] == sex.strip()


@pytest.mark.parametrize("sex", ["m", "X", "male", "MF"])
def test_no_other_sex(sex: str) -> None:
    assert errors({**EXAMPLE, "PatientSex": sex}) == {"PatientSex": "Value error, must be M, F or O"}


@pytest.mark.parametrize("status", [1, 2, 3, 4])
def test_pregnancy_status(status: int) -> None:
    assert given(PregnancyStatus=status)["PregnancyStatus"] == status


@pytest.mark.parametrize("status", [0, 5, -1, "1", 1.0, True, [1], 10**30])
def test_no_other_pregnancy_status(status: object) -> None:
    body = {**EXAMPLE, "PregnancyStatus": status}
    assert errors(body) == {"PregnancyStatus": "Value error, must be one of the numbers 1, 2, 3 or 4"}


@pytest.mark.parametrize("name", ["MedicalAlerts", "ScheduledStationAETitle"])
def test_one_value_or_several(name: str) -> None:
    assert given(**{name: "ONE"})[name] == "ONE"
    assert given(**{name: ["ONE"]})[name] == "ONE"
    assert given(**{name: ["ONE", " TWO "]})[name] == ["ONE", "TWO"]


@pytest.mark.parametrize("values", [["ONE", ""], ["ONE", "A\\B"], ["ONE", 2], ["ONE", None], [["ONE"]], ["A"] * 101])
def test_each_of_several_values_is_checked(values: list[Any]) -> None:
    assert set(errors({**EXAMPLE, "MedicalAlerts": values})) == {"MedicalAlerts"}


def test_no_value_of_a_field_for_several() -> None:
    assert "MedicalAlerts" not in given(MedicalAlerts=[])
    assert set(errors({**EXAMPLE, "ScheduledStationAETitle": []})) == {"ScheduledStationAETitle"}


@pytest.mark.parametrize("patient_id", ["A*", "?", "A\\B", "A\x00"])
def test_a_patient_id_that_no_search_could_find_is_refused(patient_id: str) -> None:
    assert set(errors({**EXAMPLE, "PatientID": patient_id})) == {"PatientID"}


def test_both_spellings_of_the_performing_physician() -> None:
    old, keyword = "ScheduledPerformingPhysiciansName", "ScheduledPerformingPhysicianName"
    assert given(**{keyword: "NERI^PAOLA"})[old] == "NERI^PAOLA"
    assert given(**{keyword: "NERI^PAOLA", old: ""})[old] == "NERI^PAOLA"
    assert given(**{keyword: "", old: "NERI^PAOLA"})[old] == "NERI^PAOLA"
    both = errors({**EXAMPLE, old: "NERI^PAOLA", keyword: "NERI^PAOLA"})
    assert both == {keyword: f"Value error, must not be given together with {old}"}


def test_an_unknown_field_is_refused() -> None:
    assert set(errors({**EXAMPLE, "PatientsName": "A", "patientID": "B"})) == {"PatientsName", "patientID"}


def test_the_schema_tells_the_limits() -> None:
    schema = NewWorkitem.model_json_schema()
    assert set(schema["required"]) == REQUIRED
    assert schema["additionalProperties"] is False
    assert schema["properties"]["AccessionNumber"]["maxLength"] == 16
    assert schema["properties"]["PatientSex"]["anyOf"][0]["enum"] == ["M", "F", "O"]
    assert all(described["description"] for described in schema["properties"].values())
