"""The context object that a function gets beside its event.

https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

import time
import uuid
from dataclasses import dataclass, field
from types import SimpleNamespace

from local.aws import REGION
from local.http_api import ACCOUNT


@dataclass
class LambdaContext:
    """One invocation: `deadline` is on the monotonic clock, in seconds; times asked for are in milliseconds."""

    function_name: str
    memory_limit_in_mb: str
    deadline: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    identity: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
    )
    client_context: None = None

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        return f"[$LATEST]{self.aws_request_id}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self.deadline - time.monotonic()) * 1000))


def context_for(name: str, timeout: int = 29, memory: int = 512) -> LambdaContext:
    """The context of a function, in seconds and MB, whose time runs from now."""
    return LambdaContext(name, str(memory), time.monotonic() + timeout)
