"""The emulated AWS with a folder: each kind of store is what it was when the process was killed."""

import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from local import configuration
from local.aws import STACK, Aws, Kept
from local.persistence.records import file_of

Template = dict[str, Any]
EVENTS = f"{STACK}-EventsTable"
BUCKET = f"{STACK}-transferbucket"

TEST_EVENT = {"messages": 1}
"""What a bucket sends to its queue when it is tied to it, at every start."""


@contextmanager
def running(folder: Path, template: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Aws]:
    """Ends as a crash does."""
    aws = Aws(folder)
    aws.start()
    try:
        aws.create(template, configuration.parameters(document, {}))
        yield aws
    finally:
        aws.stop()


def queue(aws: Aws, name: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=f"{STACK}-{name}")["QueueUrl"])


def received(aws: Aws, name: str, seconds: int = 0) -> list[dict[str, Any]]:
    """Every message that can be seen now; they are out of sight for so long."""
    messages = []
    while (
        more := aws.client("sqs")
        .receive_message(
            QueueUrl=queue(aws, name),
            MaxNumberOfMessages=10,
            VisibilityTimeout=seconds or 600,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        .get("Messages")
    ):
        messages += more
    return messages


def streamed(aws: Aws, read_on: bool = False) -> list[str]:
    """The events of the stream's records; whoever reads on has handled them."""
    streams = aws.client("dynamodbstreams")
    arn = streams.list_streams(TableName=EVENTS)["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    begin = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    page = streams.get_records(ShardIterator=streams.get_shard_iterator(**begin)["ShardIterator"])
    if read_on:
        streams.get_records(ShardIterator=page["NextShardIterator"])
    return [f"{record['eventName']} {record['dynamodb']['Keys']['eventId']['S']}" for record in page["Records"]]


def test_items_are_what_was_written_last(tmp_path: Path, translated: Template, document: Template) -> None:
    item = {
        "eventId": {"S": "1"}, "payload": {"B": b"\x00\xff"}, "position": {"N": "12.50"}, "none": {"NULL": True},
        "modalities": {"L": [{"S": "CT"}, {"M": {"a": {"BOOL": False}, "b": {"B": b"x"}}}]},
        "words": {"SS": ["a", "ä"]},
    }  # fmt: skip
    feed = f"{STACK}-FeedTable"
    with running(tmp_path, translated, document) as aws:
        dynamodb = aws.client("dynamodb")
        for identifier in ("1", "2", "3"):
            dynamodb.put_item(TableName=EVENTS, Item=item | {"eventId": {"S": identifier}})
        dynamodb.delete_item(TableName=EVENTS, Key={"eventId": {"S": "2"}})
        dynamodb.update_item(
            TableName=EVENTS,
            Key={"eventId": {"S": "3"}},
            UpdateExpression="REMOVE payload SET #p = :p",
            ExpressionAttributeNames={"#p": "position"},
            ExpressionAttributeValues={":p": {"N": "13"}},
        )
        entries = [{"Put": {"TableName": feed, "Item": {"feed": {"S": "exams"}, "position": {"N": str(n)}}}}
                   for n in range(3)]  # fmt: skip
        dynamodb.transact_write_items(TransactItems=entries)
        dynamodb.batch_write_item(RequestItems={feed: [{"DeleteRequest": {"Key": entries[0]["Put"]["Item"]}}]})
    with running(tmp_path, translated, document) as aws:
        items = {each["eventId"]["S"]: each for each in aws.client("dynamodb").scan(TableName=EVENTS)["Items"]}
        positions = [each["position"]["N"] for each in aws.client("dynamodb").scan(TableName=feed)["Items"]]
        assert aws.kept == Kept(TEST_EVENT | {EVENTS: 2, feed: 2})
    assert items.pop("1") == item
    changed = items.pop("3")
    assert (changed["position"], "payload" in changed) == ({"N": "13"}, False)
    assert (items, sorted(positions)) == ({}, ["1", "2"])


def test_an_expired_item_is_gone(tmp_path: Path, translated: Template, document: Template) -> None:
    with running(tmp_path, translated, document) as aws:
        for identifier, end in (("past", time.time() - 1), ("future", time.time() + 600)):
            item = {"eventId": {"S": identifier}, "expiresAt": {"N": str(int(end))}}
            aws.client("dynamodb").put_item(TableName=EVENTS, Item=item)
    with running(tmp_path, translated, document) as aws:
        items = aws.client("dynamodb").scan(TableName=EVENTS)["Items"]
    assert [item["eventId"]["S"] for item in items] == ["future"]


def test_a_stream_has_again_what_nobody_has_handled(tmp_path: Path, translated: Template, document: Template) -> None:
    with running(tmp_path, translated, document) as aws:
        aws.client("dynamodb").put_item(TableName=EVENTS, Item={"eventId": {"S": "1"}})
        assert streamed(aws, read_on=True) == ["INSERT 1"]
        aws.client("dynamodb").put_item(TableName=EVENTS, Item={"eventId": {"S": "2"}})
    for _ in range(2):
        with running(tmp_path, translated, document) as aws:
            assert streamed(aws) == ["INSERT 2"]
    with running(tmp_path, translated, document) as aws:
        aws.client("dynamodb").put_item(TableName=EVENTS, Item={"eventId": {"S": "3"}})
        assert streamed(aws, read_on=True) == ["INSERT 2", "INSERT 3"]
    with running(tmp_path, translated, document) as aws:
        assert streamed(aws) == []
        assert len(aws.client("dynamodb").scan(TableName=EVENTS)["Items"]) == 3


def test_messages_wait_until_they_are_deleted(tmp_path: Path, translated: Template, document: Template) -> None:
    attributes = {"a": {"DataType": "String", "StringValue": "b"}, "c": {"DataType": "Binary", "BinaryValue": b"\x00"}}
    with running(tmp_path, translated, document) as aws:
        sqs, url = aws.client("sqs"), queue(aws, "DeliveriesQueue")
        for body in ("deleted", "in flight", "postponed"):
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes, MessageGroupId="one")
        handles = {message["Body"]: message["ReceiptHandle"] for message in received(aws, "DeliveriesQueue")}
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handles["deleted"])
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles["postponed"], VisibilityTimeout=3600)
        sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=600)
        sqs.send_message(QueueUrl=queue(aws, "DeadLetterQueue"), MessageBody="purged")
        sqs.purge_queue(QueueUrl=queue(aws, "DeadLetterQueue"))
    with running(tmp_path, translated, document) as aws:
        assert received(aws, "DeadLetterQueue") == []
        (message,) = received(aws, "DeliveriesQueue")
        names = ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        url = queue(aws, "DeliveriesQueue")
        counts = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert aws.kept.restored == TEST_EVENT | {"messages": 4}
    assert (message["Body"], message["MessageAttributes"]) == ("in flight", attributes)
    assert message["Attributes"]["MessageGroupId"] == "one"
    assert counts == dict(zip(names, ("2", "1"), strict=True))


