"""The authorizer's place in the API on one machine: when it is asked, what is remembered, what its answers mean."""

from collections.abc import Mapping
from typing import Any

import pytest

from local.door import AuthorizerFailed, Door, Forbidden, Unauthorized
from local.http_api import Request
from local.template import Authorizer, Route
from local.workers import InvocationError, TimedOut

ROUTE = Route("GET", "/uid", "GenerateUid", Authorizer("AuthorizeRequest", 60))


def request(*values: str) -> Request:
    return Request("GET", "/uid?x=1", [("Authorization", value) for value in values], b"a body")


class Asked:
    """Answers as it is told, and remembers with what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.events: list[Mapping[str, Any]] = []
        self.now = 0.0

    def __call__(self, function: str, event: Mapping[str, Any]) -> Any:
        assert function == "AuthorizeRequest"
        self.events.append(event)
        if isinstance(self.answer, InvocationError):
            raise self.answer
        return self.answer

    def door(self) -> Door:
        return Door(self, lambda: self.now)


def yes(**context: str) -> dict[str, Any]:
    return {"isAuthorized": True, "context": context}


def test_a_request_that_shows_nothing_is_refused_without_asking() -> None:
    asked = Asked(yes())

    with pytest.raises(Unauthorized):
        asked.door().context(request(), ROUTE, {})
    assert asked.events == []


def test_a_route_without_an_authorizer_is_open() -> None:
    asked = Asked(yes(a="b"))

    assert asked.door().context(request(), Route("GET", "/documentation", "ServeDocumentation"), {}) == {}
    assert asked.events == []


def test_it_is_told_who_and_what_but_not_the_body() -> None:
    asked = Asked(yes(a="b"))

    assert asked.door().context(request("Bearer x"), ROUTE, {}) == {"a": "b"}

    (event,) = asked.events
    assert (event["type"], event["version"], event["routeKey"]) == ("REQUEST", "2.0", "GET /uid")
    assert event["identitySource"] == ["Bearer x"]
    assert not {"body", "isBase64Encoded"} & set(event)


def test_an_answer_is_good_for_a_minute_whatever_the_route() -> None:
    asked = Asked(yes(a="b"))
    door = asked.door()
    other = Route("GET", "/workitems", "ListWorkitems", ROUTE.authorizer)

    door.context(request("Bearer x"), ROUTE, {})
    asked.now = 59.9
    door.context(request("Bearer x"), other, {})
    assert len(asked.events) == 1
    door.context(request("Bearer y"), ROUTE, {})
    assert len(asked.events) == 2
    asked.now = 60.0
    door.context(request("Bearer x"), ROUTE, {})
    assert len(asked.events) == 3


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"isAuthorized": False}, Forbidden),
        ({"isAuthorized": "true"}, AuthorizerFailed),
        ({}, AuthorizerFailed),
        (None, AuthorizerFailed),
        (InvocationError("broken"), AuthorizerFailed),
        (TimedOut("9 s"), AuthorizerFailed),
    ],
)
def test_what_is_no_yes_lets_nobody_in_and_is_not_remembered(answer: Any, fault: type[Exception]) -> None:
    asked = Asked(answer)
    door = asked.door()

    for _ in range(2):
        with pytest.raises(fault):
            door.context(request("Bearer x"), ROUTE, {})
    assert len(asked.events) == 2


def test_two_headers_are_one_that_is_malformed() -> None:
    asked = Asked(yes())

    asked.door().context(request("Bearer x", "Bearer y"), ROUTE, {})

    assert asked.events[0]["identitySource"] == ["Bearer x,Bearer y"]
