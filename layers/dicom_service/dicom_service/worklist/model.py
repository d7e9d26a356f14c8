"""The body of `POST /workitems`, built from the table of fields so that every wrong field is told at once."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, ValidationInfo, WithJsonSchema, create_model
from pydantic import Field as Declared

from dicom_service.worklist.acceptance import accepted
from dicom_service.worklist.fields import EXAMPLE, FIELDS, Field, Value
from dicom_service.worklist.json_schema import field_schema


def _declared(
    field: Field, check: Callable[..., Value | None], description: str, *, optional: bool = False
) -> tuple[Any, Any]:
    annotation = Annotated[Any, BeforeValidator(check), WithJsonSchema(field_schema(field, required=field.required))]
    default = ... if field.required and not optional else None
    return annotation, Declared(
        default, title=field.name, description=description, examples=[field.example], json_schema_extra=_without_default
    )


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _by_keyword(field: Field) -> tuple[Any, Any]:
    """The same field under its DICOM keyword; giving both is refused rather than one of them chosen."""

    def check(given: object, info: ValidationInfo) -> Value | None:
        value = accepted(field, given)
        if value is not None and info.data.get(field.name) is not None:
            raise ValueError(f"must not be given together with {field.name}")
        return value

    return _declared(field, check, f"The same as `{field.name}`, by its DICOM keyword")


def _by_name(field: Field, *, optional: bool) -> tuple[Any, Any]:
    description = f"{field.description} ({field.tag}, {field.vr})"
    return _declared(field, lambda given: accepted(field, given), description, optional=optional)


ONE_SPELLING: list[JsonValue] = [
    {"not": {"required": [field.name, field.keyword], "properties": {field.keyword: {"minLength": 1}}}}
    for field in FIELDS
    if field.keyword
]
"""A field that is accepted under two names is given under one of them."""


def _definitions(fields: Iterable[Field], *, optional: bool = False) -> dict[str, Any]:
    by_name = {field.name: _by_name(field, optional=optional) for field in fields}
    return by_name | {field.keyword: _by_keyword(field) for field in fields if field.keyword}


DECLARED_FIELDS = create_model(
    "DeclaredFields",
    __config__=ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{**EXAMPLE}], "allOf": ONE_SPELLING},
    ),
    **_definitions(FIELDS),
)

CHANGEABLE = tuple(field for field in FIELDS if field.name != "StudyInstanceUID")
"""The Study Instance UID is what a workitem is found by."""

CHANGEABLE_FIELDS = create_model(
    "ChangeableFields",
    __config__=ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"ScheduledProcedureStepStartDate": "20300116", "status": "ARRIVED"}],
            "allOf": ONE_SPELLING,
            "minProperties": 1,
        },
    ),
    **_definitions(CHANGEABLE, optional=True),
)


class NewWorkitem(DECLARED_FIELDS):  # type: ignore[misc, valid-type]  # its fields are those of the table
    """A workitem to be scheduled, as DICOM keywords; each value is checked against its VR (PS3.5 Table 6.2-1)."""

    def given(self) -> dict[str, Value]:
        """The values that the client gave, by the fields' names."""
        values: dict[str, Value] = BaseModel.model_dump(self, exclude_none=True)
        for field in FIELDS:
            if field.keyword in values:
                values[field.name] = values.pop(field.keyword)
        return values


class WorkitemChange(CHANGEABLE_FIELDS):  # type: ignore[misc, valid-type]  # its fields are those of the table
    """What is to be changed of a workitem; each value is checked as that of a new one."""

    def given(self) -> dict[str, Value | None]:
        """The values that the client gave, by the fields' names; None for what is to be taken away."""
        values: dict[str, Value | None] = BaseModel.model_dump(self, include=set(self.model_fields_set))
        for field in CHANGEABLE:
            if field.keyword in values:
                values[field.name] = values.pop(field.keyword)
        return values