def test_the_bucket_tells_its_queue_only_of_new_objects(
    tmp_path: Path, translated: Template, document: Template
) -> None:
    body, large = b"DICM" * 10, bytes(6 * 1024 * 1024)
    with running(tmp_path, translated, document) as aws:
        s3 = aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key="uploads/1/é", Body=b"an earlier one")
        put = s3.put_object(Bucket=BUCKET, Key="uploads/1/é", Body=body, ContentType="a/b", Metadata={"size": "40"})
        s3.put_object(Bucket=BUCKET, Key="uploads/2", Body=large)
        s3.put_object(Bucket=BUCKET, Key="uploads/3", Body=body)
        s3.delete_object(Bucket=BUCKET, Key="uploads/3")
        for message in received(aws, "UploadsQueue"):
            aws.client("sqs").delete_message(
                QueueUrl=queue(aws, "UploadsQueue"), ReceiptHandle=message["ReceiptHandle"]
            )
    with running(tmp_path, translated, document) as aws:
        s3 = aws.client("s3")
        read = s3.get_object(Bucket=BUCKET, Key="uploads/1/é")
        assert (read["Body"].read(), read["ContentType"], read["Metadata"]) == (body, "a/b", {"size": "40"})
        assert (read["ETag"], read["ServerSideEncryption"]) == (put["ETag"], "AES256")
        part = s3.get_object(Bucket=BUCKET, Key="uploads/2", Range="bytes=6291455-")
        assert part["Body"].read() == large[-1:]
        assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["uploads/1/é", "uploads/2"]
        assert all("s3:TestEvent" in message["Body"] for message in received(aws, "UploadsQueue"))
        s3.delete_object(Bucket=BUCKET, Key="uploads/2")
    assert len(list((tmp_path / "objects").iterdir())) == 1


