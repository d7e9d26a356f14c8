"""What the API tells pages of other origins, as API Gateway would by the template's CorsConfiguration."""

import re

import pytest

from local import configuration, template
from local.cors import Cors, cors
from local.http_api import Request

ORIGIN = "https://app.example.org"


def of(parameters: dict[str, str]) -> Cors:
    return cors(template.load(configuration.TEMPLATE), parameters)


def asked(method: str = "GET", **headers: str) -> Request:
    return Request(method, "/uid", [(name.replace("_", "-"), value) for name, value in headers.items()], b"")


@pytest.mark.parametrize("allowed", [ORIGIN, f"https://other.example.org,{ORIGIN}", "*"])
def test_an_allowed_origin_is_told_so(allowed: str) -> None:
    told = dict(of({"CorsAllowedOrigins": allowed}).headers(asked(Origin=ORIGIN)))
    assert told["access-control-allow-origin"] == ("*" if allowed == "*" else ORIGIN)
    assert {"etag", "location", "retry-after", "www-authenticate", "x-correlation-id", "x-thumbnail"} == {
        *told["access-control-expose-headers"].split(",")
    }


@pytest.mark.parametrize(
    "request_", [asked(), asked(Origin="https://app.example.org.evil.example"), asked(Origin="null")]
)
def test_others_are_told_nothing(request_: Request) -> None:
    assert of({"CorsAllowedOrigins": ORIGIN}).headers(request_) == []


def test_by_default_no_other_origin_is_answered() -> None:
    assert of({}).origins == ()
    assert of({}).headers(asked(Origin="")) == []


def test_a_browser_that_asks_first_is_told_what_it_may_send() -> None:
    found = of({"CorsAllowedOrigins": ORIGIN})
    answer = found.preflight(asked("OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="PATCH"))
    assert answer is not None
    told = dict(answer.headers)
    assert answer.status == 204
    assert {*told["access-control-allow-methods"].split(",")} == {
        route["Properties"]["Method"].upper() for route in api_events()
    } - {"HEAD"}
    assert "authorization" in told["access-control-allow-headers"].split(",")


def api_events() -> list[dict[str, dict[str, str]]]:
    document = template.load(configuration.TEMPLATE)
    functions = template.of_type(document["Resources"], "AWS::Serverless::Function")
    return [
        event
        for _, properties in functions
        for event in properties.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]


def test_options_without_a_question_are_a_request_as_any_other() -> None:
    assert of({"CorsAllowedOrigins": ORIGIN}).preflight(asked("OPTIONS", Origin=ORIGIN)) is None


def test_a_template_without_cors_answers_no_origin() -> None:
    without = cors({"Resources": {"Api": {"Type": "AWS::Serverless::HttpApi"}}}, {})
    assert without.headers(asked(Origin=ORIGIN)) == []
    assert without.preflight(asked("OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="GET")) is None


def test_the_translation_keeps_the_condition_and_all_that_it_is_about() -> None:
    """It takes a configuration of which one part is a function for a function as a whole."""
    document = template.load(configuration.TEMPLATE)
    parameters = configuration.parameters(document, {"CORS_ALLOWED_ORIGINS": f"{ORIGIN},https://b.example.org"})
    translated = template.translate(document, parameters, "eu-central-1")
    ((_, api),) = template.of_type(translated["Resources"], "AWS::ApiGatewayV2::Api")
    condition, told, otherwise = api["Body"]["x-amazon-apigateway-cors"]["Fn::If"]
    assert (condition, otherwise) == ("CalledFromPages", {"Ref": "AWS::NoValue"})
    assert told["allowOrigins"] == {"Fn::Split": [",", f"{ORIGIN},https://b.example.org"]}
    assert {*told} == {"allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("*", True),
        (ORIGIN, True),
        (f"{ORIGIN},http://localhost:3000", True),
        ("", True),
        ("app.example.org", False),
        (f"{ORIGIN}/", False),
        (f"{ORIGIN}, http://localhost:3000", False),
    ],
)
def test_what_is_no_list_of_origins_is_refused_when_it_is_deployed(given: str, taken: bool) -> None:
    pattern = template.load(configuration.TEMPLATE)["Parameters"]["CorsAllowedOrigins"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, given)) is taken
