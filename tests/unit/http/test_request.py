"""What arrives, made plain: parameter names, bodies, JSON."""

import base64
import json
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import BaseModel, ConfigDict, Field

from dicom_service.errors import InvalidRequest, PacsTimeout
from dicom_service.http.answer import answer
from dicom_service.http.door import open_to_all
from dicom_service.http.request import body_bytes, parse_json
from tests.logs import rendered


class Order(BaseModel):
    """A body of two fields."""

    model_config = ConfigDict(extra="forbid")

    PatientID: str = Field(min_length=1, max_length=64)
    Modality: str


def application() -> APIGatewayHttpResolver:
    app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=parse_json)

    @app.post("/orders")
    @open_to_all
    def order(order: Annotated[Order, Body()], limit: Annotated[int, Query(alias="limit", ge=1)] = 1) -> dict[str, Any]:
        if order.Modality == "SLOW":
            raise PacsTimeout("The PACS did not answer in time")
        if order.Modality == "BROKEN":
            raise KeyError("VERDI^GIUSEPPE")
        return {"PatientID": order.PatientID, "limit": limit}

    return app


def post(body: Any, query: str = "", headers: dict[str, str] | None = None, path: str = "/orders") -> tuple[int, Any]:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    raw = text.encode() if isinstance(text, str) else text
    event = {
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers or {},
        "requestContext": {"http": {"method": "POST", "path": path}, "requestId": "1", "stage": "$default"},
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }
    answered = answer(application(), event, SimpleNamespace())  # type: ignore[arg-type]
    return answered["statusCode"], json.loads(answered["body"])


def wrong(problem: dict[str, Any]) -> dict[str, str]:
    return {error["field"]: error["message"] for error in problem["errors"]}


GOOD = {"PatientID": "P1", "Modality": "CT"}


@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_json_is_read_whatever_it_is_called(content_type: str) -> None:
    """curl sends --data as a form."""
    assert post(GOOD, headers={"Content-Type": content_type}) == (200, {"PatientID": "P1", "limit": 1})


@pytest.mark.parametrize(
    "body",
    [
        "",
        " \n",
        "nul",
        '{"PatientID": "P1"',
        '{"PatientID": NaN, "Modality": "CT"}',
        '{"PatientID": "P1", "PatientID": "P2", "Modality": "CT"}',
        "[" * 1_000_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "[" * 100 + "]" * 100,
        b"\xff\xfe{}",
    ],
)
def test_what_is_no_json_is_a_400(body: str | bytes) -> None:
    status, problem = post(body)
    assert status == 400
    assert list(wrong(problem)) == ["body"]


@pytest.mark.parametrize("body", ["[]", "5", '"text"', "null", "[{}]"])
def test_what_is_no_object_is_a_400(body: str) -> None:
    status, problem = post(body)
    assert status == 400
    assert list(wrong(problem)) == ["body"]


def test_every_wrong_field_is_named_at_once_in_the_clients_spelling() -> None:
    status, problem = post({"PatientID": "", "modality": "CT"}, query="LIMIT=0&offset=2")
    assert status == 400
    assert wrong(problem) == {
        "PatientID": "must have at least 1 character(s)",
        "Modality": "is required",
        "modality": "is not a known field (did you mean Modality?)",
        "LIMIT": "must be 1 or more",
        "offset": "is not a known query parameter",
    }


def test_an_unknown_parameter_alone_is_refused_too() -> None:
    status, problem = post(GOOD, query="limt=2")
    assert status == 400
    assert wrong(problem) == {"limt": "is not a known query parameter (did you mean limit?)"}


def test_a_fault_has_its_own_status_and_title() -> None:
    assert post(GOOD | {"Modality": "SLOW"}) == (
        504,
        {"type": "about:blank", "title": "PACS Timeout", "status": 504, "detail": "The PACS did not answer in time"},
    )


def test_an_unexpected_fault_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    status, problem = post(GOOD | {"Modality": "BROKEN"})
    assert status == 500
    assert "VERDI" not in json.dumps(problem) + rendered(caplog)
    assert "KeyError" in rendered(caplog)
    assert "test_request.py" in rendered(caplog)


def test_an_unknown_path_is_a_problem_too() -> None:
    assert post(GOOD, path="/elsewhere")[0] == 404


@pytest.mark.parametrize("value", ["%E9", "%FF%FE", "%ED%A0%80", "%C3", "%C0%80", "%EF%BF%BD", "a\ufffd", "\udce9"])
def test_a_value_that_is_no_utf_8_is_refused_in_the_clients_spelling(value: str) -> None:
    """RFC 3629 section 3; what an API before this one could not decode arrives as U+FFFD."""
    status, problem = post(GOOD, query=f"Limit={value}")
    assert status == 400
    assert wrong(problem) == {"Limit": "must be UTF-8 text, percent-encoded"}


def test_a_name_that_is_no_utf_8_is_an_unknown_one() -> None:
    status, problem = post(GOOD, query="%FF=1")
    assert status == 400
    assert list(wrong(problem)) == ["\ufffd"]


def test_a_body_that_is_no_base64_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        body_bytes({"body": "###", "isBase64Encoded": True})
