"""Each built function in the real Lambda runtime, over HTTP, with its sample; a PACS and AWS behind it."""

import json
import os
from typing import Any

import pytest

from local import template
from local.aws import Aws
from local.built import Built
from local.pacs.server import EmbeddedPacs
from local.runtime import RuntimeEnvironment
from tests.samples import (
    ANSWERS,
    AUTHORIZER,
    BATCHES,
    TRANSFERS,
    Call,
    check_answer,
    check_authorizer,
    check_batch,
    check_transfer,
    sample,
)
from tests.security.issuer import AUDIENCE, EC_KEY, OTHER_RSA_KEY, issuing

pytestmark = pytest.mark.xdist_group("build")


def variables(built: Built, properties: dict[str, Any], aws: Aws) -> dict[str, str]:
    """What the template gives the function, and no other variable: as set for the test, or the parameter's default.

    A name of something that AWS makes is left out unless the test has it.
    """
    own = properties["Environment"]["Variables"]
    parameters, of = built.document["Parameters"], template.variable_parameters(built.document)
    defaults = {name: parameters[of[name]].get("Default", "") if name in of else value for name, value in own.items()}
    return aws.environment | {
        name: os.environ.get(name, str(default))
        for name, default in defaults.items()
        if name in os.environ or not isinstance(default, dict)
    }


@pytest.fixture
def call(built: Built, translated: dict[str, Any], aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a built function in a runtime that starts for it."""
    [settings] = aws.client("ssm").describe_parameters()["Parameters"]
    monkeypatch.setenv("SETTINGS_PARAMETER", settings["Name"])

    def in_runtime(function: str, event: dict[str, Any]) -> Any:
        properties = translated["Resources"][built.functions()[function]]["Properties"]
        given, timeout = variables(built, properties, aws), int(properties["Timeout"])
        environment = RuntimeEnvironment(function, built.path(function), given, timeout)
        try:
            environment.wait_until_ready()
            return json.loads(environment.answer(json.dumps(event).encode(), timeout))
        finally:
            environment.end()

    return in_runtime


@pytest.mark.parametrize("function", ANSWERS)
def test_an_api_function_answers(call: Call, pacs: EmbeddedPacs, function: str) -> None:
    check_answer(call, function)


@pytest.mark.parametrize("function", BATCHES)
def test_a_function_of_the_event_path_handles_its_batch(call: Call, aws: Aws, function: str) -> None:
    check_batch(call, function, aws)


@pytest.mark.parametrize("function", TRANSFERS)
def test_a_worker_carries_an_object(call: Call, pacs: EmbeddedPacs, aws: Aws, function: str) -> None:
    check_transfer(call, function, aws)


def test_the_authorizer_knows_a_key(call: Call, aws: Aws) -> None:
    check_authorizer(call)


def test_the_authorizer_verifies_a_token(call: Call, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def context(token: str) -> dict[str, str]:
        event = {**sample(AUTHORIZER), "identitySource": [f"Bearer {token}"]}
        found: dict[str, str] = call(AUTHORIZER, event)["context"]
        return found

    with issuing() as issuer:
        monkeypatch.setenv("JWT_ISSUER", issuer.url)
        monkeypatch.setenv("JWT_AUDIENCE", AUDIENCE)
        assert context(issuer.token(sub="anna"))["subject"] == "anna"
        assert context(issuer.token(EC_KEY, "ES256", "ec"))["subject"] == "tester"
        assert context(issuer.token(OTHER_RSA_KEY)) == {"version": "1", "refused": "unknown"}
