"""`GET /-/healthz` and `GET /-/ready`."""

import json
import os

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
    assert set(errors) == {"PACS_SERVICE_URL", "UIDS_TABLE", "EVENTS_TABLE"}
    assert errors["PACS_SERVICE_URL"] == "PACS_SERVICE_URL is not set"


def test_what_has_no_room_in_the_environment_is_in_a_parameter(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ | {"SETTINGS_PARAMETER": "settings"})
    monkeypatch.delitem(os.environ, "UIDS_TABLE")
    aws.client("ssm").put_parameter(
        Name="settings", Type="String", Value="UIDS_TABLE=no-such-table\nJWT_ISSUER=http://a=b"
    )

    answered = invoke("check_health", path="/-/ready")

    errors = {error["field"]: error["message"] for error in json.loads(answered["body"])["errors"]}
    assert set(errors) == {"UIDS_TABLE", "JWT_ISSUER", "JWT_AUDIENCE"}


def test_settings_that_cannot_be_read_are_a_503(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS_PARAMETER", "gone")

    assert invoke("check_health", path="/-/ready")["statusCode"] == 503
    assert invoke("check_health", path="/-/healthz")["statusCode"] == 200


def test_every_setting_that_is_wrong_is_named_and_no_value_of_it(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other functions read, as CALLBACK_URLS and DICOM_UID_ROOT, is found before they need it."""
    wrong = {
        "CALLBACK_URLS": "s3cret.example",
        "CALLBACK_SIGNING_SECRET": "s3cret",
        "DICOM_UID_ROOT": "s3cret",
        "DICOM_VIEWER_URL": "https://user:s3cret@viewer.example",
        "VIEWER_AUTHORIZATION_TOKEN": "s3cret\nX-Header: 1",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    answered = invoke("check_health", path="/-/ready")
    assert answered["statusCode"] == 503
    assert {error["field"] for error in json.loads(answered["body"])["errors"]} == set(wrong)
    assert "s3cret" not in answered["body"]


def test_a_setting_that_names_a_secret_is_wrong_where_there_is_none(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:dicom-service/callback-AbCdEf"
    monkeypatch.setenv("CALLBACK_URLS", arn)
    answered = invoke("check_health", path="/-/ready")
    (error,) = json.loads(answered["body"])["errors"]
    assert error == {"field": "CALLBACK_URLS", "message": "CALLBACK_URLS names a secret that cannot be read"}
