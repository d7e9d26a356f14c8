"""API keys: made once and shown once, kept as hashes with what they may do.

A key is `dsk_`, the ID that its row is found by, `_`, and 256 random bits: no guess and no table of hashes finds one,
so a plain SHA-256 keeps it.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.access.caller import Caller
from dicom_service.errors import CallerUnknown, NotFound, StoreUnavailable
from dicom_service.stores import client, conditional_write, query_rows, translated

if TYPE_CHECKING:
    from dicom_service.stores import Row

KEY = re.compile(r"dsk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
KEY_START = "dsk_"
KIND = "key"
BY_CREATION = "by-creation"
USE_NOTED_SECONDS = 300
"""How exactly the table says when a key was last used: each use would be a write."""


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret. Times are epoch seconds, 0 where there is none; `patient_id` may be empty."""

    key_id: str
    name: str
    scopes: frozenset[str]
    patient_id: str
    created_at: int
    created_by: str
    expires_at: int = 0
    last_used_at: int = 0
    revoked_at: int = 0


def create_key(
    name: str, scopes: frozenset[str], patient_id: str, created_by: str, expires_at: int = 0
) -> tuple[ApiKey, str]:
    """A new key and its text, which is nowhere kept; raises StoreUnavailable."""
    key = ApiKey(secrets.token_hex(8), name, scopes, patient_id, int(time.time()), created_by, expires_at)
    item, text = minted(key)
    with translated("keep an API key"):
        client("dynamodb").put_item(TableName=_table(), Item=item)
    return key, text


def minted(key: ApiKey) -> "tuple[Row, str]":
    """The row of a key, and its text."""
    text = f"{KEY_START}{key.key_id}_{secrets.token_urlsafe(32)}"
    item: Row = {
        "keyId": {"S": key.key_id},
        "kind": {"S": KIND},
        "hash": {"S": _hash(text)},
        "name": {"S": key.name},
        "scopes": {"S": " ".join(sorted(key.scopes))},
        "patientId": {"S": key.patient_id},
        "createdAt": {"N": str(key.created_at)},
        "createdBy": {"S": key.created_by},
        "expiresAt": {"N": str(key.expires_at)},
        "lastUsedAt": {"N": "0"},
        "revokedAt": {"N": "0"},
    }
    return item, text


def list_keys() -> Iterator[ApiKey]:
    """Every key, the newest first, those that are revoked or over too; raises StoreUnavailable."""
    rows = query_rows(
        "list the API keys",
        TableName=_table(),
        IndexName=BY_CREATION,
        KeyConditionExpression="kind = :key",
        ExpressionAttributeValues={":key": {"S": KIND}},
        ScanIndexForward=False,
    )
    yield from map(_key, rows)


def revoke_key(key_id: str) -> None:
    """Ends a key for good; one that is revoked already stays so. Raises NotFound, StoreUnavailable."""
    now = str(int(time.time()))
    revoked, row = conditional_write(
        "revoke an API key",
        client("dynamodb").update_item,
        ("revokedAt", ""),
        TableName=_table(),
        Key={"keyId": {"S": key_id}},
        UpdateExpression="SET revokedAt = :now",
        ConditionExpression="revokedAt = :never",
        ExpressionAttributeValues={":now": {"N": now}, ":never": {"N": "0"}},
    )
    if not revoked and not row:
        raise NotFound("There is no such API key")


def caller_with_key(text: str, clock: Callable[[], float] = time.time) -> Caller:
    """Who the key stands for; raises CallerUnknown with a word of REFUSALS, StoreUnavailable."""
    match = KEY.fullmatch(text)
    if match is None:
        raise CallerUnknown("unknown")
    with translated("look an API key up"):
        found = client("dynamodb").get_item(TableName=_table(), Key={"keyId": {"S": match[1]}}, ConsistentRead=True)
    row = found.get("Item", {})
    known = row["hash"]["S"] if row else _hash("")
    if not hmac.compare_digest(known, _hash(text)) or not row:
        raise CallerUnknown("unknown")
    key, now = _key(row), clock()
    if key.revoked_at:
        raise CallerUnknown("unknown")
    if key.expires_at and now >= key.expires_at:
        raise CallerUnknown("expired")
    if now - key.last_used_at >= USE_NOTED_SECONDS:
        _note_use(key, now)
    caller = Caller(f"key:{key.key_id}", "key", key.scopes, key.patient_id, name=key.name)
    return replace(caller, ends_at=float(key.expires_at)) if key.expires_at else caller


def _note_use(key: ApiKey, now: float) -> None:
    with suppress(StoreUnavailable), translated("note the use of an API key"):  # a key is good without it
        client("dynamodb").update_item(
            TableName=_table(),
            Key={"keyId": {"S": key.key_id}},
            UpdateExpression="SET lastUsedAt = :now",
            ExpressionAttributeValues={":now": {"N": str(int(now))}},
        )


def _key(row: "Row") -> ApiKey:
    return ApiKey(
        key_id=row["keyId"]["S"],
        name=row["name"]["S"],
        scopes=frozenset(row["scopes"]["S"].split()),
        patient_id=row["patientId"]["S"],
        created_at=int(row["createdAt"]["N"]),
        created_by=row["createdBy"]["S"],
        expires_at=int(row["expiresAt"]["N"]),
        last_used_at=int(row["lastUsedAt"]["N"]),
        revoked_at=int(row["revokedAt"]["N"]),
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _table() -> str:
    return settings.required("API_KEYS_TABLE")
