"""template.yaml as CloudFormation would get it: the one list of routes, functions, tables and queues."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "eu-central-1"
"""Where the stack on one machine says that it is."""

ARCHIVE = "s3://checkout/"
"""Stands before a local CodeUri: the translation takes nothing but addresses in S3."""

MOST_ENVIRONMENTS = 25
"""Of a function whose concurrency is not reserved: what one machine bears."""

Resources = Mapping[str, Any]


class TemplateError(ValueError):
    """The template cannot be brought up on one machine; says what is wrong."""


@dataclass(frozen=True)
class Function:
    """A Lambda function: its logical id, its module (`functions.generate_uid.app`), and how it is to be run.

    `environment` holds the variables of the template, resolved; `timeout` is in seconds, `memory` in MB; `concurrency`
    is the number of its execution environments at the most.
    """

    name: str
    folder: str
    handler: str
    timeout: int
    memory: int
    concurrency: int
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Authorizer:
    """A Lambda authorizer: the logical id of its function, and for how many seconds an answer of it is good."""

    function: str
    seconds: int


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API: `GET`, `/workitems/{uid}`, the logical id of its function, and who is asked first."""

    method: str
    path: str
    function: str
    authorizer: Authorizer | None = None


@dataclass(frozen=True)
class EventSource:
    """An AWS::Lambda::EventSourceMapping; `properties` are CloudFormation's own."""

    function: str
    arn: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Schedule:
    """A function that is called at a rate, in seconds."""

    function: str
    name: str
    seconds: float


def load(path: Path) -> dict[str, Any]:
    """The template as it is written, short forms such as `!Ref` spelled out; `path` is a SAM template."""
    from samtranslator.yaml_helper import yaml_parse

    document: dict[str, Any] = yaml_parse(path.read_text())
    return document


def variable_parameters(document: Mapping[str, Any]) -> dict[str, str]:
    """Which parameter each environment variable of a function is taken from: `{"PACS_DIALECT": "PacsDialect"}`."""
    holders = [document.get("Globals", {}).get("Function", {})]
    holders += [resource.get("Properties", {}) for resource in document["Resources"].values()]
    variables = [item for holder in holders for item in holder.get("Environment", {}).get("Variables", {}).items()]
    parameters = document.get("Parameters", {})
    return {
        name: value["Ref"] for name, value in variables if isinstance(value, dict) and value.get("Ref") in parameters
    }


def translate(document: Mapping[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    """The SAM template as plain CloudFormation, without asking AWS anything; raises TemplateError.

    A function's folder is kept as the S3Key of its Code.
    """
    from boto3 import Session
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of features that AWS has not switched on
    sam = json.loads(json.dumps(document))
    for resource in sam["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = ARCHIVE + resource["Properties"][name]
    missing = [name for name, of in sam.get("Parameters", {}).items() if "Default" not in of and name not in parameters]
    if missing:
        raise TemplateError(f"the template needs a value for {', '.join(missing)}")
    try:
        translated: dict[str, Any] = Translator({}, Parser(), boto_session=Session(region_name=region)).translate(
            sam, dict(parameters)
        )
    except InvalidDocumentException as error:
        raise TemplateError("; ".join(cause.message for cause in error.causes)) from error
    return translated


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Logical id and properties of each resource of a type such as `AWS::SQS::Queue`."""
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def functions(resources: Resources) -> dict[str, Function]:
    """The functions by logical id; raises TemplateError where a variable's value is not to be had on this machine."""
    return {
        name: Function(
            name=name,
            folder=properties["Code"]["S3Key"],
            handler=properties["Handler"],
            timeout=int(properties.get("Timeout", 3)),
            memory=int(properties.get("MemorySize", 128)),
            concurrency=_concurrency(name, properties, resources),
            environment=_environment(name, properties.get("Environment", {}).get("Variables", {})),
        )
        for name, properties in of_type(resources, "AWS::Lambda::Function")
    }


def _concurrency(function: str, properties: Mapping[str, Any], resources: Resources) -> int:
    """What is reserved for it, unless that depends on a condition: then nothing is, on this machine."""
    reserved = properties.get("ReservedConcurrentExecutions")
    return _most_environments(function, resources) if reserved is None or isinstance(reserved, dict) else int(reserved)


def _most_environments(function: str, resources: Resources) -> int:
    """As many as a queue may call at a time, where that is more than the usual."""
    queues = [
        source.properties.get("ScalingConfig", {}) for source in event_sources(resources) if source.function == function
    ]
    return max([MOST_ENVIRONMENTS, *(int(scaling.get("MaximumConcurrency", 0)) for scaling in queues)])


def _environment(function: str, variables: Mapping[str, Any]) -> dict[str, str]:
    unresolved = [name for name, value in variables.items() if isinstance(value, (dict, list))]
    if unresolved:
        raise TemplateError(f"{function}: {', '.join(unresolved)} refers to what does not exist on this machine")
    return {name: str(value) for name, value in variables.items()}


def routes(resources: Resources) -> list[Route]:
    """Every route of the HTTP APIs."""
    return [
        Route(
            method.upper(),
            path,
            _function_in(operation["x-amazon-apigateway-integration"]["uri"], resources),
            _authorizer(operation, properties["Body"], resources),
        )
        for _, properties in of_type(resources, "AWS::ApiGatewayV2::Api")
        for path, methods in properties["Body"]["paths"].items()
        for method, operation in methods.items()
    ]


def _authorizer(operation: Mapping[str, Any], body: Mapping[str, Any], resources: Resources) -> Authorizer | None:
    schemes = body.get("components", {}).get("securitySchemes", {})
    for name in (name for each in operation.get("security", []) for name in each if name in schemes):
        stated = schemes[name]["x-amazon-apigateway-authorizer"]
        return Authorizer(_function_in(stated["authorizerUri"], resources), stated["authorizerResultTtlInSeconds"])
    return None


def event_sources(resources: Resources) -> list[EventSource]:
    """Every stream and queue that a function reads from."""
    return [
        EventSource(_function_in(properties["FunctionName"], resources), properties["EventSourceArn"], properties)
        for _, properties in of_type(resources, "AWS::Lambda::EventSourceMapping")
        if properties.get("Enabled", True)
    ]


def schedules(resources: Resources) -> list[Schedule]:
    """Every function that is called at a rate; raises TemplateError for a cron expression."""
    rules = [
        (name, properties, target)
        for name, properties in of_type(resources, "AWS::Events::Rule")
        for target in properties.get("Targets", [])
    ]
    rules += [
        (name, properties, properties["Target"]) for name, properties in of_type(resources, "AWS::Scheduler::Schedule")
    ]
    return [
        Schedule(_function_in(target["Arn"], resources), name, _seconds(properties["ScheduleExpression"]))
        for name, properties, target in rules
    ]


def _seconds(expression: str) -> int:
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if match is None:
        raise TemplateError(f"{expression}: only a schedule with a rate runs on this machine")
    return int(match[1]) * {"minute": 60, "hour": 3600, "day": 86400}[match[2]]


def _function_in(expression: Any, resources: Resources) -> str:
    """The logical id of the function that a Ref, Fn::GetAtt or Fn::Sub names, itself or by an alias of it."""
    for name in re.findall(r"\w+", json.dumps(expression)):
        kind = resources.get(name, {}).get("Type")
        if kind == "AWS::Lambda::Function":
            return str(name)
        if kind == "AWS::Lambda::Alias":
            return _function_in(resources[name]["Properties"]["FunctionName"], resources)
    raise TemplateError(f"{json.dumps(expression)} names no function")
