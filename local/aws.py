"""The AWS side on this machine: moto's server on a socket of its own, filled from the translated template."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from local.interrupts import uninterrupted
from local.intrinsics import filled, key, resolvable
from local.persistence.recorder import RESTORE
from local.template import REGION, of_type

ROOT = Path(__file__).parents[1]
STACK = "dicom-service"

STORES = frozenset(
    f"AWS::{kind}"
    for kind in (
        "DynamoDB::Table",
        "S3::Bucket",
        "SecretsManager::Secret",
        "SNS::Topic",
        "SQS::Queue",
        "SSM::Parameter",
    )
)
"""What moto's CloudFormation makes. Functions, roles and the API are run by us, or mean nothing on one machine."""

NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
}
"""Which property names a store: its name is the same at every start, so that what is kept finds its place."""

SUBSCRIPTION_ATTRIBUTES = ("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope")


@dataclass(frozen=True)
class Kept:
    """What came back of an earlier run: how many of each store's things, and what is left alone on disk.

    `left` counts what belongs to stores of another version; `others` are files of other versions of this program.
    """

    restored: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    others: tuple[str, ...] = ()


class Aws:
    """moto's server in a process of its own. Its data are in memory, and kept in the folder where there is one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._clients: dict[str, Any] = {}
        self._folder = folder
        self.kept = Kept()

    def start(self) -> None:
        """Begins to start, on a free port of 127.0.0.1."""
        command = [sys.executable, "-m", "local.moto_server", *([str(self._folder.absolute())] if self._folder else [])]
        with uninterrupted():
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
            )

    def stop(self) -> None:
        """Ends the process; what is under way is abandoned."""
        for client in self._clients.values():
            client.close()
        self._process.kill()
        self._process.communicate()

    @cached_property
    def url(self) -> str:
        """Where the server listens; waits until it does."""
        port = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not port:
            raise OSError("the AWS emulation did not start")
        return f"http://127.0.0.1:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which an SDK talks to this server and to nothing else."""
        return {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """The boto3 client of this server, whatever the process's environment says."""
        from boto3 import Session
        from botocore.config import Config

        if service not in self._clients:
            session = Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION)  # noqa: S106
            config = Config(read_timeout=30, max_pool_connections=50)
            made: Any = session.client  # typed by the service's name, which is not known here
            self._clients[service] = made(service, endpoint_url=self.url, config=config)
        return self._clients[service]

    def reset(self) -> None:
        """Forgets every resource and what is in it."""
        with urllib.request.urlopen(f"{self.url}/moto-api/reset", data=b""):  # noqa: S310 - our own socket
            pass

    def create(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
        """Creates the stores of a translated template; gives all its resources, with what names stores resolved.

        moto's CloudFormation resolves Ref, Fn::GetAtt, Fn::Sub and Fn::Join for us: each is an output of its stack.
        What was kept is put back before topics and buckets are tied to queues. Raises OSError where it cannot be read.
        """
        stores = {name: _alone(name, store) for name, store in template["Resources"].items() if _is_store(store)}
        wanted: list[Any] = [{"Ref": name} for name in stores]
        wanted += resolvable(template["Resources"], {*stores, *template.get("Parameters", {})})
        outputs = {key(expression): expression for expression in wanted}
        stack = {
            "Parameters": template.get("Parameters", {}),
            "Conditions": template.get("Conditions", {}),
            "Resources": stores,
            "Outputs": {f"Value{number}": {"Value": value} for number, value in enumerate(outputs.values())},
        }
        answered = self._create_stack(stack, parameters)
        values = {name: answered[f"Value{number}"] for number, name in enumerate(outputs)}
        resources: dict[str, Any] = filled(template["Resources"], values)
        names = {name: values[key({"Ref": name})] for name in stores}
        if self._folder:
            self._restore(resources, names)
        self._subscribe(resources)
        self._notify(resources, names)
        return resources

    def _restore(self, resources: Mapping[str, Any], names: Mapping[str, str]) -> None:
        expiry = {
            names[name]: properties["TimeToLiveSpecification"]["AttributeName"]
            for name, properties in of_type(resources, "AWS::DynamoDB::Table")
            if "TimeToLiveSpecification" in properties
        }
        lifecycles = {
            names[name]: _lifecycle(properties.get("LifecycleConfiguration", {}).get("Rules", []))
            for name, properties in of_type(resources, "AWS::S3::Bucket")
        }
        body = json.dumps({"expiry": expiry, "lifecycles": lifecycles}).encode()
        with urllib.request.urlopen(f"{self.url}{RESTORE}", data=body) as answer:  # noqa: S310 - our own socket
            kept = json.load(answer)
        if "error" in kept:
            raise OSError(f"{self._folder} cannot be used: {kept['error']}")
        self.kept = Kept(kept["restored"], kept["left"], tuple(kept["others"]))

    def _create_stack(self, stack: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
        cloudformation = self.client("cloudformation")
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(stack), Parameters=given)
        created = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in created.get("Outputs", [])}

    def _subscribe(self, resources: Mapping[str, Any]) -> None:
        """The topics' subscriptions, which moto's CloudFormation leaves out."""
        for _, properties in of_type(resources, "AWS::SNS::Subscription"):
            attributes = {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in properties.items()
                if name in SUBSCRIPTION_ATTRIBUTES
            }
            target = {name: properties[name] for name in ("TopicArn", "Protocol", "Endpoint")}
            self.client("sns").subscribe(**target, Attributes=attributes)

    def _notify(self, resources: Mapping[str, Any], names: Mapping[str, str]) -> None:
        """The buckets' notifications to queues, which moto's CloudFormation leaves out."""
        for name, properties in of_type(resources, "AWS::S3::Bucket"):
            queues = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
            if queues:
                self.client("s3").put_bucket_notification_configuration(
                    Bucket=names[name],
                    NotificationConfiguration={"QueueConfigurations": [_notification(queue) for queue in queues]},
                )


def _is_store(resource: Mapping[str, Any]) -> bool:
    return resource["Type"] in STORES


def _alone(logical_id: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource without what ties it to others that moto does not get, and with a name."""
    alone = {name: value for name, value in resource.items() if name != "DependsOn"}
    if resource["Type"] in NAMES:
        name = f"{STACK}-{logical_id}"
        own = {NAMES[resource["Type"]]: name.lower() if resource["Type"] == "AWS::S3::Bucket" else name}
        alone["Properties"] = own | resource.get("Properties", {})
    return alone


def _lifecycle(rules: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The rules of a bucket as `local.persistence.buckets.Lifecycle` has them."""
    objects = {rule.get("Prefix", ""): int(rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule}
    parts = [rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] for rule in rules
             if "AbortIncompleteMultipartUpload" in rule]  # fmt: skip
    return {"objects": objects, "parts": min(parts, default=None)}


def _notification(queue: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation's QueueConfiguration as the S3 API has it."""
    rules = queue.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    return {"QueueArn": queue["Queue"], "Events": [queue["Event"]], "Filter": {"Key": {"FilterRules": rules}}}
