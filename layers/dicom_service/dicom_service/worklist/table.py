"""A worklist that the service keeps itself, for a PACS that has none: one row of WORKITEMS_TABLE per workitem."""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import Conflict, NotFound
from dicom_service.stores import client, conditional_write, translated
from dicom_service.worklist.claims import FREE
from dicom_service.worklist.fields import BY_NAME
from dicom_service.worklist.mapper import Dataset, values_of
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.protocol import EXISTS, UNKNOWN

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Row = dict[str, AttributeValueTypeDef]

MARK = "writtenBy"
"""Which write left the row: by it one whose answer was lost knows its own."""

PATIENT_INDEX = "by-patient"
MOST_TRIES = 3
CHANGING = "The workitem is being changed by other requests: try again in a moment"


class TableWorklist:
    """Items in WORKITEMS_TABLE; `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb = client("dynamodb")
        self._table = settings.required("WORKITEMS_TABLE")
        self._clock = clock

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:  # noqa: ARG002 - written conditionally anyway
        """Adds the item, unless the UID has one."""
        item = _item(study_uid, dataset)
        created, _ = conditional_write(
            "keep the workitem",
            self._dynamodb.put_item,
            (MARK, item[MARK]["S"]),
            TableName=self._table,
            Item=item,
            ConditionExpression=FREE,
            ExpressionAttributeValues={":now": {"N": str(int(self._clock()))}},
        )
        if not created:
            raise Conflict(EXISTS)

    def items(self, *, patient_id: str = "", study_uid: str = "") -> list[Dataset]:
        """The study's item, the patient's items or all. A patient's new item is among them within moments, not at once:

        a global secondary index follows its table asynchronously.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
        """
        with translated("read the worklist"):
            rows = self._row(study_uid) if study_uid else self._rows_of(patient_id) if patient_id else self._all_rows()
        return [json.loads(row["dataset"]["S"]) for row in rows if "dataset" in row]

    def change(self, study_uid: str, changed: Callable[[Dataset], Dataset]) -> Dataset:
        """Changes the item, unless it was changed since it was read; tries that three times, then raises Conflict."""
        for _ in range(MOST_TRIES):
            rows = [row for row in self._row(study_uid) if "dataset" in row]
            if not rows:
                raise NotFound(UNKNOWN)
            before = rows[0]["dataset"]["S"]
            new = changed(normal_form(json.loads(before)))
            if self._put_changed(study_uid, before, new):
                return new
        raise Conflict(CHANGING)

    def delete(self, study_uid: str) -> None:
        """Removes the item; raises NotFound where there is none.

        One that was there a moment ago and is gone when it is to be deleted was deleted by this very request, whose
        answer was lost, or by another: both wanted it so.
        """
        if not any("dataset" in row for row in self._row(study_uid)):
            raise NotFound(UNKNOWN)
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException), translated("delete the workitem"):
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"studyInstanceUid": {"S": study_uid}},
                ConditionExpression="attribute_exists(dataset)",
            )

    def _put_changed(self, study_uid: str, before: str, new: Dataset) -> bool:
        item = _item(study_uid, new)
        changed, _ = conditional_write(
            "change the workitem",
            self._dynamodb.put_item,
            (MARK, item[MARK]["S"]),
            TableName=self._table,
            Item=item,
            ConditionExpression="dataset = :before",
            ExpressionAttributeValues={":before": {"S": before}},
        )
        return changed

    def _row(self, study_uid: str) -> "list[Row]":
        key = {"studyInstanceUid": {"S": study_uid}}
        with translated("read the worklist"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return [answer["Item"]] if "Item" in answer else []

    def _rows_of(self, patient_id: str) -> "list[Row]":
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=PATIENT_INDEX,
            KeyConditionExpression="patientId = :patient",
            ExpressionAttributeValues={":patient": {"S": patient_id}},
        )
        return [row for page in pages for row in page["Items"]]

    def _all_rows(self) -> "list[Row]":
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        return [row for page in pages for row in page["Items"]]


def _item(study_uid: str, dataset: Dataset) -> "Row":
    return {
        "studyInstanceUid": {"S": study_uid},
        "patientId": {"S": values_of(dataset, BY_NAME["PatientID"])[0]},
        "dataset": {"S": json.dumps(dataset, ensure_ascii=False)},
        MARK: {"S": secrets.token_hex(16)},
    }
