"""Configuration: what is wrong is named."""

import json

import boto3
import pytest

from dicom_service import settings
from dicom_service.errors import ConfigurationError
from dicom_service.pacs.dialects import dialect
from local.aws import Aws

NAME = "A_SETTING"


@pytest.mark.parametrize("value", ["", " ", "example.org", "ftp://example.org", "http://", "http://a:0", "http://a:b"])
def test_a_wrong_url_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ConfigurationError, match=NAME):
        settings.url(NAME)


def test_a_url_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " https://pacs.example.org:8443/base/ ")
    assert settings.url(NAME) == "https://pacs.example.org:8443/base"


@pytest.mark.parametrize("value", ["-1", "86401", "ten", "1.5", "²"])
def test_a_wrong_number_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ConfigurationError, match=NAME):
        settings.whole_number(NAME, 600, 0, 86400)


@pytest.mark.parametrize(("value", "expected"), [("", False), ("true", True), ("false", False)])
def test_a_flag(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv(NAME, value)
    assert settings.flag(NAME) is expected


def test_a_wrong_flag_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "yes")
    with pytest.raises(ConfigurationError, match=NAME):
        settings.flag(NAME)


def test_a_secret_is_the_value_or_what_an_arn_names(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "a key")
    assert settings.secret(NAME) == "a key"
    manager = boto3.client("secretsmanager")
    arn = manager.create_secret(Name="dicom-service/pacs", SecretString="another key")["ARN"]
    monkeypatch.setenv(NAME, arn)
    assert settings.secret(NAME) == "another key"
    monkeypatch.setenv(NAME, arn + "-gone")
    with pytest.raises(ConfigurationError, match=NAME):
        settings.secret(NAME)


def test_every_path_of_a_dialect_can_be_overridden(unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dialect()
    monkeypatch.setenv("PACS_POST_EXAM_ENDPOINT", "stow/studies/")
    monkeypatch.setenv("PACS_WADO_ENDPOINT", "/wado2")
    after = dialect()
    assert (after.storing, after.retrieving) == ("/stow/studies", "/wado2")
    assert (after.searching, after.pictures) == (before.searching, before.pictures)


def test_an_unknown_dialect_is_answered_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_DIALECT", json.dumps("o4"))
    with pytest.raises(ConfigurationError, match="PACS_DIALECT must be one of o3, dicomweb"):
        dialect()
