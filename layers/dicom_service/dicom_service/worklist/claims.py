"""Claims on Study Instance UIDs: of several creations of one workitem, one goes on and the others are refused.

A PACS offers no way to create an item only where there is none (DICOM Supplement 246 tells why: the standard has no
creation over the web), so asking first and creating then would let two creations through. The claim is a row that only
one of them can write. It ends by itself after its lease, longer than a function runs.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dicom_service import settings
from dicom_service.errors import Conflict, ServiceError
from dicom_service.stores import client, conditional_write, translated

LEASE_SECONDS = 60

TAKEN = (
    "There is a workitem with this StudyInstanceUID, or its creation has not ended: "
    f"in the latter case try again in {LEASE_SECONDS} seconds"
)

FREE = "attribute_not_exists(studyInstanceUid) OR leaseUntil < :now"
"""The condition for taking a UID: no row, or a claim whose lease is over. A row that keeps a workitem has no lease."""


@dataclass(frozen=True)
class Claim:
    """One creation's claim on a Study Instance UID; `claimed_by` tells it from later claims on the same one."""

    study_uid: str
    claimed_by: str


class Claims:
    """The claims in WORKITEMS_TABLE; `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb = client("dynamodb")
        self._table = settings.required("WORKITEMS_TABLE")
        self._clock = clock

    def take(self, study_uid: str, refusal: str = TAKEN) -> Claim:
        """A claim on the UID; raises Conflict with the refusal where another one holds it."""
        now = int(self._clock())
        claim = Claim(study_uid, secrets.token_hex(16))
        taken, _ = conditional_write(
            "claim a StudyInstanceUID",
            self._dynamodb.put_item,
            ("claimedBy", claim.claimed_by),
            TableName=self._table,
            Item={
                "studyInstanceUid": {"S": study_uid},
                "claimedBy": {"S": claim.claimed_by},
                "leaseUntil": {"N": str(now + LEASE_SECONDS)},
            },
            ConditionExpression=FREE,
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
        if not taken:
            raise Conflict(refusal)
        return claim

    def held(self, study_uid: str) -> Claim | None:
        """The claim that holds the UID, if any, its lease over or not."""
        with translated("read a claim"):
            row = self._dynamodb.get_item(
                TableName=self._table, Key={"studyInstanceUid": {"S": study_uid}}, ConsistentRead=True
            ).get("Item", {})
        return Claim(study_uid, row["claimedBy"]["S"]) if "claimedBy" in row else None

    def release(self, claim: Claim) -> None:
        """Gives the UID free again, unless another claim has taken it since."""
        try:
            with translated("release a claim"):
                self._dynamodb.delete_item(
                    TableName=self._table,
                    Key={"studyInstanceUid": {"S": claim.study_uid}},
                    ConditionExpression="claimedBy = :me",
                    ExpressionAttributeValues={":me": {"S": claim.claimed_by}},
                )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    @contextmanager
    def released_after(self, claim: Claim, *faults: type[ServiceError]) -> Iterator[None]:
        """Releases the claim where the block fails with one of the faults; after any other it stays for its lease."""
        try:
            yield
        except faults:
            self.release(claim)
            raise
