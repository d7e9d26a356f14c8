"""The door: what each route asks of its caller, declared beside the route, and held before any handler runs.

API Gateway's authorizer says who calls; whether that caller may do this is decided here. A route that declares nothing
is not there for anybody.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from dicom_service.access.bounds import Access
from dicom_service.access.caller import ANONYMOUS, Caller, caller_of
from dicom_service.access.scopes import REACH, Scope, missing_scope
from dicom_service.audit.record import Action
from dicom_service.errors import Forbidden, NotFound

DECLARATION = "_dicom_service_requirement"


@dataclass(frozen=True)
class Requirement:
    """The scope that a route needs; None for one that any caller may have who is bound to nothing.

    `action` is what the audit trail calls it, None where it shows and changes nothing of a patient. `is_open` is a
    route that asks for no caller.
    """

    scope: Scope | None = None
    action: Action | None = None
    is_open: bool = False


def requires[Handler: Callable[..., Any]](
    scope: Scope | None, action: Action | None = None
) -> Callable[[Handler], Handler]:
    """Declares what a handler's routes need, and what they do to a patient's data; stands beneath the routes."""

    def declare(handler: Handler) -> Handler:
        setattr(handler, DECLARATION, Requirement(scope, action))
        return handler

    return declare


def open_to_all[Handler: Callable[..., Any]](handler: Handler) -> Handler:
    """Declares that a handler's routes ask for no caller: they show and change nothing of a patient."""
    setattr(handler, DECLARATION, Requirement(is_open=True))
    return handler


def requirements(app: APIGatewayHttpResolver) -> Mapping[str, Requirement]:
    """What each route of a resolver asks for, by API Gateway's route key."""
    found = {}
    for route in app._static_routes + app._dynamic_routes:
        declared = getattr(route.func, DECLARATION, None)
        if declared:
            found[f"{route.method} {route.openapi_path}"] = declared
    return found


def enter(event: Mapping[str, Any], routes: Mapping[str, Requirement]) -> tuple[Access, Requirement]:
    """The request's access, and what its route declares.

    Raises CallerUnknown, Forbidden, or NotFound for a route that declares nothing.
    """
    requirement = routes.get(str(event.get("routeKey", "")))
    if requirement is None:
        raise NotFound("There is no such endpoint")
    now = time.time()
    if requirement.is_open:
        return Access(ANONYMOUS, now), requirement
    caller = caller_of(event, now)
    _check_scope(caller, requirement.scope)
    return Access(caller, now, applied=not (requirement.scope and REACH[requirement.scope].patients)), requirement


def access_of(app: APIGatewayHttpResolver) -> Access:
    """The access of the request that is being answered."""
    return cast("Access", app.context["access"])


def _check_scope(caller: Caller, scope: Scope | None) -> None:
    missing = missing_scope(caller.scopes, scope, bound=caller.bound) if scope else None
    if missing:
        raise Forbidden(f"The caller lacks the scope {missing}", missing)
    if caller.study_uid and not (scope and REACH[scope].study):
        raise Forbidden("A caller that is bound to one study may only read it")
    if caller.bound and not (scope and REACH[scope].bound):
        raise Forbidden("A caller that is bound to one patient may not do this")
