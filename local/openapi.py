"""`make openapi`: the OpenAPI document, from the handlers, and the files that the documentation page is made of."""

import importlib
import json
import tomllib
from pathlib import Path
from typing import Any

import aws_lambda_powertools
from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge

from dicom_service.http.door import Requirement, requirements
from dicom_service.http.exam_events import COMPONENTS as EVENT_COMPONENTS
from dicom_service.http.openapi import COMPONENTS, problems
from local import scopes_page
from local.openapi_links import add_links

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/openapi.json"
PAGE = ROOT / "functions/serve_documentation/page"
SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"
ASSETS = ("swagger-ui-bundle.min.js", "swagger-ui.min.css")

DESCRIPTION = """\
A small REST API between health applications and their PACS.

- Errors are `application/problem+json` (RFC 9457) and name every wrong field at once, in the client's own spelling.
- Names of query parameters are case-insensitive; unknown ones are refused.
- A search that finds nothing answers 200 with `[]`.
- DICOM JSON is served as `application/json`, or as `application/dicom+json` where the Accept header prefers that.
- A request shows an API key or an access token as `Authorization: Bearer …`. Each operation names the scope that it
  needs; where it shows or changes what is a patient's, a caller that is bound to no patient needs `patients:all` too.
- The gateway itself answers 401 without an `Authorization`, 413 above 10 MB, and 503 or 504 when it gives up waiting.
"""

TAGS = {
    "Worklist": "Workitems: the procedure steps that are scheduled on the stations of a PACS",
    "Exams": "DICOM objects: stored (STOW-RS), searched (QIDO-RS) and retrieved (WADO-RS, WADO-URI) in the PACS",
    "Events": "What the PACS tells of new exams, passed on to the subscribers of `CALLBACK_URLS`",
    "Viewer": "Access to the DICOM viewer",
    "UIDs": "Unique identifiers (PS3.5 section 9)",
    "Access": "API keys: who may call",
    "Documentation": "This document, and the page that shows it",
    "Health": "Whether the service is alive, and able to work",
}

NOT_KNOWN = "The request shows no API key or token, or one that is unknown, expired or revoked"
CHALLENGE = {"WWW-Authenticate": {"description": "RFC 6750 section 3", "schema": {"type": "string"}}}

SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "dsk_…",
        "description": "An API key, made by `POST /api-keys` or `make api-key`",
    },
    "Token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of an issuer that the service trusts",
    },
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of every handler; raises OpenAPIMergeError where two handlers have the same route."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    merge = OpenAPIMerge(
        title="DICOM Service",
        version=version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/"}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        security_schemes=SECURITY_SCHEMES,
        security=[{name: []} for name in SECURITY_SCHEMES],
        on_conflict="error",
    )
    merge.discover(ROOT / "functions", pattern="app.py", recursive=True, project_root=ROOT)
    merged = json.loads(merge.get_openapi_json_schema())
    merged["paths"] = dict(sorted(merged["paths"].items()))
    declared = declarations()
    for path, item in merged["paths"].items():
        for method, operation in item.items():
            _correct(operation)
            _secure(operation, declared[method.upper(), path])
    add_links(operation for item in merged["paths"].values() for operation in item.values())
    schemas = merged["components"].get("schemas", {}) | COMPONENTS | EVENT_COMPONENTS
    used = _referenced(merged["paths"], schemas)
    merged["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}
    return merged


def files() -> dict[Path, bytes]:
    """Every generated file and its content: the document, what its page serves, and docs/scopes.md."""
    text = (json.dumps(document(), indent=2, ensure_ascii=False) + "\n").encode()
    assets = {PAGE / name: (SWAGGER_UI / name).read_bytes() for name in ASSETS}
    scopes = {scopes_page.PAGE: scopes_page.page(declarations()).encode()}
    return {DOCUMENT: text, PAGE / "openapi.json": text} | assets | scopes


def declarations() -> dict[tuple[str, str], Requirement]:
    """What each handler's routes declare, by method and path."""
    found = {}
    for path in sorted((ROOT / "functions").glob("*/app.py")):
        app = getattr(importlib.import_module(f"functions.{path.parent.name}.app"), "app", None)
        for route, requirement in requirements(app).items() if app else ():
            method, _, place = route.partition(" ")
            found[method, place] = requirement
    return found


def _secure(operation: dict[str, Any], requirement: Requirement) -> None:
    """Who may call it, and what everybody else is answered."""
    if requirement.is_open:
        operation["security"] = []
        return
    scopes = [requirement.scope] if requirement.scope else []
    operation["security"] = [{name: scopes} for name in SECURITY_SCHEMES]
    needed = f"Scope: `{requirement.scope}`." if requirement.scope else "Any caller that is bound to no patient."
    operation["description"] = f"{operation['description']}\n\n{needed}"
    told = problems(403, s401=NOT_KNOWN)
    of_pacs = operation["responses"].get("401")
    if of_pacs:
        told[401]["description"] = f"{NOT_KNOWN}; or: {of_pacs['description']}"
    for status, response in told.items():
        operation["responses"][str(status)] = {**response, "headers": CHALLENGE}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _correct(operation: dict[str, Any]) -> None:
    """What Powertools cannot be told: invalid requests are a 400 here, and some answers have no body."""
    responses = operation["responses"]
    if "HTTPValidationError" in json.dumps(responses.get("422")):
        del responses["422"]
    for status, response in responses.items():
        if status == "204" or status.startswith("3"):
            response.pop("content", None)
    operation["responses"] = dict(sorted(responses.items()))


def _referenced(node: Any, schemas: dict[str, Any]) -> set[str]:
    """Names of the schemas that a part of the document refers to, and those that these refer to."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            name = str(current.get("$ref", "")).removeprefix("#/components/schemas/")
            if name and name not in found:
                found.add(name)
                waiting.append(schemas[name])
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
    return found


if __name__ == "__main__":
    for path, content in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(path.relative_to(ROOT))
