"""`make openapi`: the OpenAPI document, from the handlers, and the files that the documentation page is made of."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_lambda_powertools
from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge

from dicom_service.http.exam_events import COMPONENTS as EVENT_COMPONENTS
from dicom_service.http.openapi import COMPONENTS
from local import template
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
- The gateway itself answers 401 without a valid token, 413 above 10 MB, and 503 or 504 when it gives up waiting.
"""

TAGS = {
    "Worklist": "Workitems: the procedure steps that are scheduled on the stations of a PACS",
    "Exams": "DICOM objects: stored (STOW-RS), searched (QIDO-RS) and retrieved (WADO-RS, WADO-URI) in the PACS",
    "Events": "What the PACS tells of new exams, passed on to the subscribers of `CALLBACK_URLS`",
    "Viewer": "Access to the DICOM viewer",
    "UIDs": "Unique identifiers (PS3.5 section 9)",
    "Documentation": "This document, and the page that shows it",
    "Health": "Whether the service is alive, and able to work",
}

SECURITY_SCHEMES = {
    "Jwt": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the issuer and for the audience that the stack was deployed with; checked by the "
        "gateway, which answers 401 without one. The service on one machine (`make run`) checks none.",
    }
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
    open_routes = set(routes_without_authorizer())
    for path, item in merged["paths"].items():
        for method, operation in item.items():
            _correct(operation)
            if (method, path) in open_routes:
                operation["security"] = []
    add_links(operation for item in merged["paths"].values() for operation in item.values())
    schemas = merged["components"].get("schemas", {}) | COMPONENTS | EVENT_COMPONENTS
    used = _referenced(merged["paths"], schemas)
    merged["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}
    return merged


def files() -> dict[Path, bytes]:
    """Every generated file and its content: the document, and what the documentation page serves."""
    text = (json.dumps(document(), indent=2, ensure_ascii=False) + "\n").encode()
    assets = {PAGE / name: (SWAGGER_UI / name).read_bytes() for name in ASSETS}
    return {DOCUMENT: text, PAGE / "openapi.json": text} | assets


def routes_without_authorizer() -> Iterator[tuple[str, str]]:
    """Method, in lower case, and path of the routes that the template leaves open."""
    for resource in template.load(ROOT / "template.yaml")["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            route = event["Properties"]
            if event["Type"] == "HttpApi" and route.get("Auth", {}).get("Authorizer") == "NONE":
                yield route["Method"].lower(), route["Path"]


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
