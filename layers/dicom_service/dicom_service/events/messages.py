"""The deliveries queue: one message per event and subscriber, grouped by subscriber so that none crowds out another.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

import json
import math
from dataclasses import dataclass

from dicom_service import settings
from dicom_service.errors import InvalidRequest
from dicom_service.stores import client, translated

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
