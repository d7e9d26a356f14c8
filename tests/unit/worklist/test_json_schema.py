"""What the OpenAPI document says of a field is what the field takes, no more and no less."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dicom_service.worklist.acceptance import accepted
from dicom_service.worklist.fields import BY_NAME, FIELDS, Field
from dicom_service.worklist.json_schema import DATE, field_schema
from dicom_service.worklist.search import date_range

STRINGS = st.text("AZaz09_ ^=*?\\.-\x00\x1f\x7f\x9féß山\U0001f9b4\u00a0\u3000\ufeff", max_size=70) | st.from_regex(
    r"[0-9]{0,8}(-[0-9]{0,8})?|[0-9]{2,6}(\.[0-9]{0,7})?|([0-9]{1,3}\.){0,20}[0-9]{1,3}|(A{0,66}\^){0,6}=?B{0,66}",
    fullmatch=True,
)
ANYTHING = STRINGS | st.none() | st.booleans() | st.integers(-1, 6) | st.lists(STRINGS, max_size=3)


def takes(field: Field, value: Any) -> bool:
    try:
        accepted(field, value)
    except ValueError:
        return False
    return True


def is_padded(value: Any) -> bool:
    """Spaces around a value do not count for its length, which a pattern cannot say."""
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and re.search("^ | $| =|= ", one) for one in values)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_schema_takes_what_the_field_takes(field: Field) -> None:
    schema = Draft202012Validator(field_schema(field, required=field.required))

    @given(ANYTHING)
    def check(value: Any) -> None:
        if not is_padded(value):
            assert schema.is_valid(value) == takes(field, value)

    check()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PatientState", "   "), ("PatientBirthDate", "  "), ("ScheduledStationName", " A "), ("PatientState", [""])],
)
def test_padding(name: str, value: Any) -> None:
    field = BY_NAME[name]
    assert Draft202012Validator(field_schema(field, required=False)).is_valid(value) == takes(field, value)


def test_dates_are_those_of_the_calendar() -> None:
    # given every day of four hundred years, after which the calendar repeats itself, and every other eight digits
    days = {(date(2000, 1, 1) + timedelta(days=number)).strftime("%Y%m%d") for number in range(146_097)}

    # then
    written = {f"{year}{month:02}{day:02}" for year in range(2000, 2400) for month in range(14) for day in range(33)}
    assert {text for text in written if re.fullmatch(DATE, text)} == days
    assert not re.fullmatch(DATE, "00000101")
    assert not re.fullmatch(DATE, "00000229")
    assert re.fullmatch(DATE, "00010101")


@pytest.mark.parametrize(("name", "many"), [(field.name, field.many) for field in FIELDS if field.many])
def test_a_field_of_several_values(name: str, many: bool) -> None:
    schema = Draft202012Validator(field_schema(BY_NAME[name], required=BY_NAME[name].required))
    assert schema.is_valid(["A"] * 100)
    assert not schema.is_valid(["A"] * 101)


@pytest.mark.parametrize("twice", [["20300115", "20300116"], None])
def test_a_range_of_dates_is_one_text(twice: object) -> None:
    with pytest.raises(ValueError, match="once"):
        date_range(twice)
