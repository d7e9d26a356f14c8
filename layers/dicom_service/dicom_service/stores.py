"""The one seam to AWS: clients made once, on first use, and botocore's faults translated into ours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

from dicom_service.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    Row = dict[str, AttributeValueTypeDef]

MOST_READS = 5


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["s3"], patience: float = 5.0) -> "S3Client": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["ssm"]) -> "SSMClient": ...
@cache
def client(service: str, patience: float = 5.0) -> object:
    """A boto3 client that waits 2 s to connect and `patience` seconds to read, and tries three times.

    S3's checksums are computed only where it asks for them: TLS checks the bytes, and a signed URL cannot know them.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=2,
        read_timeout=patience,
        retries={"mode": "standard", "total_max_attempts": 3},
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "virtual"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]


@contextmanager
def translated(doing: str, *answers: str) -> Iterator[None]:
    """Turns botocore's faults into StoreUnavailable; `doing` completes «could not …».

    A ConditionalCheckFailedException or a TransactionCanceledException passes through: it is an answer, not a fault. So
    does an error whose code is among `answers`.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("ConditionalCheckFailedException", "TransactionCanceledException", *answers):
            raise
        raise StoreUnavailable(f"The service could not {doing} ({code})") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"The service could not {doing} ({type(error).__name__})") from error


def read_rows(doing: str, keys: "Mapping[str, Sequence[Row]]") -> "dict[str, list[Row]]":
    """The rows with these keys by table, in no order and up to 16 MB, as they are after the last write.

    At most 100 keys. `doing` completes «could not …»; raises StoreUnavailable, also where it is told again and again
    that there is no capacity.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    """
    asked: dict[str, Any] = {name: {"Keys": wanted, "ConsistentRead": True} for name, wanted in keys.items()}
    found: dict[str, list[Row]] = {name: [] for name in keys}
    for _ in range(MOST_READS):
        with translated(doing):
            answer = client("dynamodb").batch_get_item(RequestItems=asked)
        for name, rows in answer["Responses"].items():
            found[name] += rows
        asked = answer.get("UnprocessedKeys") or {}
        if not asked:
            return found
    raise StoreUnavailable(f"The service could not {doing} (UnprocessedKeys)")


def query_rows(doing: str, **request: Any) -> "Iterator[Row]":
    """The rows of a Query, page after page as they are taken; `doing` completes «could not …».

    Raises StoreUnavailable. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
    """
    pages = client("dynamodb").get_paginator("query")
    with translated(doing):
        for page in pages.paginate(**request):
            yield from page["Items"]


def conditional_write(
    doing: str, write: Callable[..., Any], mark: tuple[str, str], **request: Any
) -> "tuple[bool, Row]":
    """A write of one row that is done only under its ConditionExpression: whether it was, and the row.

    The row is what stood in the way, or with `ReturnValues` what was written. `mark` is an attribute that this write
    leaves in the row, and its value, which no other write has: boto3 repeats a write whose answer was lost, the second
    fails because of the first, and the mark shows that it was done. `doing` completes «could not …»; raises
    StoreUnavailable.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
    """
    from botocore.exceptions import ClientError

    try:
        with translated(doing):
            written = write(**request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except ClientError as refused:
        row: Row = refused.response.get("Item", {})  # type: ignore[assignment]  # botocore's types leave it out
        return row.get(mark[0]) == {"S": mark[1]}, row
    return True, written.get("Attributes", {})
