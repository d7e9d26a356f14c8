"""`make redrive`: what lies in the dead-letter queue goes back to the queue that it came from."""

import argparse
import json
from typing import Any

import boto3

from local.operated import add_arguments, connect

Message = dict[str, Any]


def redrive(sqs: Any, queues: dict[str, str]) -> int:
    """Moves every message that can be seen; gives how many. `queues` has the URLs by their names in the template.

    What is no message of ours stays where it is. A message is deleted when it has been sent: a fault in between doubles
    it, and whoever has it already gets it once.
    """
    moved = 0
    while messages := _receive(sqs, queues["DeadLetterQueue"]):
        for message in messages:
            again = _again(message, queues)
            if again is None:
                continue
            sqs.send_message(**again)
            sqs.delete_message(QueueUrl=queues["DeadLetterQueue"], ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved


def queue_urls(cloudformation: Any, stack: str) -> dict[str, str]:
    """The URLs of a stack's queues by their names in the template; of a stack of any size."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::SQS::Queue"
    }


def _receive(sqs: Any, url: str) -> list[Message]:
    found: list[Message] = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
    ).get("Messages", [])
    return found


def _again(message: Message, queues: dict[str, str]) -> dict[str, Any] | None:
    """The message as it is to be sent: a delivery into its subscriber's group, an event with its attributes.

    Of transfers there are uploads that were given up, the bucket's own events, and downloads.
    """
    try:
        body = json.loads(message["Body"])
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    transfers = {"uploadId": "UploadsQueue", "Records": "UploadsQueue", "downloadId": "DownloadsQueue"}
    for name, queue in transfers.items():
        if name in body:
            return {"QueueUrl": queues[queue], "MessageBody": message["Body"]}
    if "eventId" not in body:
        return None
    more: dict[str, Any]
    if "subscriber" in body:
        url, more = queues["DeliveriesQueue"], {"MessageGroupId": body["subscriber"]}
    else:
        url, more = queues["EventsQueue"], {"MessageAttributes": message.get("MessageAttributes", {})}
    return {"QueueUrl": url, "MessageBody": message["Body"], **more}


def main() -> None:
    """Moves them in AWS, with the credentials of the environment, or on this machine, at the address of `make run`."""
    parser = argparse.ArgumentParser(prog="make redrive", description=main.__doc__)
    add_arguments(parser)
    asked = parser.parse_args()
    connect(asked, {})
    moved = redrive(boto3.client("sqs"), queue_urls(boto3.client("cloudformation"), asked.stack))
    print(f"{moved} message(s) moved")


if __name__ == "__main__":
    main()
