"""`GET /-/healthz` and `GET /-/ready`."""

import json

import pytest

from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.scripted import Answer, ScriptedPacs


def test_alive_needs_nothing(invoke: Invoke) -> None:
    answer = invoke("check_health", path="/-/healthz")
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "alive"})


def test_ready_with_pacs_and_tables(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    answer = invoke("check_health", path="/-/ready")
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ready"})


@pytest.mark.parametrize("answer", [Answer(401), Answer(500), Answer(200, b"<html>")])
def test_a_pacs_that_fails_is_named(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    with ScriptedPacs(answer) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        answered = invoke("check_health", path="/-/ready")
    assert answered["statusCode"] == 503
    assert [error["field"] for error in json.loads(answered["body"])["errors"]] == ["PACS"]


def test_everything_that_is_missing_is_named(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UIDS_TABLE", "no-such-table")
    monkeypatch.delenv("EVENTS_TABLE")
    answered = invoke("check_health", path="/-/ready")
    assert answered["statusCode"] == 503
    errors = {error["field"]: error["message"] for error in json.loads(answered["body"])["errors"]}
    assert set(errors) == {"PACS", "UIDS_TABLE", "EVENTS_TABLE"}
    assert "PACS_SERVICE_URL" in errors["PACS"]
