"""Path and query parameters that several endpoints share."""

import re
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, BeforeValidator

from dicom_service.uid import EXISTING_UID_PATTERN, UID_MAX_LENGTH

EXAMPLE_STUDY = "1.2.752.24.5.2584605181.20150129083013.816906"
EXAMPLE_SERIES = f"{EXAMPLE_STUDY}.1"
EXAMPLE_INSTANCE = f"{EXAMPLE_SERIES}.1"

_OF_AN_LO = r"[^*?\\\x00-\x1f\x7f-\x9f\ufffd"
LO_WITHOUT_WILDCARDS = rf"^{_OF_AN_LO}]*{_OF_AN_LO}\s\ufeff]{_OF_AN_LO}]*$"
"""An LO that means itself in a search: no wildcard, no value separator, no control character (PS3.5 Table 6.2-1).

It is not blank: a PACS that takes away padding would be asked for every patient.
"""

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d([Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)
"""RFC 3339 section 5.6; what it asks for at the end may be left out. Numbers are no times: 0.5 would be in 1970."""


def uid_path(name: str, what: str, example: str = EXAMPLE_STUDY) -> Path:
    """A path parameter that is the UID of something that exists (PS3.5 section 9)."""
    return Path(
        alias=name,
        description=f"{what} UID",
        pattern=EXISTING_UID_PATTERN,
        max_length=UID_MAX_LENGTH,
        examples=[example],
    )


def study_query(name: str, description: str) -> Query:
    """A query parameter that is the Study Instance UID of a study that exists."""
    return Query(
        alias=name,
        description=description,
        pattern=EXISTING_UID_PATTERN,
        max_length=UID_MAX_LENGTH,
        examples=[EXAMPLE_STUDY],
    )


def patient_id_query(name: str, description: str = "Patient ID, compared exactly") -> Query:
    """A query parameter that is one patient's identifier."""
    return Query(
        alias=name,
        description=description,
        min_length=1,
        max_length=64,
        pattern=LO_WITHOUT_WILDCARDS,
        examples=["SDJ38WMD1MS01"],
    )


def _true_or_false(value: object) -> bool:
    word = value.lower() if isinstance(value, str) else ""
    if word not in ("true", "false"):
        raise ValueError("must be true or false")
    return word == "true"


TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]
"""A boolean of a query as JSON writes it: `0`, `on` and `yes` are refused."""


def _written_out(text: object) -> object:
    if not isinstance(text, str) or not RFC_3339.fullmatch(text):
        raise ValueError("must be a time such as 2024-01-17T10:15:31Z")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("must be a time of the years 1 to 9999 in UTC") from None


Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""A date or a time, in UTC where it does not say."""

OfPatient = Annotated[
    str | None,
    patient_id_query(
        "PatientId", "Patient ID: where it is given, what is another patient's is as unknown as what is not there"
    ),
]
StudyPath = Annotated[str, uid_path("studyUID", "Study Instance")]
SeriesPath = Annotated[str, uid_path("seriesUID", "Series Instance", EXAMPLE_SERIES)]
InstancePath = Annotated[str, uid_path("instanceUID", "SOP Instance", EXAMPLE_INSTANCE)]
