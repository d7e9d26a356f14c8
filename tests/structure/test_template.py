"""template.yaml is the one list of routes, functions and permissions: the code and the document hold nothing else."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import configuration, template
from tests.structure.sources import ROOT, handlers, layer
from tests.structure.test_settings import NOT_IN_THE_TABLE

OF_THE_PLATFORM = NOT_IN_THE_TABLE | {"CorsAllowedOrigins"}

WILDCARDS = {
    "secret:${AWS::StackName}/*": "the secrets that parameters may name: which, is known when the stack is deployed",
    "${TransferBucket.Arn}/retrievals/*": "objects under way to a client",
    "${TransferBucket.Arn}/answers/*": "answers that are too large for a function",
    "${TransferBucket.Arn}/events/*": "payloads that are too large for the table",
    "${TransferBucket.Arn}/uploads/*": "files under way to the PACS",
}
"""Every resource of a policy that ends in a wildcard, and why. There is no other wildcard."""

VARIABLE = re.compile(
    r"(AUDIT|CALLBACK|DICOM|EVENT|JWT|PACS|TOKEN|VIEWER|WORKITEM|WORKLIST)(_[A-Z]+)+|([A-Z]+_)+(BUCKET|PARAMETER|QUEUE_URL|TABLE|TOPIC_ARN)"
)
"""What an environment variable of the service is called like."""

RETRIES_OF_A_QUEUE = 6
"""A message stays invisible for so many times its function's timeout.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""


@pytest.fixture(scope="module")
def functions(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The functions' properties by their folders' names."""
    found = template.of_type(document["Resources"], "AWS::Serverless::Function")
    return {Path(properties["CodeUri"]).name: properties for _, properties in found}


def routes_of(function: str) -> set[tuple[str, str]]:
    """Method and path of each route that a handler declares."""
    app = getattr(importlib.import_module(f"functions.{function}.app"), "app", None)
    routes = [*app._static_routes, *app._dynamic_routes] if app else []
    return {(method, route.openapi_path) for route in routes for method in _methods(route.method)}


def _methods(method: str | tuple[str, ...]) -> tuple[str, ...]:
    return (method,) if isinstance(method, str) else method


def events(properties: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event["Properties"] for event in properties.get("Events", {}).values() if event["Type"] == kind]


def statements(functions: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, properties in functions.items():
        for policy in properties.get("Policies", []):
            yield from ((name, statement) for statement in managed(policy)["Statement"])


def managed(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy's document, also where it is one of the template's managed ones."""
    if "Ref" not in policy:
        return policy
    document: dict[str, Any] = template.load(configuration.TEMPLATE)["Resources"][policy["Ref"]]["Properties"]
    policy_document: dict[str, Any] = document["PolicyDocument"]
    return policy_document


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_folder_is_a_function_and_every_function_a_folder(functions: dict[str, dict[str, Any]]) -> None:
    assert set(functions) == {source.path.parent.name for source in handlers()}
    assert all(properties["CodeUri"] == f"functions/{name}" for name, properties in functions.items())


def test_a_functions_logical_id_is_its_folders_name(document: dict[str, Any]) -> None:
    for name, properties in template.of_type(document["Resources"], "AWS::Serverless::Function"):
        assert name == Path(properties["CodeUri"]).name.title().replace("_", "")


def test_the_template_routes_to_a_function_what_its_handler_declares(functions: dict[str, dict[str, Any]]) -> None:
    routed = {
        name: {(route["Method"], route["Path"]) for route in events(properties, "HttpApi")}
        for name, properties in functions.items()
    }

    assert routed == {name: routes_of(name) for name in functions}


def test_the_openapi_document_has_the_templates_routes(translated: dict[str, Any]) -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}

    assert documented == {(route.method, route.path) for route in template.routes(translated["Resources"])}


def test_the_openapi_document_leaves_open_what_the_template_leaves_open(functions: dict[str, dict[str, Any]]) -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    left_open = {
        (route["Method"], route["Path"])
        for properties in functions.values()
        for route in events(properties, "HttpApi")
        if "Auth" in route
    }

    assert document["security"] == [{"ApiKey": []}, {"Token": []}]
    assert left_open == {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if operation.get("security") == []
    }


def test_every_parameter_is_an_environment_variable_of_the_same_name(document: dict[str, Any]) -> None:
    of_variables = template.variable_parameters(document)

    assert {*of_variables.values(), *OF_THE_PLATFORM} == set(document["Parameters"])
    assert of_variables == {name: name.title().replace("_", "") for name in of_variables}


def test_the_code_reads_the_variables_that_the_template_sets(functions: dict[str, dict[str, Any]]) -> None:
    everywhere = template.load(configuration.TEMPLATE)["Globals"]["Function"]["Environment"]["Variables"]
    set_there = {*everywhere, *(name for properties in functions.values() for name in variables(properties))}

    own = {name for name in set_there if not name.startswith("POWERTOOLS_")}
    assert own == {name for source in layer() for name in variables_in(source.tree)}


def variables(properties: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return own


def variables_in(tree: ast.Module) -> Iterator[str]:
    """The names of environment variables among a module's strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and VARIABLE.fullmatch(str(node.value)):
            yield node.value


def test_no_permission_is_wider_than_it_must_be(functions: dict[str, dict[str, Any]]) -> None:
    for function, statement in statements(functions):
        assert statement["Effect"] == "Allow", function
        for action in listed(statement["Action"]):
            assert "*" not in action, (function, action)
        for resource in listed(statement["Resource"]):
            text = resource if isinstance(resource, str) else json.dumps(resource)
            assert "*" not in text or any(text.rstrip('"}').endswith(known) for known in WILDCARDS), (function, text)


def test_every_function_may_read_a_secret_only_if_it_is_told_one(functions: dict[str, dict[str, Any]]) -> None:
    may_read = {
        name
        for name, statement in statements(functions)
        if "secretsmanager:GetSecretValue" in listed(statement["Action"])
    }
    secret = ("_TOKEN", "_SECRET", "CALLBACK_URLS")

    assert may_read == {
        name for name, properties in functions.items() if any(key.endswith(secret) for key in variables(properties))
    }


def test_every_batch_reports_the_items_that_failed(functions: dict[str, dict[str, Any]]) -> None:
    for name, properties in functions.items():
        for source in events(properties, "SQS") + events(properties, "DynamoDB"):
            assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_a_message_stays_invisible_while_its_function_may_retry(
    document: dict[str, Any], functions: dict[str, dict[str, Any]]
) -> None:
    everyones = document["Globals"]["Function"]["Timeout"]
    for name, properties in functions.items():
        for source in events(properties, "SQS"):
            queue = document["Resources"][source["Queue"]["Fn::GetAtt"][0]]["Properties"]
            assert queue["VisibilityTimeout"] >= RETRIES_OF_A_QUEUE * properties.get("Timeout", everyones), name
            assert "RedrivePolicy" in queue, name
