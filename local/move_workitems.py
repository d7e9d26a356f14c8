"""`make move-workitems`: moves the workitems of a version that kept them beside the claims into the worklist's table.

To be run once, right after the stack was updated from such a version: until then they are not found. It can be broken
off and repeated at any time, beside requests.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from dicom_service import settings
from dicom_service.errors import ServiceError
from dicom_service.stores import translated
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.table_rows import row_of
from local.operated import add_arguments, connect

TABLES = {"WORKITEMS_TABLE": "WorkitemsTable", "WORKLIST_TABLE": "WorklistTable"}
KEY = "studyInstanceUid"


@dataclass
class Moved:
    """How many were moved, and how many left because their study has another workitem by now."""

    moved: int = 0
    left: int = 0


def move(dynamodb: Any) -> Moved:
    """Moves each row that holds a workitem; it is written to the new table before it leaves the old one."""
    done = Moved()
    for row in _kept_beside_claims(dynamodb):
        new = row_of(row[KEY]["S"], normal_form(json.loads(row["dataset"]["S"])), time.time())
        if _put(dynamodb, new) or _is_there(dynamodb, new):
            _remove(dynamodb, row)
            done.moved += 1
        else:
            done.left += 1
    return done


def _kept_beside_claims(dynamodb: Any) -> Iterator[dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=settings.required("WORKITEMS_TABLE"),
        FilterExpression="attribute_exists(dataset)",
        ConsistentRead=True,
    )
    for page in pages:
        yield from page["Items"]


def _put(dynamodb: Any, row: dict[str, Any]) -> bool:
    try:
        dynamodb.put_item(
            TableName=settings.required("WORKLIST_TABLE"),
            Item=row,
            ConditionExpression=f"attribute_not_exists({KEY})",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _is_there(dynamodb: Any, row: dict[str, Any]) -> bool:
    """Whether the very same was written before: by a run that was broken off."""
    found = dynamodb.get_item(TableName=settings.required("WORKLIST_TABLE"), Key={KEY: row[KEY]}, ConsistentRead=True)
    return bool(found.get("Item", {}).get("dataset") == row["dataset"])


def _remove(dynamodb: Any, row: dict[str, Any]) -> None:
    dynamodb.delete_item(
        TableName=settings.required("WORKITEMS_TABLE"),
        Key={KEY: row[KEY]},
        ConditionExpression="dataset = :moved",
        ExpressionAttributeValues={":moved": row["dataset"]},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="make move-workitems", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    asked = parser.parse_args(arguments)
    try:
        connect(asked, TABLES)
        with translated("move the workitems"):
            done = move(boto3.client("dynamodb"))
    except (ServiceError, LookupError) as error:
        print(getattr(error, "detail", error), file=sys.stderr)
        return 1
    print(f"{done.moved} workitem(s) moved")
    if done.left:
        print(f"{done.left} left where they were: their studies have other workitems by now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
