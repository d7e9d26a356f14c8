"""docs/openapi.json: generated anew it is the same, it is valid, and it tells everything."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from local import openapi

STATUSES = {
    ("post", "/workitems"): "200 400 401 409 502 504",
    ("get", "/workitems"): "200 400 401 502 504",
    ("patch", "/workitems/{studyInstanceUID}"): "200 400 401 404 409 502 504",
    ("delete", "/workitems/{studyInstanceUID}"): "204 400 401 404 502 504",
    ("post", "/exams"): "200 202 400 401 409 413 422 502 504",
    ("get", "/exams/studies/{studyUID}/thumbnail"): "200 304 400 401 404 502 504",
    ("get", "/exams/studies/{studyUID}/series/{seriesUID}/thumbnail"): "200 304 400 401 404 502 504",
    ("get", "/exams/studies/{studyUID}/archive"): "202 303 400 401 404 502 504",
    ("get", "/exams/archives/{archiveId}"): "202 303 400 404 502",
    ("post", "/exams/uploads"): "201 400 503",
    ("get", "/exams/uploads/{uploadId}"): "200 400 404 503",
    ("get", "/exams/studies"): "200 400 401 502 504",
    ("get", "/exams/studies/{studyUID}/series"): "200 400 401 502 504",
    ("get", "/exams/studies/{studyUID}/series/{seriesUID}/instances"): "200 400 401 502 504",
    (
        "get",
        "/exams/studies/{studyUID}/series/{seriesUID}/instance/{instanceUID}",
    ): "200 202 303 304 400 401 404 502 504",
    ("post", "/new-exam-callback"): "204 400 401 503",
    ("get", "/token"): "200 400 401 502 504",
    ("get", "/uid"): "200 503",
    ("get", "/documentation"): "200",
    ("get", "/documentation/json"): "200",
    ("get", "/-/healthz"): "200",
    ("get", "/-/ready"): "200 503",
    ("get", "/exam-events"): "200 400 503",
    ("get", "/exam-events/{eventId}"): "200 400 404 503",
    ("get", "/exam-events/{eventId}/deliveries"): "200 400 404 503",
    ("post", "/exam-events/{eventId}/redeliver"): "202 400 404 503",
    ("post", "/exam-events/redeliver"): "202 400 503",
}
"""The statuses that a client is promised of each endpoint."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with warnings.catch_warnings(action="error"):
        return openapi.document()


def operations(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield (method, path), operation


def media(node: Any) -> Iterator[dict[str, Any]]:
    """Every media type object within a part of the document."""
    if isinstance(node, dict):
        for holder in (node.get("content") or {}).items() if "content" in node else ():
            yield {"name": holder[0], **holder[1]}
        for child in node.values():
            yield from media(child)
    elif isinstance(node, list):
        for child in node:
            yield from media(child)


def examples(media_type: dict[str, Any]) -> list[Any]:
    named = media_type.get("examples", {}).values()
    return [media_type["example"]] if "example" in media_type else [example["value"] for example in named]


def test_what_is_generated_is_what_is_in_the_repository() -> None:
    stale = [path for path, content in openapi.files().items() if not path.exists() or path.read_bytes() != content]

    assert stale == [], "run `make openapi` and commit what it writes"


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    for route, operation in operations(document):
        assert operation["summary"], route
        assert operation["description"], route
        assert set(operation["tags"]) <= set(openapi.TAGS), route
    identifiers = [operation["operationId"] for _, operation in operations(document)]
    assert all(identifier.isidentifier() and "__" not in identifier for identifier in identifiers)
    assert len(set(identifiers)) == len(identifiers)


def test_every_operation_has_the_statuses_that_clients_are_promised(document: dict[str, Any]) -> None:
    documented = {route: set(operation["responses"]) for route, operation in operations(document)}

    assert {route for route, promised in STATUSES.items() if set(promised.split()) - documented[route]} == set()
    assert all("500" in statuses for statuses in documented.values())
    assert all(any(status < "400" for status in statuses) for statuses in documented.values())


def test_every_parameter_is_explained(document: dict[str, Any]) -> None:
    for route, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or "enum" in parameter["schema"], (route, parameter["name"])


def test_every_error_is_a_problem_and_powertools_own_shapes_are_gone(document: dict[str, Any]) -> None:
    for route, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (route, status)
                assert content["example"]["status"] == int(status), (route, status)
    assert "ValidationError" not in json.dumps(document)


def test_every_json_body_and_answer_has_an_example_that_its_schema_accepts(document: dict[str, Any]) -> None:
    for route, operation in operations(document):
        for media_type in media(operation):
            if "json" not in media_type["name"]:
                continue
            schema = {**media_type["schema"], "components": document["components"]}
            for example in examples(media_type) or [built_from(media_type["schema"], document)]:
                assert example is not None, (route, media_type["name"])
                Draft202012Validator(schema).validate(example)


def built_from(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """The example that a reader's tool puts together of a schema; None where a part of it has none."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    resolved = document["components"]["schemas"][name] if name else schema
    for given in ("examples", "enum"):
        if given in resolved:
            return resolved[given][0]
    if "items" in resolved:
        item = built_from(resolved["items"], document)
        return None if item is None else [item]
    values = {key: built_from(value, document) for key, value in resolved.get("properties", {}).items()}
    return values if values and None not in values.values() else None


def test_an_upload_is_a_form_with_files(document: dict[str, Any]) -> None:
    body = document["paths"]["/exams"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]

    file = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    assert (body["required"], body["properties"]["file"]) == (["file"], file)


def test_a_model_of_one_name_is_one_model() -> None:
    """Components are merged by name: of two different ones the later would silently replace the other."""
    seen: dict[str, Any] = {}
    for path in sorted((openapi.ROOT / "functions").glob("*/app.py")):
        merge = openapi.OpenAPIMerge(title=path.parent.name)
        merge.discover(path.parent, pattern="app.py", project_root=openapi.ROOT)
        for name, schema in merge.get_openapi_schema().get("components", {}).get("schemas", {}).items():
            assert seen.setdefault(name, schema) == schema, f"{name} of {path.parent.name} is another one's too"


def test_every_link_leads_to_parameters_that_exist(document: dict[str, Any]) -> None:
    by_id = {operation["operationId"]: operation for _, operation in operations(document)}
    links = [
        link
        for operation in by_id.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]

    assert len(links) > 15
    for link in links:
        names = {parameter["name"] for parameter in by_id[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= names, link["operationId"]
