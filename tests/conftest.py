"""The outside world of the tests: AWS and a PACS, each on the far side of a real socket, and the whole local stack."""

import importlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import pytest

from dicom_service import stores
from dicom_service.access.caller import ANONYMOUS, Caller, to_context
from dicom_service.exams.patients import objects, studies
from dicom_service.pacs import lacking
from local import configuration, template
from local.aws import REGION, Aws
from local.context import context_for
from local.http_api import Request, build_event, let_in, match
from local.pacs.server import EmbeddedPacs, PacsSettings
from local.stack import LocalStack

FUNCTION = "AWS::Lambda::Function"
PACS_KEY = "pacs-key"
VIEWER_KEY = "viewer-key"

Body = bytes | str | dict[str, Any] | list[Any]
Query = str | Mapping[str, str] | Sequence[tuple[str, str]]


class Invoke(Protocol):
    """Calls a function's handler with the event that the HTTP API would build; gives the handler's answer.

    `base_path` is what stands before the route in the address: the key of an API mapping, or the stage's name. The
    `caller` is who the authorizer says it is, where the route asks for one.
    """

    def __call__(
        self,
        name: str,
        method: str = "GET",
        path: str = "/",
        query: Query = "",
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
        base_path: str = "",
        caller: Caller = ANONYMOUS,
    ) -> dict[str, Any]: ...


@pytest.fixture(scope="session", autouse=True)
def interrupts_reach_programs() -> None:
    """What a shell runs in its background ignores SIGINT, and so would whatever a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """template.yaml as it is written."""
    return template.load(configuration.TEMPLATE)


@pytest.fixture(scope="session")
def translated(document: dict[str, Any]) -> dict[str, Any]:
    """template.yaml as CloudFormation gets it."""
    return template.translate(document, configuration.parameters(document, {}), REGION)


@pytest.fixture(scope="session")
def _moto() -> Iterator[Aws]:
    server = Aws()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def unconfigured(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of what configures the service is left in the environment, and no PACS is remembered.

    The next test's PACS may get the port of an earlier one.
    """
    for name in template.variable_parameters(document):
        monkeypatch.delenv(name, raising=False)
    objects._remembered.clear()
    studies._remembered.clear()
    lacking._until.clear()


@pytest.fixture
def aws(
    _moto: Aws,
    document: dict[str, Any],
    translated: dict[str, Any],
    unconfigured: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Aws]:
    """AWS with the template's own tables, topic, queues and bucket, empty; their names are in the environment."""
    _moto.reset()
    resources = _moto.create(translated, configuration.parameters(document, {}))
    configured = template.variable_parameters(document)
    monkeypatch.setenv("DICOM_UID_ROOT", configuration.DEFAULTS["DICOM_UID_ROOT"])
    for function in template.functions(resources).values():
        for name, value in function.environment.items():
            if name not in configured:
                monkeypatch.setenv(name, value)
    for name, value in _moto.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SETTINGS_PARAMETER")  # a test says what is configured
    monkeypatch.setenv("CALLBACK_SECRET", "none")
    monkeypatch.delenv("CIRCUITS_TABLE")  # a PACS that is down in one test is none of the next one's affairs
    _forget_clients()
    yield _moto
    _forget_clients()


@pytest.fixture(scope="session")
def _audit_only(document: dict[str, Any], translated: dict[str, Any]) -> Iterator[dict[str, str]]:
    """AWS with all stores, for tests that want none of them: no answer leaves without its audit record."""
    server = Aws()
    server.start()
    resources = server.create(translated, configuration.parameters(document, {}))
    table = template.functions(resources)["GenerateUid"].environment["AUDIT_TABLE"]
    yield {**server.environment, "AUDIT_TABLE": table}
    server.stop()


@pytest.fixture
def audited(request: pytest.FixtureRequest, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the audit trail is kept, in a test without AWS too."""
    if "aws" in request.fixturenames:
        request.getfixturevalue("aws")
        yield
        return
    for name, value in request.getfixturevalue("_audit_only").items():
        if name not in os.environ:  # a PACS's own credentials are left alone
            monkeypatch.setenv(name, value)
    _forget_clients()
    yield
    _forget_clients()


@pytest.fixture
def invoke(translated: dict[str, Any], audited: None) -> Invoke:
    """Calls a function in this process: `invoke("create_workitem", method="POST", path="/workitems", body={…})`."""
    resources = translated["Resources"]
    routes = template.routes(resources)
    folders = {properties["Code"]["S3Key"]: name for name, properties in template.of_type(resources, FUNCTION)}

    def call(
        name: str,
        method: str = "GET",
        path: str = "/",
        query: Query = "",
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
        base_path: str = "",
        caller: Caller = ANONYMOUS,
    ) -> dict[str, Any]:
        request = _request(method, path, query, body, headers or {})
        found = match(routes, method, request.target)
        assert found is not None, f"{method} {path} is no route of the template"
        route, path_parameters = found
        assert route.function == folders[f"functions/{name}"], f"{method} {path} belongs to {route.function}"
        handler = importlib.import_module(f"functions.{name}.app").lambda_handler
        event = build_event(request, route, path_parameters)
        if route.authorizer:
            event = let_in(event, to_context(caller))
        event = json.loads(json.dumps(event))
        event["rawPath"] = event["requestContext"]["http"]["path"] = base_path + event["rawPath"]
        answered: dict[str, Any] = handler(event, context_for(route.function))
        return answered

    return call


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """The service as `make run` starts it: over HTTP at `stack.url`, with a PACS of its own at `stack.pacs_url`."""
    with LocalStack() as running:
        yield running


def _forget_clients() -> None:
    stores.client.cache_clear()  # type: ignore[attr-defined]  # the overloads hide it


def _request(method: str, path: str, query: Query, body: Body, headers: Mapping[str, str]) -> Request:
    encoded = query if isinstance(query, str) else urlencode(query)
    target = quote(path, safe="/%") + (f"?{encoded}" if encoded else "")
    pairs = [("host", "localhost"), ("user-agent", "pytest"), *headers.items()]
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        if not any(name.lower() == "content-type" for name in headers):
            pairs.append(("content-type", "application/json"))
    return Request(method, target, pairs, body.encode() if isinstance(body, str) else body)


@pytest.fixture
def pacs(tmp_path: Path, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPacs]:
    """An empty PACS, which is also the viewer; the environment names it and holds its two keys."""
    settings = PacsSettings(tmp_path / "pacs", authorization=PACS_KEY, viewer_authorization=VIEWER_KEY)
    with EmbeddedPacs(settings) as server:
        monkeypatch.setenv("PACS_SERVICE_URL", server.url)
        monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", PACS_KEY)
        monkeypatch.setenv("DICOM_VIEWER_URL", server.url)
        monkeypatch.setenv("VIEWER_AUTHORIZATION_TOKEN", VIEWER_KEY)
        yield server
