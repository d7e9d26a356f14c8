"""Calls to AWS as IAM sees them: which action on which resource, read off the wire.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ACCOUNT = "123456789012"
REGION = "eu-central-1"
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/(\w[\w-]*)/aws4_request")
BATCHES = {"PublishBatch": "Publish", "SendMessageBatch": "SendMessage"}
"""Operations that IAM knows by the name of one of what they hold many of."""

WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


@dataclass(frozen=True, order=True)
class Call:
    """An action such as `dynamodb:PutItem`, and the ARN that it is done to."""

    action: str
    resource: str


def calls_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[str, set[Call]]:
    """The access key of a signed request, and what IAM would be asked about it."""
    query = parse_qs(urlsplit(target).query, keep_blank_values=True)
    presigned = query.get("X-Amz-Credential", [""])[0]
    shown = headers.get("authorization", "") or f"Credential={presigned}"
    match = CREDENTIAL.search(shown) or CREDENTIAL.search(_of_form(body))
    if match is None:
        return "", set()
    key, service = match.groups()
    if service == "s3":
        place = unquote(urlsplit(target).path).strip("/")
        return key, {_s3(method, place if "/" in place else f"{place}/{_field(body, 'key')}", query)}
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "sns":
        form = parse_qs(body.decode())
        return key, {Call(f"sns:{BATCHES.get(form['Action'][0], form['Action'][0])}", form["TopicArn"][0])}
    document = json.loads(body or b"{}")
    return key, set(_json(service, operation, document))


def _json(service: str, operation: str, document: Mapping[str, Any]) -> Iterator[Call]:
    if service == "dynamodb":
        yield from _dynamodb(operation, document)
    elif service == "sqs":
        queue = document["QueueUrl"].rpartition("/")[2]
        yield Call(f"sqs:{BATCHES.get(operation, operation)}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
    elif service == "ssm":
        yield Call(f"ssm:{operation}", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{document['Name']}")
    else:
        yield Call(f"{service}:{operation}", str(document.get("SecretId", "*")))


def _dynamodb(operation: str, document: Mapping[str, Any]) -> Iterator[Call]:
    def on(action: str, table: str, index: str = "") -> Call:
        name = table + (f"/index/{index}" if index else "")
        return Call(f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")

    if operation == "TransactWriteItems":
        for item in document["TransactItems"]:
            for kind, write in item.items():
                yield on(WRITES[kind], write["TableName"])
    elif "RequestItems" in document:
        for table in document["RequestItems"]:
            yield on(operation, table)
    else:
        yield on(operation, document["TableName"], document.get("IndexName", ""))


def _s3(method: str, place: str, query: Mapping[str, Any]) -> Call:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
    action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}.get(method, "")
    if method == "DELETE":
        action = "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
    if method == "GET" and "uploadId" in query:
        action = "ListMultipartUploadParts"
    return Call(f"s3:{action}", f"arn:aws:s3:::{place}")


def _of_form(body: bytes) -> str:
    """The credential of a signed form, which is one of its fields."""
    found = _field(body, "x-amz-credential")
    return f"Credential={found}" if found else ""


def _field(body: bytes, name: str) -> str:
    found = re.search(rb'name="' + name.encode() + rb'"\r\n\r\n([^\r]+)', body[:20_000], re.IGNORECASE)
    return found[1].decode() if found else ""
