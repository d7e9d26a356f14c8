"""`make move-workitems`: what a version before kept is in the worklist afterwards, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.claims import Claims
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import dataset_of, keywords_of
from dicom_service.worklist.search import workitems
from dicom_service.worklist.table import TableWorklist
from local.aws import Aws
from local.move_workitems import move

ROOT = Path(__file__).parents[2]
LAYER = str(ROOT / "layers/dicom_service")


def kept_before(aws: Aws, uid: str, **values: Any) -> None:
    """A row as the version before wrote it."""
    dataset = dataset_of({**EXAMPLE, "StudyInstanceUID": uid, **values})
    row = {
        "studyInstanceUid": {"S": uid},
        "patientId": {"S": str(values.get("PatientID", EXAMPLE["PatientID"]))},
        "dataset": {"S": json.dumps(dataset)},
        "writtenBy": {"S": "0" * 32},
    }
    aws.client("dynamodb").put_item(TableName=os.environ["WORKITEMS_TABLE"], Item=row)


def moved(aws: Aws) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local.move_workitems", "--aws", aws.url],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": LAYER}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def uids(search: WorkitemSearch) -> list[Any]:
    return [keywords_of(item)["StudyInstanceUID"] for item in workitems(TableWorklist(), search)]


def left(aws: Aws) -> list[str]:
    rows = aws.client("dynamodb").scan(TableName=os.environ["WORKITEMS_TABLE"])["Items"]
    return sorted(row["studyInstanceUid"]["S"] for row in rows)


def test_workitems_are_moved_and_claims_stay(aws: Aws) -> None:
    for number in range(7):
        kept_before(aws, f"1.2.{number}", AccessionNumber=f"A{number}")
    Claims().take("1.2.99")
    assert uids(WorkitemSearch()) == []
    assert moved(aws) == "7 workitem(s) moved\n"
    assert uids(WorkitemSearch()) == [f"1.2.{number}" for number in range(7)]
    assert uids(WorkitemSearch({"AccessionNumber": "A3"})) == ["1.2.3"]
    assert left(aws) == ["1.2.99"]
    assert moved(aws) == "0 workitem(s) moved\n"


def test_a_study_that_has_another_workitem_by_now_keeps_it_and_both_are_there(aws: Aws) -> None:
    kept_before(aws, "1.2.3", PatientID="P1")
    TableWorklist().create(
        "1.2.3", dataset_of({**EXAMPLE, "StudyInstanceUID": "1.2.3", "PatientID": "P2"}), fresh=False
    )
    assert moved(aws) == "0 workitem(s) moved\n1 left where they were: their studies have other workitems by now\n"
    [item] = workitems(TableWorklist(), WorkitemSearch())
    assert keywords_of(item)["PatientID"] == "P2"
    assert left(aws) == ["1.2.3"]


@pytest.mark.parametrize("call", range(1, 7))
def test_broken_off_anywhere_it_is_repeated_and_loses_nothing(aws: Aws, call: int) -> None:
    for uid in ("1.2.3", "1.2.4"):
        kept_before(aws, uid)
    dynamodb, calls = aws.client("dynamodb"), 0

    def end(**_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt

    dynamodb.meta.events.register("before-call.dynamodb", end)
    try:
        move(dynamodb)
    except KeyboardInterrupt:
        assert calls == call
    finally:
        dynamodb.meta.events.unregister("before-call.dynamodb", end)
    assert {*uids(WorkitemSearch()), *left(aws)} == {"1.2.3", "1.2.4"}
    move(dynamodb)
    assert uids(WorkitemSearch()) == ["1.2.3", "1.2.4"]
    assert left(aws) == []


def test_the_table_that_rows_are_moved_from_is_the_one_of_before(aws: Aws) -> None:
    """`make run` knows what it kept by its table's definition: of another one it would leave the rows alone."""
    described = aws.client("dynamodb").describe_table(TableName=os.environ["WORKITEMS_TABLE"])["Table"]
    assert described["KeySchema"] == [{"AttributeName": "studyInstanceUid", "KeyType": "HASH"}]
    [index] = described["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["KeySchema"][0]["AttributeName"]) == ("by-patient", "patientId")
