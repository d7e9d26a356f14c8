"""The deliveries queue: one message per event and subscriber, grouped by subscriber so that none crowds out another.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import InvalidRequest, StoreUnavailable
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MESSAGES_TOGETHER = 10

LONGEST_POSTPONEMENT = 12 * 3600 - 120
"""A message may be invisible for 12 hours from when it was received; a minute or two of that have passed.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""


@dataclass(frozen=True)
class DeliveryMessage:
    """Deliver the event to the subscriber with this key; `run` counts how often that was asked for anew."""

    event_id: str
    subscriber: str
    run: int

    @classmethod
    def parsed(cls, body: str) -> "DeliveryMessage":
        """The message of a queue; raises InvalidRequest where it is none of ours."""
        try:
            names = json.loads(body)
            return cls(str(names["eventId"]), str(names["subscriber"]), int(names["run"]))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidRequest("The message is no delivery") from error

    @property
    def body(self) -> str:
        return json.dumps({"eventId": self.event_id, "subscriber": self.subscriber, "run": self.run})


def ask_for_delivery(message: DeliveryMessage) -> None:
    """Puts the message into DELIVERIES_QUEUE_URL; raises StoreUnavailable."""
    _send("DELIVERIES_QUEUE_URL", message)


def ask_for_deliveries(messages: Sequence[DeliveryMessage]) -> dict[int, StoreUnavailable]:
    """Puts the messages into DELIVERIES_QUEUE_URL, ten at a time; gives the places of those that did not go, and why.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
    """
    failed: dict[int, StoreUnavailable] = {}
    for chunk in batched(enumerate(messages), MESSAGES_TOGETHER, strict=False):
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(place), "MessageBody": message.body, "MessageGroupId": message.subscriber}
            for place, message in chunk
        ]
        try:
            with translated("queue the deliveries"):
                queue = settings.required("DELIVERIES_QUEUE_URL")
                answer = client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
        except StoreUnavailable as error:
            failed |= {place: error for place, _ in chunk}
            continue
        for one in answer.get("Failed", []):
            failed[int(one["Id"])] = StoreUnavailable(f"The service could not queue a delivery ({one['Code']})")
    return failed


def bury(message: DeliveryMessage) -> None:
    """Puts the message into DEAD_LETTER_QUEUE_URL; raises StoreUnavailable."""
    _send("DEAD_LETTER_QUEUE_URL", message)


def postpone(receipt_handle: str, seconds: float) -> None:
    """Keeps the message that is being handled out of sight, for 12 hours at the most; raises StoreUnavailable."""
    with translated("postpone a delivery"):
        client("sqs").change_message_visibility(
            QueueUrl=settings.required("DELIVERIES_QUEUE_URL"),
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=min(math.ceil(seconds), LONGEST_POSTPONEMENT),
        )


def _send(queue: str, message: DeliveryMessage) -> None:
    with translated("queue a delivery"):
        client("sqs").send_message(
            QueueUrl=settings.required(queue), MessageBody=message.body, MessageGroupId=message.subscriber
        )
