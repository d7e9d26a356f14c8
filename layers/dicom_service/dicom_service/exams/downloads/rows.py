"""The downloads table: what is being brought into the bucket, by whom, how far it is; gone a day after.

One holder at a time brings a download, until its lease ends; what an earlier holder writes after that is not taken.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from dicom_service import settings
from dicom_service.stores import client, conditional_write, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

State = Literal["QUEUED", "RUNNING", "READY", "FAILED"]

READY_SECONDS = 3600
"""For so long a download is used again; the bucket keeps it for a day."""

DIRECT_LEASE_SECONDS = 35
WORKER_LEASE_SECONDS = 915
QUEUED_LEASE_SECONDS = 2 * 3600
"""After which nobody comes any more: a function ends at 29 s or 900 s, a message is tried for less than two hours."""

ROW_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Download:
    """A row: `what` is wanted, an object's or a study's UIDs and options; `until` ends the lease, or the readiness.

    Times are seconds since 1970; `done` and `total` count instances.
    """

    download_id: str
    what: tuple[str, ...]
    state: State
    holder: str
    until: float
    done: int = 0
    total: int = 0
    reason: str = ""

    @property
    def key(self) -> str:
        """Where it is in the bucket once it is ready."""
        return f"retrievals/{self.download_id}"


def begin(wanted: Download, now: float) -> tuple[Download, bool]:
    """The row, and whether it is this caller's to bring: nobody else has it, had it lately or has it ready."""
    mine = replace(wanted, holder=uuid.uuid4().hex)
    free = "attribute_not_exists(downloadId) OR #state = :failed OR #until <= :now"
    if _put(mine, now, free, {":failed": {"S": "FAILED"}, ":now": _number(now)}):
        return mine, True
    return read(wanted.download_id) or mine, False


def take_over(download: Download, now: float) -> Download | None:
    """The queued download, or one whose holder is gone, for a worker; None where it is not to be had."""
    mine = replace(
        download, state="RUNNING", holder=uuid.uuid4().hex, until=now + WORKER_LEASE_SECONDS, done=0, reason=""
    )
    condition = "#state = :queued OR (#state = :running AND #until <= :now)"
    values: dict[str, AttributeValueTypeDef] = {
        ":queued": {"S": "QUEUED"},
        ":running": {"S": "RUNNING"},
        ":now": _number(now),
    }
    return mine if _put(mine, now, condition, values) else None


def write(download: Download, now: float) -> bool:
    """Replaces the row of this holder; False where another has it by now."""
    return _put(download, now, "holder = :holder", {":holder": {"S": download.holder}})


def read(download_id: str) -> Download | None:
    """The row, or None where there is none; raises StoreUnavailable."""
    with translated("read a download"):
        found = client("dynamodb").get_item(
            TableName=_table(), Key={"downloadId": {"S": download_id}}, ConsistentRead=True
        )
    return _download(found["Item"]) if "Item" in found else None


def _put(download: Download, now: float, condition: str, values: "Mapping[str, AttributeValueTypeDef]") -> bool:
    names = {f"#{name}": name for name in ("state", "until") if f"#{name}" in condition}
    request: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
    done, _ = conditional_write(
        "note a download",
        client("dynamodb").put_item,
        ("holder", download.holder),
        TableName=_table(),
        Item=_item(download, now),
        ConditionExpression=condition,
        ExpressionAttributeValues=values,
        **request,
    )
    return done


def _item(download: Download, now: float) -> "dict[str, AttributeValueTypeDef]":
    return {
        "downloadId": {"S": download.download_id},
        "what": {"L": [{"S": word} for word in download.what]},
        "state": {"S": download.state},
        "holder": {"S": download.holder},
        "until": _number(download.until),
        "done": {"N": str(download.done)},
        "total": {"N": str(download.total)},
        "reason": {"S": download.reason},
        "expiresAt": {"N": str(int(now) + ROW_SECONDS)},
    }


def _download(item: "Mapping[str, AttributeValueTypeDef]") -> Download:
    return Download(
        download_id=item["downloadId"]["S"],
        what=tuple(word["S"] for word in item["what"]["L"]),
        state=cast("State", item["state"]["S"]),
        holder=item["holder"]["S"],
        until=float(item["until"]["N"]),
        done=int(item["done"]["N"]),
        total=int(item["total"]["N"]),
        reason=item["reason"]["S"],
    )


def _number(seconds: float) -> "AttributeValueTypeDef":
    return {"N": f"{seconds:.3f}"}


def _table() -> str:
    return settings.required("DOWNLOADS_TABLE")
