"""The queues of transfers: what is asked of a worker, and when it is asked again."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dicom_service import settings
from dicom_service.audit.record import Agent
from dicom_service.errors import StoreUnavailable
from dicom_service.faults import log_fault
from dicom_service.stores import client, translated

LONGEST_POSTPONEMENT = 12 * 3600 - 120
"""A message may be invisible for 12 hours from when it was received.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""


def send(queue: str, message: Mapping[str, Any]) -> None:
    """Puts a message into the queue whose URL the environment variable `queue` holds; raises StoreUnavailable."""
    with translated("queue a transfer"):
        client("sqs").send_message(QueueUrl=settings.required(queue), MessageBody=json.dumps(message))


def ask_for_download(download_id: str, asked_by: Agent) -> None:
    """Has a worker bring a download, and tells it who wants it; raises StoreUnavailable."""
    send("DOWNLOADS_QUEUE_URL", {"downloadId": download_id, "askedBy": asdict(asked_by)})


def postpone(queue: str, receipt_handle: str, seconds: float) -> None:
    """Keeps the message that is being handled out of sight for so long; raises StoreUnavailable."""
    with translated("postpone a transfer"):
        client("sqs").change_message_visibility(
            QueueUrl=settings.required(queue),
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=min(max(0, math.ceil(seconds)), LONGEST_POSTPONEMENT),
        )


def show_again(queue: str, receipt_handle: str, seconds: float) -> None:
    """Has the message come again so soon should its worker be killed, and not when the queue's own time is up.

    Never raises: what is at work need not stop because that could not be said.
    """
    try:
        postpone(queue, receipt_handle, seconds)
    except StoreUnavailable as error:
        log_fault(error)
