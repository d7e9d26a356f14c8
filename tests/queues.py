"""What waits in a queue of the test's AWS, as the Lambda event that a function would get of it."""

import json
import os
from typing import Any

from local.aws import Aws


def received(aws: Aws, queue_url: str) -> dict[str, Any] | None:
    """The next message as an SQS event of one record, invisible from now on; None where there is none."""
    found = aws.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=1, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    return {"Records": [_record(message) for message in found["Messages"]]} if found.get("Messages") else None


def bodies(aws: Aws, queue_url: str) -> list[Any]:
    """The JSON of all messages that can be seen; they are invisible from now on."""
    found = []
    while event := received(aws, queue_url):
        found += [json.loads(record["body"]) for record in event["Records"]]
    return found


def queue_url(aws: Aws, logical_id: str) -> str:
    """The URL of a queue by its name in the template."""
    urls = aws.client("sqs").list_queues()["QueueUrls"]
    return str(next(url for url in urls if url.endswith(f"-{logical_id}")))


def table(variable: str) -> str:
    """The name of the table that an environment variable holds."""
    return os.environ[variable]


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "eventSource": "aws:sqs",
    }