def test_parts_of_an_upload_under_way_come_together(tmp_path: Path, translated: Template, document: Template) -> None:
    first, second = bytes(5 * 1024 * 1024), b"the end"
    place = {"Bucket": BUCKET, "Key": "uploads/parts"}
    with running(tmp_path, translated, document) as aws:
        s3 = aws.client("s3")
        upload = s3.create_multipart_upload(**place, ContentType="a/b")["UploadId"]
        abandoned = s3.create_multipart_upload(**place)["UploadId"]
        address = s3.generate_presigned_url("upload_part", place | {"UploadId": upload, "PartNumber": 2})
        s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=first)
        s3.upload_part(**place, UploadId=abandoned, PartNumber=1, Body=b"x")
        s3.abort_multipart_upload(**place, UploadId=abandoned)
    with running(tmp_path, translated, document) as aws:
        s3 = aws.client("s3")
        uploads = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
        assert [each["UploadId"] for each in uploads] == [upload]
        requests.put(address, data=second, timeout=20).raise_for_status()
        parts = s3.list_parts(**place, UploadId=upload)["Parts"]
        named = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in parts]
        s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": named})
    with running(tmp_path, translated, document) as aws:
        whole = aws.client("s3").get_object(**place)
        assert (whole["Body"].read(), whole["ContentType"]) == (first + second, "a/b")
        assert aws.kept.restored["objects"] == 1
    assert len(list((tmp_path / "objects").iterdir())) == 1


def test_a_table_of_another_version_is_left_alone(tmp_path: Path, translated: Template, document: Template) -> None:
    other = copy.deepcopy(translated)
    table = other["Resources"]["UidsTable"]["Properties"]
    table["KeySchema"][0]["AttributeName"] = table["AttributeDefinitions"][0]["AttributeName"] = "identifier"
    name = f"{STACK}-UidsTable"
    with running(tmp_path, translated, document) as aws:
        aws.client("dynamodb").put_item(TableName=name, Item={"uid": {"S": "1.2"}})
    with running(tmp_path, other, document) as aws:
        assert aws.kept == Kept(TEST_EVENT, {name: 1})
        aws.client("dynamodb").put_item(TableName=name, Item={"identifier": {"S": "1.2"}})
        assert len(aws.client("dynamodb").scan(TableName=name)["Items"]) == 1
    with running(tmp_path, translated, document) as aws:
        assert (aws.kept.restored[name], aws.kept.left) == (1, {name: 1})
        assert aws.client("dynamodb").scan(TableName=name)["Items"] == [{"uid": {"S": "1.2"}}]


def test_a_file_of_another_version_is_named_and_left_alone(
    tmp_path: Path, translated: Template, document: Template
) -> None:
    later = tmp_path / "aws-0.sqlite"
    later.write_bytes(b"of another version")
    with running(tmp_path, translated, document) as aws:
        assert aws.kept.others == (str(later),)
    assert later.read_bytes() == b"of another version"


def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, translated: Template, document: Template) -> None:
    file_of(tmp_path).write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match=str(tmp_path)), running(tmp_path, translated, document):
        pass
    assert file_of(tmp_path).read_bytes() == b"no database" * 100
