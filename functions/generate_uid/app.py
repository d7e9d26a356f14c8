"""`GET /uid`: a new unique identifier under the organization's root."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from dicom_service.http.answer import answer
from dicom_service.http.door import requires
from dicom_service.http.openapi import problems
from dicom_service.http.request import parse_json
from dicom_service.uid_registry import hand_out_uid

app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)


class GeneratedUid(BaseModel):
    """A UID that was never handed out before."""

    uid: str = Field(
        description="exactly 64 characters (PS3.5 section 9)",
        examples=["1.2.826.0.1.3680043.10.1.204853715926048371592604837159260483715"],
    )


@app.get(
    "/uid",
    summary="Generate a UID",
    description="The root of `DICOM_UID_ROOT`, a dot and random digits; registered, so that it is handed out once.",
    tags=["UIDs"],
    operation_id="generate_uid",
    responses={200: {"description": "The UID"}, **problems(400, 500, 503)},
)
@requires("uids:write")
def generate_uid() -> GeneratedUid:
    return GeneratedUid(uid=hand_out_uid())


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(app, event, context)
