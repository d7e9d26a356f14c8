"""What the HTTP API answers to pages of other origins.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.http_api import Answer, Request
from local.template import of_type


@dataclass(frozen=True)
class Cors:
    """The CorsConfiguration of an HTTP API; without origins no page of another one may read anything."""

    origins: tuple[str, ...] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def preflight(self, request: Request) -> Answer | None:
        """The answer to a browser that asks what it may send, without `headers`; None for any other request."""
        if request.method != "OPTIONS" or not self.origins or not _header(request, "access-control-request-method"):
            return None
        if not self.headers(request):
            return Answer(204, [], b"")
        allowed = [
            ("access-control-allow-methods", ",".join(self.configuration["AllowMethods"])),
            ("access-control-allow-headers", ",".join(self.configuration["AllowHeaders"])),
            ("access-control-max-age", str(self.configuration["MaxAge"])),
        ]
        return Answer(204, allowed, b"")

    def headers(self, request: Request) -> list[tuple[str, str]]:
        """What each answer tells a page of the request's origin; nothing where the origin is not allowed."""
        origin = _header(request, "origin")
        if not origin or not {origin, "*"} & set(self.origins):
            return []
        return [
            ("access-control-allow-origin", "*" if "*" in self.origins else origin),
            ("access-control-expose-headers", ",".join(self.configuration["ExposeHeaders"])),
        ]


def _header(request: Request, wanted: str) -> str:
    return next((value for name, value in request.headers if name.lower() == wanted), "")


def cors(document: Mapping[str, Any], parameters: Mapping[str, str]) -> Cors:
    """Of the template's API, where the parameter names origins."""
    for _, properties in of_type(document["Resources"], "AWS::Serverless::HttpApi"):
        if "CorsConfiguration" in properties:
            _, configuration, _ = properties["CorsConfiguration"]["Fn::If"]
            separator, parameter = configuration["AllowOrigins"]["Fn::Split"]
            origins = parameters.get(parameter["Ref"], "").split(separator)
            return Cors(tuple(filter(None, origins)), configuration)
    return Cors()
