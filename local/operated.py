"""The stack that an operator's command works on: in AWS with the credentials of the environment, or of `make run`."""

import argparse
import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.aws import REGION, STACK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--aws` and `--stack`."""
    parser.add_argument("--aws", default="", help="AWS as `make run` prints it; the account's own where left out")
    parser.add_argument("--stack", default=STACK, help="name of the stack")


def connect(asked: argparse.Namespace, variables: Mapping[str, str]) -> None:
    """Points boto3's and the layer's clients at the stack; each variable names a resource by its name in the template.

    Raises LookupError where there is no such stack.
    """
    if asked.aws:
        local = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
        os.environ.update(local, AWS_ENDPOINT_URL=asked.aws)
    cloudformation: Any = boto3.client("cloudformation")
    try:
        for variable, name in variables.items():
            described = cloudformation.describe_stack_resource(StackName=asked.stack, LogicalResourceId=name)
            os.environ[variable] = described["StackResourceDetail"]["PhysicalResourceId"]
    except (BotoCoreError, ClientError) as error:
        raise LookupError(f"The stack cannot be found: {error}") from error
