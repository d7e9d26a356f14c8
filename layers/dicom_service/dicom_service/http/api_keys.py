"""API keys as the API shows them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dicom_service.access.keys import ApiKey
from dicom_service.access.scopes import Scope

EXAMPLE_KEY = "5d41402abc4b2a76"
KeyId = Annotated[
    str, Path(alias="keyId", description="Of the API key", pattern=r"^[0-9a-f]{16}$", examples=[EXAMPLE_KEY])
]


class ApiKeyAnswer(BaseModel):
    """An API key without its secret; times are ISO 8601 in UTC, null where there is none."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    key_id: str = Field(examples=[EXAMPLE_KEY])
    name: str = Field(examples=["reception"])
    scopes: list[Scope] = Field(examples=[["workitems:read", "workitems:write", "patients:all"]])
    patient_id: str | None = Field(
        description="the one patient whom it is for, null where it is for none alone", examples=["SDJ38WMD1MS01"]
    )
    created_at: str = Field(examples=["2026-01-15T09:30:00Z"])
    created_by: str = Field(description="the subject that made it", examples=["key:0a1b2c3d4e5f6071"])
    expires_at: str | None = Field(examples=["2027-01-15T09:30:00Z"])
    last_used_at: str | None = Field(description="five minutes exact", examples=["2026-01-20T14:05:00Z"])
    revoked_at: str | None = Field(examples=["2026-02-01T08:00:00Z"])


def key_fields(key: ApiKey) -> dict[str, Any]:
    """A key's fields, by ApiKeyAnswer's names."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "patient_id": key.patient_id or None,
        "created_at": _moment(key.created_at),
        "created_by": key.created_by,
        "expires_at": _moment(key.expires_at),
        "last_used_at": _moment(key.last_used_at),
        "revoked_at": _moment(key.revoked_at),
    }


def _moment(seconds: int) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
