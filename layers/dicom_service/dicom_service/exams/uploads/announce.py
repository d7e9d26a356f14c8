"""Beginning an upload: where each announced file is to be sent, and nothing else that could be sent there.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html
"""

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dicom_service import settings
from dicom_service.audit.record import NOBODY, Agent
from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.exams.uploads.rows import Outcome, UploadRow, announce
from dicom_service.stores import client, translated

MULTIPART_BYTES = 100 * 1000 * 1000
"""Files larger than this may be sent in parts."""

PART_BYTES = 32 * 1024 * 1024
MOST_FORM_BYTES = 5 * 1024**3
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""

MOST_PARTS = 2500
"""Of one upload: each has a signed URL of up to 2 KB in an answer of at most 6 MB."""

URL_SECONDS = 3600


@dataclass(frozen=True)
class Announced:
    """A file that is to come: its name, its size in bytes, its SHA-256 or nothing, and whether it may come in parts."""

    name: str
    size: int
    sha256: str
    in_parts: bool


def begin_upload(
    files: list[Announced], patient_id: str = "", asked_by: Agent = NOBODY, clock: Callable[[], float] = time.time
) -> dict[str, Any]:
    """Notes the files and gives `uploadId` and, for each file, its `id`, `name` and where it goes.

    Where a Patient ID is given, objects of that patient alone are stored. `asked_by` is who began it, for the audit.

    That is `upload`, a form for one POST with exactly as many bytes as were announced; or for files over 100 MB that
    may come in parts, `parts` with a URL to PUT each to, and `complete`. Raises InvalidRequest for what is too large.
    """
    _check_sizes(files)
    upload_id, now = uuid.uuid4().hex, clock()
    answers = []
    for number, file in enumerate(files, start=1):
        row = UploadRow(
            upload_id,
            f"{number:04}",
            file.name,
            file.size,
            file.sha256,
            "",
            0,
            Outcome("WAITING"),
            patient_id=patient_id,
            asked_by=asked_by,
        )
        answer: dict[str, Any] = {"id": row.file_id, "name": row.name}
        if _comes_in_parts(file):
            row, addresses = _begin_parts(row)
            answer |= addresses
        else:
            answer["upload"] = _form(row)
        announce(row, now)
        answers.append(answer)
    return {"uploadId": upload_id, "files": answers}


def addresses_to_resume(row: UploadRow) -> dict[str, Any]:
    """Where a file that has not come yet is to be sent, signed anew; a part that is there already has its `etag`.

    Nothing where all of it has come, and waits to be stored.
    """
    if not row.multipart_id:
        return {"upload": _form(row)}
    received = _parts_received(row)
    return {} if received is None else _parts(row, received)


def _check_sizes(files: list[Announced]) -> None:
    wrong = [
        FieldError(f"files.{index}.size", f"must be at most {MOST_FORM_BYTES}, or `multipart` asked for")
        for index, file in enumerate(files)
        if file.size > MOST_FORM_BYTES and not file.in_parts
    ]
    if sum(_part_count(file.size) for file in files if _comes_in_parts(file)) > MOST_PARTS:
        wrong.append(FieldError("files", f"must be announced in several uploads of at most {MOST_PARTS} parts each"))
    if wrong:
        raise InvalidRequest("The request is invalid", wrong)


def _comes_in_parts(file: Announced) -> bool:
    return file.in_parts and file.size > MULTIPART_BYTES


def _part_count(size: int) -> int:
    return math.ceil(size / PART_BYTES)


def _form(row: UploadRow) -> dict[str, Any]:
    with translated("sign an upload"):
        form = client("s3").generate_presigned_post(
            settings.required("TRANSFER_BUCKET"),
            row.key,
            Conditions=[["content-length-range", row.size, row.size]],
            ExpiresIn=URL_SECONDS,
        )
    return {"url": form["url"], "fields": form["fields"]}


def _begin_parts(row: UploadRow) -> tuple[UploadRow, dict[str, Any]]:
    with translated("begin an upload in parts"):
        begun = client("s3").create_multipart_upload(Bucket=settings.required("TRANSFER_BUCKET"), Key=row.key)
    row = replace(row, multipart_id=begun["UploadId"])
    return row, _parts(row, {})


def _parts(row: UploadRow, received: dict[int, str]) -> dict[str, Any]:
    parts = [_part(row, number, received.get(number, "")) for number in range(1, _part_count(row.size) + 1)]
    return {"parts": parts, "complete": {"url": _signed("complete_multipart_upload", row)}}


def _part(row: UploadRow, number: int, etag: str) -> dict[str, Any]:
    size = min(PART_BYTES, row.size - (number - 1) * PART_BYTES)
    if etag:
        return {"size": size, "etag": etag}
    return {"url": _signed("upload_part", row, PartNumber=number, ContentLength=size), "size": size}


def _parts_received(row: UploadRow) -> dict[int, str] | None:
    """The ETag of each part that is there; None where they are put together, or given up as too old."""
    s3 = client("s3")
    pages = s3.get_paginator("list_parts").paginate(
        Bucket=settings.required("TRANSFER_BUCKET"), Key=row.key, UploadId=row.multipart_id
    )
    try:
        with translated("look at an upload's parts", "NoSuchUpload"):
            return {part["PartNumber"]: part["ETag"] for page in pages for part in page.get("Parts", [])}
    except s3.exceptions.ClientError:
        return None


def _signed(operation: str, row: UploadRow, **parameters: Any) -> str:
    place = {"Bucket": settings.required("TRANSFER_BUCKET"), "Key": row.key, "UploadId": row.multipart_id}
    with translated("sign an upload"):
        return client("s3").generate_presigned_url(operation, Params=place | parameters, ExpiresIn=URL_SECONDS)
