"""The one seam to AWS: clients made once, on first use, and botocore's faults translated into ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal, overload

from dicom_service.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["s3"], patience: float = 5.0) -> "S3Client": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
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
