"""Queues, streams and notifications: what the event source mappings hand to functions, and what becomes of failures."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from local import template
from local.stack import LocalStack

PATIENCE_SECONDS = 20


def eventually[Found](look: Callable[[], Found], what: str) -> Found:
    """What is found at last; fails the test where it is never found."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS} s")


@pytest.fixture
def names(odd_stack: LocalStack) -> dict[str, str]:
    """What the resources are called: `Queue` and `DeadLetters` by URL, the others by name or ARN."""
    environment = template.functions(odd_stack.resources)["Echo"].environment
    dead_letters = environment["DEAD_LETTERS"].partition(" ")[0]
    sqs, s3, sns = (odd_stack.aws.client(service) for service in ("sqs", "s3", "sns"))
    source = next(s for s in template.event_sources(odd_stack.resources) if ":dynamodb:" in s.arn)
    return {
        "Table": environment["TABLE"],
        "Streamed": source.arn.split("/")[1],
        "Queue": environment["QUEUE_URL"],
        "DeadLetters": sqs.get_queue_url(QueueName=dead_letters)["QueueUrl"],
        "Bucket": s3.list_buckets()["Buckets"][0]["Name"],
        "Topic": sns.list_topics()["Topics"][0]["TopicArn"],
    }


def kept(stack: LocalStack, names: dict[str, str], field: str) -> list[Any]:
    """What the functions kept in the table under a field."""
    items = stack.aws.client("dynamodb").scan(TableName=names["Table"])["Items"]
    return [json.loads(item[field]["S"]) for item in items if field in item]


def messages_read(stack: LocalStack, names: dict[str, str], body: str) -> list[dict[str, Any]]:
    batches = kept(stack, names, "records")
    return [record for batch in batches for record in batch if record["body"] == body]


def test_a_message_reaches_the_function_in_lambda_s_shape(odd_stack: LocalStack, names: dict[str, str]) -> None:
    # when
    odd_stack.aws.client("sqs").send_message(
        QueueUrl=names["Queue"],
        MessageBody="shape",
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "one"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        },
    )

    # then it has every field of the documented sample
    record = eventually(lambda: messages_read(odd_stack, names, "shape"), "the function's call")[0]
    assert set(record) == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource",
        "eventSourceARN", "awsRegion",
    }  # fmt: skip
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(record["attributes"])
    empty = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "text": {"dataType": "String", "stringValue": "one", **empty},
        "bytes": {"dataType": "Binary", "binaryValue": "AAE=", **empty},
    }


def test_only_the_failed_messages_of_a_batch_come_again_and_at_last_lie_in_the_dead_letter_queue(
    odd_stack: LocalStack, names: dict[str, str]
) -> None:
    # given a queue whose messages are tried twice, one second apart
    sqs = odd_stack.aws.client("sqs")

    # when
    entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(["well", "fail", "well"])]
    sqs.send_message_batch(QueueUrl=names["Queue"], Entries=entries)

    # then
    dead = eventually(lambda: sqs.receive_message(QueueUrl=names["DeadLetters"]).get("Messages"), "the redrive")
    assert [message["Body"] for message in dead] == ["fail"]
    assert len(messages_read(odd_stack, names, "fail")) == 2
    assert len(messages_read(odd_stack, names, "well")) == 2
    left = sqs.get_queue_attributes(QueueUrl=names["Queue"], AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == left["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_subscription_passes_what_its_filter_lets_through_as_it_is(
    odd_stack: LocalStack, names: dict[str, str]
) -> None:
    # when
    for kind in ("unwanted", "wanted"):
        odd_stack.aws.client("sns").publish(
            TopicArn=names["Topic"],
            Message=kind,
            MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}},
        )

    # then
    eventually(lambda: messages_read(odd_stack, names, "wanted"), "the notification")
    assert not messages_read(odd_stack, names, "unwanted")


def test_a_bucket_tells_of_new_objects_under_its_prefix(odd_stack: LocalStack, names: dict[str, str]) -> None:
    # when
    for key in ("other/1", "uploads/1"):
        odd_stack.aws.client("s3").put_object(Bucket=names["Bucket"], Key=key, Body=b"1")

    # then
    def told() -> list[str]:
        bodies = [record["body"] for batch in kept(odd_stack, names, "records") for record in batch]
        events = [json.loads(body) for body in bodies if body.startswith("{")]
        return [unquote_plus(one["s3"]["object"]["key"]) for event in events for one in event.get("Records", [])]

    assert eventually(told, "the notification") == ["uploads/1"]


def test_a_record_of_a_stream_reaches_the_function_in_lambda_s_shape(
    odd_stack: LocalStack, names: dict[str, str]
) -> None:
    # when an item is inserted and then changed
    for colour in ("red", "blue"):
        odd_stack.aws.client("dynamodb").put_item(
            TableName=names["Streamed"], Item={"id": {"S": "shape"}, "colour": {"S": colour}, "raw": {"B": b"\x00"}}
        )

    # then the filter lets only the insertion through
    def read() -> list[dict[str, Any]]:
        records = kept(odd_stack, names, "record")
        return [record for record in records if record["dynamodb"]["Keys"] == {"id": {"S": "shape"}}]

    (record,) = eventually(read, "the function's call")
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert f":table/{names['Streamed']}/stream/" in record["eventSourceARN"]
    assert {"eventID", "eventVersion", "awsRegion"} <= set(record)
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "shape"}, "colour": {"S": "red"}, "raw": {"B": "AA=="}}
    assert record["dynamodb"]["StreamViewType"] == "NEW_IMAGE"
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], float)


def test_a_poisonous_record_is_retried_alone_and_given_up_as_the_template_says(
    odd_stack: LocalStack, names: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    # when
    identifiers = ["before 1", "before 2", "poison", "after 1", "after 2"]
    odd_stack.aws.client("dynamodb").transact_write_items(
        TransactItems=[{"Put": {"TableName": names["Streamed"], "Item": {"id": {"S": one}}}} for one in identifiers]
    )

    # then the others are handled in order, and only it is lost
    def read() -> list[str]:
        records = kept(odd_stack, names, "record")
        records.sort(key=lambda record: int(record["dynamodb"]["SequenceNumber"]))
        found = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
        return [one for one in found if one in identifiers] if "after 2" in found else []

    assert eventually(read, "the last record") == ["before 1", "before 2", "after 1", "after 2"]
    assert "gave up 1 record(s) of its stream after 2 retries" in capfd.readouterr().out
