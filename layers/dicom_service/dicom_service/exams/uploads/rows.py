"""The uploads table: one row per announced file, and one per entry of a zip file; gone a week after its last change.

A row that is STORING belongs to one worker until `leaseUntil`; what a worker writes after that is not taken.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from dicom_service import settings
from dicom_service.audit.record import NOBODY, Agent
from dicom_service.errors import NotFound
from dicom_service.stores import client, conditional_write, query_rows, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

State = Literal["WAITING", "STORING", "STORED", "REFUSED", "FAILED"]
FINAL: tuple[State, ...] = ("STORED", "REFUSED", "FAILED")

KEPT_SECONDS = 7 * 24 * 3600
LEASE_SECONDS = 915
"""A worker is ended after 900 s."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: `result` is its STOW-RS response, `reason` says in words why there is none, or more."""

    state: State
    reason: str = ""
    result: dict[str, Any] | None = None


@dataclass(frozen=True)
class UploadRow:
    """A file of an upload; `size` in bytes, `sha256` in hexadecimal or empty, `multipart_id` where it comes in parts.

    `attempts` counts the tries to store it that failed or are under way; `holder` tells the worker that has it from
    earlier ones. Where there is a `patient_id`, only that patient's objects are stored; `asked_by` began
    the upload.
    """

    upload_id: str
    file_id: str
    name: str
    size: int
    sha256: str
    multipart_id: str
    attempts: int
    outcome: Outcome
    holder: str = ""
    patient_id: str = ""
    asked_by: Agent = NOBODY

    @property
    def key(self) -> str:
        """Where its bytes lie in the bucket until they are stored."""
        return incoming_key(self.upload_id, self.file_id)


def incoming_key(upload_id: str, file_id: str) -> str:
    """The bucket's key of an announced file."""
    return f"uploads/{upload_id}/{file_id}"


def announce(row: UploadRow, now: float) -> None:
    """Notes a file that is to come; raises StoreUnavailable."""
    item: dict[str, AttributeValueTypeDef] = {
        **_key(row.upload_id, row.file_id),
        "name": {"S": row.name},
        "size": {"N": str(row.size)},
        "sha256": {"S": row.sha256},
        "multipartId": {"S": row.multipart_id},
        "attempts": {"N": "0"},
        "patientId": {"S": row.patient_id},
        "askedBy": {"S": json.dumps(asdict(row.asked_by))},
        **_outcome_attributes(row.outcome, now),
    }
    with translated("note an upload"):
        client("dynamodb").put_item(TableName=_table(), Item=item)


def read_upload(upload_id: str) -> Iterator[UploadRow]:
    """The files of an upload, each followed by its entries; raises StoreUnavailable."""
    rows = query_rows(
        "read an upload",
        TableName=_table(),
        KeyConditionExpression="uploadId = :upload",
        ExpressionAttributeValues={":upload": {"S": upload_id}},
        ConsistentRead=True,
    )
    yield from map(_row, rows)


def claim(upload_id: str, file_id: str, now: float, *, again: bool = False) -> UploadRow | float | None:
    """The row, for this worker alone until its lease ends, with one attempt more.

    Otherwise the seconds until another worker's lease ends, or None where the file has its outcome; `again` begins anew
    with one that FAILED. Raises NotFound where there is no such file.
    """
    holder = uuid.uuid4().hex
    claimed, item = conditional_write(
        "claim an upload",
        client("dynamodb").update_item,
        ("holder", holder),
        TableName=_table(),
        Key=_key(upload_id, file_id),
        UpdateExpression="SET #state = :storing, leaseUntil = :until, holder = :holder, attempts = "
        + (":one" if again else "attempts + :one"),
        ConditionExpression="#state = :waiting OR (#state = :storing AND leaseUntil <= :now)"
        + (" OR #state = :failed" if again else ""),
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={
            ":storing": {"S": "STORING"},
            ":waiting": {"S": "WAITING"},
            ":now": {"N": str(int(now))},
            ":until": {"N": str(int(now) + LEASE_SECONDS)},
            ":holder": {"S": holder},
            ":one": {"N": "1"},
            **({":failed": {"S": "FAILED"}} if again else {}),
        },
        ReturnValues="ALL_NEW",
    )
    if claimed:
        return _row(item)
    if not item:
        raise NotFound("There is no such upload")
    return None if item["state"]["S"] in FINAL else max(1.0, float(item["leaseUntil"]["N"]) - now)


def release(row: UploadRow, reason: str, now: float, *, attempts: int) -> bool:
    """Leaves the file to whoever claims it next; False where another worker has it by now."""
    return _write(row, Outcome("STORING", reason), now, attempts)


def conclude(row: UploadRow, outcome: Outcome, now: float) -> bool:
    """Notes the outcome for good; False where another worker has the file by now, whose outcome it will be."""
    return _write(row, outcome, now, row.attempts)


def put_entry(row: UploadRow, number: int, name: str, outcome: Outcome, now: float) -> None:
    """Notes what became of an entry of a zip file; raises StoreUnavailable."""
    item = _key(row.upload_id, f"{row.file_id}/{number:05}") | {"name": {"S": name}}
    with translated("note an entry of an upload"):
        client("dynamodb").put_item(TableName=_table(), Item=item | _outcome_attributes(outcome, now))


def _write(row: UploadRow, outcome: Outcome, now: float, attempts: int) -> bool:
    mark = uuid.uuid4().hex
    attributes = {
        **_outcome_attributes(outcome, now),
        "leaseUntil": {"N": "0"},
        "attempts": {"N": str(attempts)},
        "holder": {"S": mark},
    }
    written, _ = conditional_write(
        "note what became of an upload",
        client("dynamodb").update_item,
        ("holder", mark),
        TableName=_table(),
        Key=_key(row.upload_id, row.file_id),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ConditionExpression="#holder = :me",
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={
            **{f":{name}": value for name, value in attributes.items()},
            ":me": {"S": row.holder},
        },
    )
    return written


def _outcome_attributes(outcome: Outcome, now: float) -> "dict[str, AttributeValueTypeDef]":
    return {
        "state": {"S": outcome.state},
        "reason": {"S": outcome.reason},
        "result": {"S": json.dumps(outcome.result) if outcome.result else ""},
        "expiresAt": {"N": str(int(now) + KEPT_SECONDS)},
    }


def _row(item: "Mapping[str, AttributeValueTypeDef]") -> UploadRow:
    result = item["result"]["S"]
    return UploadRow(
        upload_id=item["uploadId"]["S"],
        file_id=item["fileId"]["S"],
        name=item["name"]["S"],
        size=int(item["size"]["N"]) if "size" in item else 0,
        sha256=item["sha256"]["S"] if "sha256" in item else "",
        multipart_id=item["multipartId"]["S"] if "multipartId" in item else "",
        attempts=int(item["attempts"]["N"]) if "attempts" in item else 0,
        outcome=Outcome(cast("State", item["state"]["S"]), item["reason"]["S"], json.loads(result) if result else None),
        holder=item["holder"]["S"] if "holder" in item else "",
        patient_id=item["patientId"]["S"] if "patientId" in item else "",
        asked_by=Agent(**json.loads(item["askedBy"]["S"])) if "askedBy" in item else NOBODY,
    )


def _key(upload_id: str, file_id: str) -> "dict[str, AttributeValueTypeDef]":
    return {"uploadId": {"S": upload_id}, "fileId": {"S": file_id}}


def _table() -> str:
    return settings.required("UPLOADS_TABLE")
