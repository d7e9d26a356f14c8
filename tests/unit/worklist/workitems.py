"""Any workitem that `POST /workitems` takes, for hypothesis."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from dicom_service.worklist.fields import FIELDS, Field

LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters="\\*?\ufeff")
NAME_LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters="\\^=\ufeff")
CAPITALS = st.sampled_from("ABCXYZ0189_")
DIGITS = st.integers(0, 10**12).map(str)


def _name_group() -> st.SearchStrategy[str]:
    components = st.lists(st.text(NAME_LETTERS, min_size=1, max_size=12), min_size=1, max_size=5)
    return components.map("^".join)


BY_VR: dict[str, st.SearchStrategy[Any]] = {
    "AE": st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\"), min_size=1, max_size=16),
    "CS": st.text(CAPITALS, min_size=1, max_size=16),
    "DA": st.dates(date(1, 1, 1)).map(lambda day: f"{day.year:04}{day.month:02}{day.day:02}"),
    "LO": st.text(LETTERS, min_size=1, max_size=64),
    "PN": st.lists(_name_group(), min_size=1, max_size=3).map("=".join),
    "SH": st.text(LETTERS, min_size=1, max_size=16),
    "TM": st.times().map(lambda time: time.strftime("%H%M%S.%f")) | st.times().map(lambda time: time.strftime("%H%M")),
    "UI": st.lists(DIGITS, min_size=1, max_size=4).map(".".join),
}


def _values(field: Field) -> st.SearchStrategy[Any]:
    terms = [term for term in field.terms if term != field.default]
    one = st.sampled_from(terms) if terms else BY_VR[field.vr]
    return one | st.lists(one, min_size=2, max_size=5) if field.many else one


def workitems() -> st.SearchStrategy[dict[str, Any]]:
    """Bodies with every required field and any of the optional ones."""
    return st.fixed_dictionaries(
        {field.name: _values(field) for field in FIELDS if field.required},
        optional={field.name: _values(field) for field in FIELDS if not field.required},
    )
