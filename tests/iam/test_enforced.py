"""The story of an exam while moto asks IAM: each function has credentials of its own, with its role's policies.

moto asks for actions alone and not for resources, which test_permissions.py holds: so statements are given every
resource here.
"""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import Aws
from local.demo.client import Client
from local.demo.story import tell
from local.environment import Code
from local.stack import LocalStack, Settings
from local.template import Function

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


BATCHES = (("sns", "PublishBatch", "Publish"), ("sqs", "SendMessageBatch", "SendMessage"))


class EnforcedAws(Aws):
    """AWS that from `enforce` on lets in only who has a user's key, and lets users do what their policies say."""

    keys: dict[str, str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        given = super().environment
        if self.keys is None:
            return given
        return {name: value for name, value in given.items() if name != "AWS_SESSION_TOKEN"} | self.keys

    def client(self, service: str) -> Any:
        if self.keys is not None and service not in self._clients:
            from boto3 import Session

            session = Session(*self.keys.values(), region_name="eu-central-1")
            made: Any = session.client
            self._clients[service] = made(service, endpoint_url=self.url)
        return super().client(service)

    def user(self, name: str, statements: list[dict[str, Any]]) -> dict[str, str]:
        """A user's key, as variables."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": statements}
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return dict(zip(KEYS, (key["AccessKeyId"], key["SecretAccessKey"]), strict=True))

    def create(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
        resources = super().create(template, parameters)
        self.functions = {
            name: self.user(name, statements(resources, f"{name}Role"))
            for name, resource in resources.items()
            if resource["Type"] == "AWS::Lambda::Function"
        }
        self.keys = self.user("everything", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
        self._clients.clear()
        plain = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset-auth", b"0", plain)).close()
        return resources


class Enforced(LocalStack):
    """A stack whose functions have no credentials but their own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.aws = EnforcedAws()

    def _code(self, function: Function) -> Code:
        code = super()._code(function)
        assert isinstance(self.aws, EnforcedAws)
        return replace(code, variables={**code.variables, **self.aws.functions[function.name]})


def statements(resources: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """What the role's policies allow, of every resource.

    AWS asks of a transaction or a batch for the actions that are in it, moto for its own name.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    properties = resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    managed = [each["Ref"] for each in properties["ManagedPolicyArns"] if isinstance(each, dict)]
    documents += [resources[name]["Properties"]["PolicyDocument"] for name in managed]
    actions = [statement["Action"] for document in documents for statement in document["Statement"]]
    named = [each for action in actions for each in (action if isinstance(action, list) else [action])]
    if {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(named):
        named.append("dynamodb:TransactWriteItems")
    named += [f"{service}:{batch}" for service, batch, one in BATCHES if f"{service}:{one}" in named]
    return [{"Effect": "Allow", "Action": [*named, "sts:GetCallerIdentity"], "Resource": "*"}]


@pytest.fixture(scope="module")
def enforced() -> Iterator[Enforced]:
    with Enforced(Settings(variables={"WORKLIST_BACKEND": "dynamodb"})) as stack:
        yield stack


def test_the_story_runs_with_what_each_role_allows(enforced: Enforced, tmp_path: Path) -> None:
    tell(Client(enforced.url), tmp_path / "pictures")


def test_whoever_has_no_key_or_not_the_action_is_refused(enforced: Enforced) -> None:
    from boto3 import Session

    assert isinstance(enforced.aws, EnforcedAws)
    for keys, action in (
        ({"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}, "list_tables"),
        (enforced.aws.functions["GenerateUid"], "list_tables"),
    ):
        dynamodb = Session(*keys.values(), region_name="eu-central-1").client("dynamodb", endpoint_url=enforced.aws.url)
        with pytest.raises(ClientError):
            getattr(dynamodb, action)()
