"""Behind an API mapping or a named stage: `rawPath` keeps what stands before the route, `routeKey` does not.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html
"""

import importlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dicom_service.access.caller import ANONYMOUS, to_context
from dicom_service.http.route import at_route, base_path
from local import configuration, template
from local.context import context_for
from local.http_api import Request, build_event, let_in
from local.template import Route
from tests.conftest import Invoke

FOLDERS = {
    name: Path(properties["CodeUri"]).name
    for name, properties in template.of_type(
        template.load(configuration.TEMPLATE)["Resources"], "AWS::Serverless::Function"
    )
}
ROUTES = [
    Route(event["Properties"]["Method"], event["Properties"]["Path"], name)
    for name, properties in template.of_type(
        template.load(configuration.TEMPLATE)["Resources"], "AWS::Serverless::Function"
    )
    for event in properties.get("Events", {}).values()
    if event["Type"] == "HttpApi"
]
PREFIXES = [("", "$default"), ("/dicom", "$default"), ("/v1/dicom", "$default"), ("/prod", "prod"), ("/dicom", "prod")]
VALUES = {"asset": "page.css", "eventId": "0" * 32, "archiveId": "0" * 32, "uploadId": "0" * 32, "keyId": "0" * 16}


def event_of(route: Route, prefix: str, stage: str = "$default", **values: str) -> dict[str, Any]:
    names = [segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")]
    parameters = {name: values.get(name, VALUES.get(name, "1.2.3")) for name in names}
    path = route.path
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", value)
    body = b"{}" if route.method == "PATCH" else b""
    request = Request(route.method, quote(path), [("host", "api.hospital.example")], body)
    event = let_in(build_event(request, route, parameters), to_context(ANONYMOUS))
    event["rawPath"] = event["requestContext"]["http"]["path"] = prefix + path
    event["requestContext"]["stage"] = stage
    return event


def answer(route: Route, event: dict[str, Any]) -> tuple[int, Any]:
    handler = importlib.import_module(f"functions.{FOLDERS[route.function]}.app").lambda_handler
    answered = handler(event, context_for(route.function))
    return answered["statusCode"], answered.get("body")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_found_behind_whatever_stands_before_it(unconfigured: None, route: Route) -> None:
    answers = [answer(route, event_of(route, *prefix)) for prefix in PREFIXES]

    assert all("no such endpoint" not in str(body) for _, body in answers)
    assert {status for status, _ in answers} == {answers[0][0]}


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=lambda route: route.path)
@pytest.mark.parametrize("value", ["\x84", "../uid", "a b", "é", "%2F", "ü\U0001f600", "a?b#c"])
def test_a_parameter_of_any_characters_reaches_its_check(unconfigured: None, route: Route, value: str) -> None:
    """A route is found by what the API matched: the client is told of the parameter, not that there is no route."""
    name = route.path.rpartition("{")[2].partition("}")[0]
    status, body = answer(route, event_of(route, "/dicom", **{name: value}))

    problem = json.loads(body)
    assert status == (404 if name == "asset" else 400)
    assert name == "asset" or name in [error["field"] for error in problem["errors"]]
    assert "no such endpoint" not in problem["detail"]


@pytest.mark.parametrize(
    ("raw_path", "expected"),
    [
        ("/exams/archives/1", ""),
        ("/dicom/exams/archives/1", "/dicom"),
        ("/v1/dicom/exams/archives/1", "/v1/dicom"),
        ("/a%20b/exams/archives/1", "/a%20b"),
        ("/a b/exams/archives/1", "/a%20b"),
        ("//evil.example/exams/archives/1", "/evil.example"),
        ("/elsewhere", ""),
    ],
)
def test_what_stands_before_the_route(raw_path: str, expected: str) -> None:
    event = {"routeKey": "GET /exams/archives/{id}", "rawPath": raw_path, "pathParameters": {"id": "1"}}
    assert base_path(event) == expected


def test_an_event_without_a_route_is_left_as_it_is() -> None:
    """As from a function URL, whose `routeKey` is `$default`."""
    event = {"routeKey": "$default", "rawPath": "/dicom/uid", "requestContext": {"http": {"path": "/dicom/uid"}}}
    assert at_route(event) == event
    assert base_path(event) == ""


@pytest.mark.parametrize(("prefix", "server"), [("", "/"), ("/dicom", "/dicom"), ("/v1/dicom", "/v1/dicom")])
def test_the_documents_server_is_where_it_was_found(invoke: Invoke, prefix: str, server: str) -> None:
    found = invoke("serve_documentation", path="/documentation/json", base_path=prefix)

    document = json.loads(found["body"])
    assert document["servers"] == [{"url": server}]
    assert document["paths"]
    same = {"if-none-match": found["headers"]["ETag"]}
    statuses = [
        invoke("serve_documentation", path="/documentation/json", base_path=where, headers=same)["statusCode"]
        for where in (prefix, "/other")
    ]
    assert statuses == [304, 200]
