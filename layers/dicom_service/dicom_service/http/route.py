"""Which route a request is for, as API Gateway matched it, and what stands before the route in the client's address.

Behind an API mapping, `rawPath` keeps the mapping's key (`/dicom/uid`), and the stage's name where it is not `$default`
(`/prod/uid`); `routeKey` is the route itself.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

PARAMETER = re.compile(r"\{(\w+)\}")
DEFAULT_STAGE = "$default"


def at_route(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with the path of the route that was matched and nothing before it; as it is where no route was."""
    path = _route_path(event)
    if path is None:
        return {**event}
    context = {**event["requestContext"], "stage": DEFAULT_STAGE}
    context["http"] = {**context["http"], "path": path}
    return {**event, "rawPath": path, "requestContext": context}


def base_path(event: Mapping[str, Any]) -> str:
    """What stands before the route in the address that the client asked: `/dicom`, or nothing.

    Links begin with it. It has no empty segment, since `//host` would be an address on another host.
    """
    route = str(event.get("routeKey", "")).partition(" ")[2]
    asked = unquote(str(event.get("rawPath", "")))
    values = event.get("pathParameters") or {}
    behind = PARAMETER.sub(lambda name: values.get(name[1], ""), route)
    before = asked.removesuffix(behind) if route and asked.endswith(behind) else ""
    return "".join(f"/{quote(segment, safe='')}" for segment in before.split("/") if segment)


def _route_path(event: Mapping[str, Any]) -> str | None:
    """The matched route's path with its parameters, each encoded so that it is one segment."""
    route = str(event.get("routeKey", "")).partition(" ")[2]
    values = event.get("pathParameters") or {}
    if not route or not {name[1] for name in PARAMETER.finditer(route)} <= values.keys():
        return None
    return PARAMETER.sub(lambda name: quote(values[name[1]], safe=""), route)
