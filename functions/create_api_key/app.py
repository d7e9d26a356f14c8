"""`POST /api-keys`: a new key for a service, or for one patient's application."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dicom_service.access.keys import create_key
from dicom_service.access.scopes import PATIENTS_ALL, REACH, Scope
from dicom_service.errors import FieldError, Forbidden, InvalidRequest
from dicom_service.http.answer import answer
from dicom_service.http.api_keys import ApiKeyAnswer, key_fields
from dicom_service.http.door import access_of, requires
from dicom_service.http.openapi import problems
from dicom_service.http.parameters import LO_WITHOUT_WILDCARDS, Moment
from dicom_service.http.request import parse_json
from dicom_service.pacs.patients import unpadded

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


def _without_padding(patient_id: str) -> str:
    if patient_id != unpadded(patient_id):
        raise ValueError("must have no space at its ends")
    return patient_id


class NewApiKey(BaseModel):
    """What the key is to be."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="For people", examples=["reception"]
    )
    scopes: list[Scope] = Field(
        min_length=1,
        description="What it may do; none that the caller lacks",
        examples=[["workitems:read", "workitems:write", "patients:all"]],
    )
    patient_id: Annotated[str, AfterValidator(_without_padding)] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=LO_WITHOUT_WILDCARDS,
        description="The one patient whom it sees and writes",
        examples=["SDJ38WMD1MS01"],
    )
    expires_at: Moment | None = Field(
        default=None, description="ISO 8601; never where it is left out", examples=["2099-01-15T09:30:00Z"]
    )


class CreatedApiKey(ApiKeyAnswer):
    """The new key, with the text that is shown once."""

    key: str = Field(
        description="`Authorization: Bearer` with this; it is nowhere kept",
        examples=["dsk_5d41402abc4b2a76_3q2v8sYtGmB1x0cKf9Zr7LwTnEuHjP4dQaVbMiXoRkS"],
    )


@app.post(
    "/api-keys",
    summary="Create an API key",
    description="The key is in this answer and never again.",
    tags=["Access"],
    operation_id="create_api_key",
    responses={201: {"description": "The key"}} | problems(400, 500, 503),
)
@requires("keys:write")
def create_api_key(key: Annotated[NewApiKey, Body(description="The key")]) -> Response[CreatedApiKey]:
    access = access_of(app)
    _check(key, access.entered_at)
    missing = sorted({*key.scopes, *([PATIENTS_ALL] if key.patient_id else [])} - access.caller.scopes)
    if missing:
        raise Forbidden(f"The caller lacks the scope {missing[0]}, and cannot give it away", missing[0])
    expires_at = int(key.expires_at.timestamp()) if key.expires_at else 0
    made, text = create_key(key.name, frozenset(key.scopes), key.patient_id or "", access.caller.subject, expires_at)
    created = CreatedApiKey(**key_fields(made), key=text)
    return Response(201, "application/json", created, {"Cache-Control": "no-store"})


def _check(key: NewApiKey, now: float) -> None:
    wrong = []
    if key.expires_at and key.expires_at.timestamp() <= now + 1:
        wrong.append(FieldError("expiresAt", "must be a time to come"))
    unbound = [scope for scope in key.scopes if not REACH[scope].bound]
    if key.patient_id and unbound:
        wrong.append(FieldError("scopes", f"must not have {unbound[0]} beside a patientId"))
    if wrong:
        raise InvalidRequest("The request is invalid", wrong)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
