"""Claims on Study Instance UIDs, with a clock that the test moves."""

import json
import os
import time
from dataclasses import replace

import pytest

from dicom_service.errors import Conflict, PacsTimeout
from dicom_service.pacs.dialects import DIALECTS
from dicom_service.pacs.session import PacsSession
from dicom_service.worklist.claims import LEASE_SECONDS, Claims
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import dataset_of
from dicom_service.worklist.mwl_json import MwlJson
from dicom_service.worklist.pacs_worklist import PacsWorklist
from local.aws import Aws
from tests.scripted import Answer, ScriptedPacs

UID = "1.2.3"
ITEM = dataset_of({**EXAMPLE, "StudyInstanceUID": UID})
DIALECT = replace(
    DIALECTS["o3"], workitem_creation="/create", workitem_retrieval="/search", workitem_deletion="/delete"
)


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_claim_keeps_others_out_until_it_is_released(aws: Aws, clock: Clock) -> None:
    claims = Claims(clock)
    claim = claims.take(UID)
    with pytest.raises(Conflict):
        claims.take(UID)
    claims.take("1.2.4")
    claims.release(claim)
    assert claims.take(UID) != claim


def test_a_claim_ends_with_its_lease(aws: Aws, clock: Clock) -> None:
    claims = Claims(clock)
    claims.take(UID)
    clock.now += LEASE_SECONDS - 1
    with pytest.raises(Conflict):
        claims.take(UID)
    clock.now += 2
    claims.take(UID)


def test_a_late_release_does_not_take_a_later_claim_away(aws: Aws, clock: Clock) -> None:
    claims = Claims(clock)
    late = claims.take(UID)
    clock.now += LEASE_SECONDS + 1
    later = claims.take(UID)
    claims.release(late)
    assert claims.held(UID) == later


def test_an_answer_that_came_too_late_leaves_the_claim_for_its_lease(aws: Aws, clock: Clock) -> None:
    with ScriptedPacs(Answer(204), Answer(200, delay=1.0), Answer(204), Answer(200)) as pacs:
        hasty = PacsWorklist(MwlJson(PacsSession(pacs.url, "", budget=0.5), DIALECT), Claims(clock))
        with pytest.raises(PacsTimeout, match="may have been created"):
            hasty.create(UID, ITEM, fresh=False)
        patient = PacsWorklist(MwlJson(PacsSession(pacs.url, "", budget=10.0), DIALECT), Claims(clock))
        with pytest.raises(Conflict):
            patient.create(UID, ITEM, fresh=False)
        clock.now += LEASE_SECONDS + 1
        patient.create(UID, ITEM, fresh=False)
    assert [asked.path for asked in pacs.asked] == ["/search", "/create", "/search", "/create"]


def test_a_workitem_that_vanished_from_the_pacs_blocks_no_longer_than_the_lease(aws: Aws, clock: Clock) -> None:
    with ScriptedPacs(Answer(204)) as pacs:
        worklist = PacsWorklist(MwlJson(PacsSession(pacs.url, "", budget=10.0), DIALECT), Claims(clock))
        worklist.create(UID, ITEM, fresh=False)
        clock.now += LEASE_SECONDS + 1
        worklist.create(UID, ITEM, fresh=False)
    assert [asked.method for asked in pacs.asked] == ["GET", "POST"] * 2


def test_a_row_of_the_version_before_keeps_its_study_taken(aws: Aws, clock: Clock) -> None:
    """It has no lease, for it holds a workitem: until it is moved, nobody else's is made under its UID."""
    row = {"studyInstanceUid": {"S": UID}, "dataset": {"S": json.dumps(ITEM)}}
    aws.client("dynamodb").put_item(TableName=os.environ["WORKITEMS_TABLE"], Item=row)
    clock.now += 10 * LEASE_SECONDS
    with pytest.raises(Conflict):
        Claims(clock).take(UID)
