"""Which UIDs were handed out: a DynamoDB table with one row per UID, written once."""

import secrets

from dicom_service import settings
from dicom_service.errors import ServiceError
from dicom_service.stores import client, conditional_write
from dicom_service.uid import random_uid, uid_root

MOST_TRIES = 5


def hand_out_uid() -> str:
    """A new UID under DICOM_UID_ROOT, registered so that it is never handed out again.

    Raises ConfigurationError for a wrong root and StoreUnavailable where the table cannot be written.
    """
    root = uid_root()
    for _ in range(MOST_TRIES):
        uid = random_uid(root)
        if _register(uid):
            return uid
    raise ServiceError("No unused UID was found")


def _register(uid: str) -> bool:
    mark = secrets.token_hex(16)
    registered, _ = conditional_write(
        "register a UID",
        client("dynamodb").put_item,
        ("handedOutTo", mark),
        TableName=settings.required("UIDS_TABLE"),
        Item={"uid": {"S": uid}, "handedOutTo": {"S": mark}},
        ConditionExpression="attribute_not_exists(uid)",
    )
    return registered
