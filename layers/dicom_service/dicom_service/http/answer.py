"""One API request, from the Lambda event to the answer: the same for every function behind the HTTP API."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from dicom_service import correlation, metrics
from dicom_service.errors import AnswerTooLarge, InvalidRequest, NotFound, ServiceError
from dicom_service.faults import log_fault, logger
from dicom_service.http.audit import keep_record
from dicom_service.http.door import Requirement, enter, requirements
from dicom_service.http.problem import field_errors, problem
from dicom_service.http.request import as_json, canonical_query
from dicom_service.http.route import at_route, base_path

MOST_ANSWER_BYTES = 6_291_556
"""What a function may answer, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def answer(app: APIGatewayHttpResolver, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The HTTP API's answer to an event in payload format 2.0; never raises.

    Nobody gets past the door whom the route's declaration does not let in, and no answer leaves before its audit record
    is kept. The resolver's context holds the request's
    `access`, its `query`, and the `base_path` that links begin with.

    The log names the route and the fault, never a path, a query, a body or a foreign exception's text: those hold
    patients' identifiers.
    """
    started = time.monotonic()
    request_id = event["requestContext"]["requestId"]
    logger.append_keys(request_id=request_id)
    correlation.begin(request_id, (event.get("headers") or {}).get(correlation.HEADER.lower(), ""))
    routes = _prepare(app)
    try:
        access, requirement = enter(event, routes.requirements)
        query = canonical_query(at_route(event), routes.query_fields)
        app.context |= {"access": access, "query": query, "base_path": base_path(event)}
        prepared = as_json(query.event) if routes.takes_json else query.event
        answered = _within_limits(app.resolve(prepared, context))
        if answered["statusCode"] < 400:
            access.check_applied()
        if requirement.action:
            keep_record(event, access, requirement.action, answered["statusCode"])
    except ServiceError as error:
        response = _problem_of(error)
        answered = {"statusCode": error.status, "headers": dict(response.headers), "body": response.body}
    logger.info(
        event["routeKey"],
        extra={"status": answered["statusCode"], "milliseconds": round((time.monotonic() - started) * 1000)},
    )
    _count(answered["statusCode"])
    return {**answered, "headers": {**(answered.get("headers") or {}), **correlation.headers()}}


def _count(status: int) -> None:
    metrics.add(metrics.REQUESTS)
    if status >= 400:
        metrics.add(metrics.SERVER_ERRORS if status >= 500 else metrics.CLIENT_ERRORS)
    metrics.flush()


def _within_limits(answered: dict[str, Any]) -> dict[str, Any]:
    """The answer; raises AnswerTooLarge where the platform would drop it and tell the client nothing."""
    body = answered.get("body") or ""
    if len(body) <= MOST_ANSWER_BYTES / 6:  # escaping takes up to six bytes
        return answered
    escaped = len(body) if answered.get("isBase64Encoded") else len(json.dumps(body))  # base64 has nothing to escape
    if escaped + len(json.dumps({**answered, "body": ""})) > MOST_ANSWER_BYTES:
        raise AnswerTooLarge("The answer is larger than 6 MB: narrow the search, or accept gzip")
    return answered


@dataclass(frozen=True)
class _Routes:
    """Of a resolver: its query parameters' names, whether a route takes a JSON body, and what each asks of a caller."""

    query_fields: list[str]
    takes_json: bool
    requirements: Mapping[str, Requirement]


@cache
def _prepare(app: APIGatewayHttpResolver) -> _Routes:
    """Hangs our faults into the resolver. One that validates nothing has no names of parameters."""
    routes = app._static_routes + app._dynamic_routes if app._enable_validation else []
    dependants = [route.dependant for route in routes]
    queries = [field.alias for dependant in dependants for field in dependant.query_params]
    bodies = [field.field_info.annotation for dependant in dependants for field in dependant.body_params]
    known = [name for body in bodies for name in getattr(body, "model_fields", ())]

    def invalid(error: RequestValidationError) -> Response[str]:
        query = app.context["query"]
        unreadable = {refused.field for refused in query.refused}
        wrong = [each for each in field_errors(error.errors(), query.spellings, known) if each.field not in unreadable]
        return _problem_of(InvalidRequest("The request is invalid", wrong + query.refused))

    app.exception_handler(RequestValidationError)(invalid)
    app.exception_handler(ServiceError)(_problem_of)
    app.exception_handler(NotFoundError)(lambda _error: problem(NotFound("There is no such endpoint")))
    app.exception_handler(Exception)(_unexpected)
    app.use([_refuse_query])
    return _Routes(queries, bool(bodies), requirements(app))


def _refuse_query(
    app: APIGatewayHttpResolver, next_middleware: Callable[[APIGatewayHttpResolver], Response[Any]]
) -> Response[Any]:
    refused = app.context["query"].refused
    if refused:
        raise InvalidRequest("The request has query parameters that this endpoint cannot take", refused)
    return next_middleware(app)


def _problem_of(error: ServiceError) -> Response[str]:
    log_fault(error)
    return problem(error)


def _unexpected(error: Exception) -> Response[str]:
    log_fault(error)
    return problem(ServiceError("The service failed unexpectedly"))
