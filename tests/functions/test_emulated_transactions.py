"""Transactions of the emulated DynamoDB: all or nothing, and the table's stream goes on."""

import json
import os
from typing import Any

import pytest

from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import store_event
from local.aws import Aws

PAYLOAD = json.dumps({"StudyInstanceUID": "1.2"}).encode()
FACTS = announcement({"StudyInstanceUID": "1.2"})


def test_a_stream_is_read_on_after_a_transaction_that_failed(aws: Aws) -> None:
    streams = aws.client("dynamodbstreams")
    arn = streams.list_streams(TableName=os.environ["EVENTS_TABLE"])["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    store_event(PAYLOAD, FACTS)
    first = streams.get_records(ShardIterator=iterator["ShardIterator"])
    assert len(first["Records"]) == 2
    assert store_event(PAYLOAD, FACTS) is None
    event_id = store_event(PAYLOAD + b" ", FACTS)
    records = streams.get_records(ShardIterator=first["NextShardIterator"])["Records"]
    assert event_id in [record["dynamodb"]["Keys"]["eventId"]["S"] for record in records]


def put(name: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": os.environ["UIDS_TABLE"], "Item": {"uid": {"S": name}}, **more}}


@pytest.mark.parametrize("failing_first", [True, False])
def test_where_one_condition_fails_nothing_is_written(aws: Aws, failing_first: bool) -> None:
    dynamodb = aws.client("dynamodb")
    table = os.environ["UIDS_TABLE"]
    dynamodb.put_item(TableName=table, Item={"uid": {"S": "taken"}})
    writes = [put("taken", ConditionExpression="attribute_not_exists(uid)"), put("other")]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as error:
        dynamodb.transact_write_items(TransactItems=writes if failing_first else writes[::-1])
    codes = [reason["Code"] for reason in error.value.response["CancellationReasons"]]
    assert codes == (["ConditionalCheckFailed", "None"] if failing_first else ["None", "ConditionalCheckFailed"])
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"uid": {"S": "other"}})


def test_an_update_needs_its_condition_too(aws: Aws) -> None:
    dynamodb = aws.client("dynamodb")
    table = os.environ["UIDS_TABLE"]
    update = {
        "TableName": table,
        "Key": {"uid": {"S": "none"}},
        "UpdateExpression": "SET seen = :yes",
        "ConditionExpression": "attribute_exists(uid)",
        "ExpressionAttributeValues": {":yes": {"BOOL": True}},
    }
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=[{"Update": update}, put("other")])
    assert dynamodb.scan(TableName=table)["Items"] == []
