"""The event that the gateway builds, held to the sample in AWS's documentation, and what it makes of an answer."""

import base64
from typing import Any

import pytest

from local.http_api import Answer, MalformedAnswer, Request, build_event, match, read_answer
from local.template import Route

ROUTES = [
    Route("GET", "/documentation/{asset}", "Documentation"),
    Route("GET", "/documentation/json", "Documentation"),
    Route("GET", "/studies/{study}/series/{series}", "Series"),
    Route("POST", "/studies", "Store"),
]


def event_of(request: Request) -> dict[str, Any]:
    found = match(ROUTES, request.method, request.target)
    assert found is not None
    return build_event(request, *found)


def test_event_has_the_shape_of_the_documented_sample() -> None:
    # given the request of the sample in "Payload format structure"
    request = Request(
        method="POST",
        target="/studies?parameter1=value1&parameter1=value2&parameter2=value",
        headers=[
            ("Host", "id.execute-api.us-east-1.amazonaws.com"),
            ("Header1", "value1"),
            ("Header2", "value1"),
            ("header2", "value2"),
            ("Cookie", "cookie1; cookie2"),
            ("User-Agent", "agent"),
            ("Content-Type", "text/plain; charset=utf-8"),
        ],
        body=b"Hello from Lambda",
        source_ip="192.0.2.1",
    )

    # when
    event = event_of(request)

    # then
    context = event["requestContext"]
    assert {name: event[name] for name in event if name not in ("requestContext", "headers")} == {
        "version": "2.0",
        "routeKey": "POST /studies",
        "rawPath": "/studies",
        "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
        "cookies": ["cookie1", "cookie2"],
        "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
        "body": "Hello from Lambda",
        "isBase64Encoded": False,
    }
    assert event["headers"]["header2"] == "value1,value2"
    assert "cookie" not in event["headers"]
    assert all(name == name.lower() for name in event["headers"])
    assert set(context) == {
        "accountId", "apiId", "domainName", "domainPrefix", "http", "requestId", "routeKey", "stage", "time",
        "timeEpoch",
    }  # fmt: skip
    assert context["domainName"] == "id.execute-api.us-east-1.amazonaws.com"
    assert context["domainPrefix"] == "id"
    assert context["stage"] == "$default"
    assert context["http"] == {
        "method": "POST",
        "path": "/studies",
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
        "userAgent": "agent",
    }


def test_path_and_query_parameters_are_decoded() -> None:
    event = event_of(Request("GET", "/studies/1%2E2/series/a%20b?name=M%C3%BCller+A&empty="))

    assert event["rawPath"] == "/studies/1.2/series/a b"
    assert event["pathParameters"] == {"study": "1.2", "series": "a b"}
    assert event["queryStringParameters"] == {"name": "Müller A", "empty": ""}
    assert event["rawQueryString"] == "name=M%C3%BCller+A&empty="


def test_what_a_request_does_not_have_has_no_key() -> None:
    event = event_of(Request("GET", "/documentation/json"))

    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & set(event)


@pytest.mark.parametrize(
    ("content_type", "encoded"),
    [
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("application/dicom+json", False),
        ("application/xml", False),
        ("text/html", False),
        ("application/dicom", True),
        ("application/x-www-form-urlencoded", True),
        ("multipart/form-data; boundary=x", True),
        ("", True),
    ],
)
def test_a_body_that_is_no_text_is_base64(content_type: str, encoded: bool) -> None:
    event = event_of(Request("POST", "/studies", [("content-type", content_type)], b"{}"))

    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(b"{}").decode() if encoded else "{}")


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/documentation/json", "GET /documentation/json"),
        ("/documentation/swagger.css", "GET /documentation/{asset}"),
    ],
)
def test_the_most_specific_route_answers(target: str, route: str) -> None:
    assert event_of(Request("GET", target))["routeKey"] == route


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/nothing"), ("PUT", "/studies"), ("HEAD", "/documentation/json"), ("GET", "/documentation/")],
)
def test_other_paths_and_methods_have_no_route(method: str, target: str) -> None:
    assert match(ROUTES, method, target) is None


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ({"statusCode": 204}, Answer(204, [("content-type", "text/plain;charset=UTF-8")], b"")),
        (
            {
                "statusCode": "200",
                "headers": {"Content-Type": "image/png"},
                "cookies": ["a=1", "b=2"],
                "body": "iVA=",
                "isBase64Encoded": True,
            },
            Answer(200, [("content-type", "image/png"), ("set-cookie", "a=1"), ("set-cookie", "b=2")], b"\x89P"),
        ),
        ({"uid": "1.2"}, Answer(200, [("content-type", "application/json")], b'{"uid": "1.2"}')),
        ("Hello", Answer(200, [("content-type", "application/json")], b'"Hello"')),
    ],
)
def test_an_answer_is_decoded(result: object, answer: Answer) -> None:
    assert read_answer(result) == answer


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "many"},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"uid": "1.2"}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["content-type"]},
    ],
)
def test_a_malformed_answer_is_refused(result: object) -> None:
    with pytest.raises(MalformedAnswer):
        read_answer(result)
