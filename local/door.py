"""The HTTP API's Lambda authorizer: who is asked, what is remembered, what each of its answers means.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from dicom_service.access.caller import ANONYMOUS, to_context
from local.http_api import Request, build_event
from local.template import Authorizer, Route
from local.workers import InvocationError

HEADER = "authorization"
MOST_REMEMBERED = 10_000

Authorize = Callable[[Request, Route, Mapping[str, str]], Mapping[str, Any]]
"""The context of a request's caller, empty on a route without an authorizer; raises one of the three below."""


class Unauthorized(Exception):
    """The request shows nothing by which somebody could be known: the authorizer is not asked."""


class Forbidden(Exception):
    """The authorizer says no."""


class AuthorizerFailed(Exception):
    """It failed, or answered what is no answer."""


def everyone(_request: Request, route: Route, _path_parameters: Mapping[str, str]) -> Mapping[str, Any]:
    """Lets everybody in, as a caller who may do everything."""
    return to_context(ANONYMOUS) if route.authorizer else {}


class Door:
    """Asks the authorizer, and remembers its answer by the header's value for as long as the template says."""

    def __init__(
        self, invoke: Callable[[str, Mapping[str, Any]], Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._invoke, self._clock = invoke, clock
        self._lock = Lock()
        self._remembered: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def context(self, request: Request, route: Route, path_parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """As Authorize."""
        if route.authorizer is None:
            return {}
        shown = ",".join(value for name, value in request.headers if name.lower() == HEADER)
        if not shown:
            raise Unauthorized
        with self._lock:
            until, context = self._remembered.get(shown, (0.0, {}))
        return context if self._clock() < until else self._asked(shown, request, route, path_parameters)

    def _asked(
        self, shown: str, request: Request, route: Route, path_parameters: Mapping[str, str]
    ) -> Mapping[str, Any]:
        authorizer: Authorizer = route.authorizer  # type: ignore[assignment]  # `context` has looked
        event = build_event(request, route, path_parameters)
        event = {name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")}
        event |= {"type": "REQUEST", "routeArn": "local", "identitySource": [shown]}
        try:
            answer = self._invoke(authorizer.function, event)
        except InvocationError as error:
            raise AuthorizerFailed from error
        if not isinstance(answer, dict) or not isinstance(answer.get("isAuthorized"), bool):
            raise AuthorizerFailed
        if not answer["isAuthorized"]:
            raise Forbidden
        context: Mapping[str, Any] = answer.get("context") or {}
        with self._lock:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[shown] = (self._clock() + authorizer.seconds, context)
        return context
