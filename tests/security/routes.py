"""Every route of the OpenAPI document as a request that would succeed, found in the document itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())


@dataclass(frozen=True)
class Documented:
    """An operation: its method and path template, what it takes, and the scope that it says it needs."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_open(self) -> bool:
        return self.operation.get("security") == []

    @property
    def scopes(self) -> list[str]:
        """The scopes of its security requirement."""
        return next(iter(self.operation["security"][0].values()), [])

    def target(self, **values: str) -> str:
        """Path and query, of the examples where no value is given; names are without case."""
        given = {name.lower(): value for name, value in values.items()}
        path, query = self.path, {}
        for parameter in self.operation.get("parameters", []):
            name = parameter["name"]
            value = given.get(name.lower(), _example(parameter))
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", value)
            elif parameter.get("required") or name.lower() in given:
                query[name] = value
        return path + (f"?{urlencode(query)}" if query else "")

    def body(self) -> dict[str, Any]:
        """What `requests` sends, a body that the operation takes."""
        content = self.operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            media = content["application/json"]
            return {"json": media.get("example") or _built(media["schema"])}
        if "application/dicom" in content:
            return {"data": b"no object", "headers": {"Content-Type": "application/dicom"}}
        return {}


def _example(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    found = [
        *schema.get("examples", []),
        *parameter.get("examples", []),
        *schema.get("enum", []),
        schema.get("default"),
    ]
    return str(found[0])


def _built(schema: dict[str, Any]) -> Any:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    resolved = DOCUMENT["components"]["schemas"][name] if name else schema
    if "examples" in resolved:
        return resolved["examples"][0]
    values = {key: _built(value) for key, value in resolved.get("properties", {}).items()}
    return {
        key: value for key, value in values.items() if value is not None and key in resolved.get("required", [])
    } or None


def documented() -> Iterator[Documented]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield Documented(method.upper(), path, operation)


ROUTES = list(documented())
GUARDED = [route for route in ROUTES if not route.is_open]
EVERYTHING_BUT = sorted({scope for route in GUARDED for scope in route.scopes} | {"patients:all"})
