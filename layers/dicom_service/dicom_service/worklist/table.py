"""A worklist that the service keeps itself, for a PACS that has none: one row of WORKLIST_TABLE per workitem."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from dicom_service import settings
from dicom_service.errors import Conflict, NotFound
from dicom_service.stores import client, conditional_write, translated
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.mapper import Dataset
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.protocol import EXISTS, UNKNOWN
from dicom_service.worklist.table_rows import MARK, has_ended, row_of
from dicom_service.worklist.table_search import rows_for

if TYPE_CHECKING:
    from dicom_service.stores import Row

FREE = "attribute_not_exists(studyInstanceUid) OR expiresAt < :now"
"""The condition for a new item: none, or one that has ended and that DynamoDB has not removed yet."""

MOST_TRIES = 3
CHANGING = "The workitem is being changed by other requests: try again in a moment"


class TableWorklist:
    """Items in WORKLIST_TABLE; `clock` gives seconds since 1970.

    A search by anything but the study finds a new item within moments, not at once: a global secondary index follows
    its table asynchronously. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
    """

    in_order: ClassVar = True

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb = client("dynamodb")
        self._table = settings.required("WORKLIST_TABLE")
        self._clock = clock

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:  # noqa: ARG002 - written conditionally anyway
        """Adds the item, unless the UID has one."""
        if not self._put(row_of(study_uid, dataset, self._clock()), FREE, {":now": {"N": str(int(self._clock()))}}):
            raise Conflict(EXISTS)

    def items(self, search: WorkitemSearch) -> Iterator[Dataset]:
        """The items that match, those that start first before the others; it reads little more than is taken."""
        study_uid = search.equal.get("StudyInstanceUID", "")
        rows = self._row(study_uid) if study_uid else rows_for(search)
        now = self._clock()
        return (json.loads(row["dataset"]["S"]) for row in rows if not has_ended(row, now))

    def change(self, study_uid: str, changed: Callable[[Dataset], Dataset]) -> Dataset:
        """Changes the item, unless it was changed since it was read; tries that three times, then raises Conflict."""
        for _ in range(MOST_TRIES):
            rows = self._row(study_uid)
            if not rows:
                raise NotFound(UNKNOWN)
            before = rows[0]["dataset"]
            new = changed(normal_form(json.loads(before["S"])))
            row = row_of(study_uid, new, self._clock())
            if self._put(row, "dataset = :before", {":before": before}):
                return new
        raise Conflict(CHANGING)

    def delete(self, study_uid: str) -> None:
        """Removes the item; raises NotFound where there is none.

        One that was there a moment ago and is gone when it is to be deleted was deleted by this very request, whose
        answer was lost, or by another: both wanted it so.
        """
        if not self._row(study_uid):
            raise NotFound(UNKNOWN)
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException), translated("delete the workitem"):
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"studyInstanceUid": {"S": study_uid}},
                ConditionExpression="attribute_exists(dataset)",
            )

    def _put(self, row: "Row", condition: str, values: "Row") -> bool:
        written, _ = conditional_write(
            "keep the workitem",
            self._dynamodb.put_item,
            (MARK, row[MARK]["S"]),
            TableName=self._table,
            Item=row,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
        return written

    def _row(self, study_uid: str) -> "list[Row]":
        key = {"studyInstanceUid": {"S": study_uid}}
        with translated("read the worklist"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        found = [answer["Item"]] if "Item" in answer else []
        return [row for row in found if not has_ended(row, self._clock())]
