"""Who the service is to the PACS: tokens, signatures and certificates, each before a PACS that asks for it."""

import json
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from dicom_service.errors import PacsError, PacsRefusedCredentials
from dicom_service.pacs.session import pacs_session
from dicom_service.pacs.tls import tls
from dicom_service.pacs.tokens import AccessTokens
from local.aws import Aws
from local.pacs.callers import SigningKey, Tokens
from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.certificates import Authority, secured
from tests.conftest import Invoke
from tests.pacs.objects import make_object
from tests.scripted import Answer, ScriptedPacs

STUDIES = "/exams/studies"
FORM = {"content-type": "application/dicom"}


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tokens(tmp_path: Path, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tokens]:
    """What a PACS that asks for access tokens has given out; the service is its client."""
    issued = Tokens("dicom-service", "s3cret&+", seconds=600)
    with EmbeddedPacs(PacsSettings(tmp_path, manner="dicomweb", tokens=issued)) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.base_url)
        monkeypatch.setenv("PACS_AUTHORIZATION", "oauth2")
        monkeypatch.setenv("PACS_OAUTH_TOKEN_URL", f"{pacs.url}/oauth2/token")
        monkeypatch.setenv("PACS_OAUTH_CLIENT_ID", issued.client_id)
        monkeypatch.setenv("PACS_OAUTH_CLIENT_SECRET", issued.client_secret)
        yield issued


def search(invoke: Invoke, **query: str) -> int:
    status: int = invoke("search_studies", path=STUDIES, query={"PatientId": "P1", **query})["statusCode"]
    return status


def test_a_token_is_fetched_once_and_used_for_every_request(tokens: Tokens, invoke: Invoke) -> None:
    assert invoke("upload_exam", "POST", "/exams", body=make_object(), headers=FORM)["statusCode"] == 200
    assert [search(invoke) for _ in range(3)] == [200] * 3
    assert len(tokens.given) == 1


def test_a_token_that_the_pacs_has_forgotten_is_replaced_at_once(tokens: Tokens, invoke: Invoke) -> None:
    assert search(invoke) == 200
    tokens.given.clear()
    assert invoke("upload_exam", "POST", "/exams", body=make_object(), headers=FORM)["statusCode"] == 200
    assert len(tokens.given) == 1


def test_a_wrong_client_secret_is_a_401_and_asks_nothing_of_the_pacs(
    tokens: Tokens, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_OAUTH_CLIENT_SECRET", "wrong")
    answer = invoke("search_studies", path=STUDIES, query={"PatientId": "P1"})
    assert answer["statusCode"] == 401
    assert "wrong" not in answer["body"]


def test_a_client_secret_may_be_a_secrets_arn(
    aws: Aws, tokens: Tokens, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="dicom-service/oauth", SecretString=tokens.client_secret)
    monkeypatch.setenv("PACS_OAUTH_CLIENT_SECRET", secret["ARN"])
    assert search(invoke) == 200


def granted(token: str, **more: Any) -> Answer:
    return Answer(200, json.dumps({"access_token": token, "token_type": "Bearer", **more}).encode())


def test_a_token_is_renewed_before_it_ends() -> None:
    clock = Clock()
    with ScriptedPacs(granted("one", expires_in=600), granted("two", expires_in=600)) as endpoint:
        tokens = AccessTokens(f"{endpoint.url}/token", "id", "s3cret", "a b", clock=clock)
        assert tokens.current() == "one"
        clock.now += 539
        assert tokens.current() == "one"
        clock.now += 2
        assert tokens.current() == "two"
    assert endpoint.asked[0].body == b"grant_type=client_credentials&client_id=id&client_secret=s3cret&scope=a+b"


def test_threads_that_need_a_token_fetch_it_once() -> None:
    with ScriptedPacs(Answer(200, granted("one").body, delay=0.2)) as endpoint:
        tokens = AccessTokens(f"{endpoint.url}/token", "id", "s3cret", "")
        with ThreadPoolExecutor(20) as threads:
            assert set(threads.map(lambda _: tokens.current(), range(20))) == {"one"}
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(401, b'{"error": "invalid_client"}'), PacsRefusedCredentials),
        (Answer(400, b'{"error": "invalid_client"}'), PacsRefusedCredentials),
        (Answer(500), PacsError),
        (Answer(302, headers={"Location": "/login"}), PacsError),
        (Answer(200, b"<html>login</html>"), PacsError),
        (Answer(200, b"[]"), PacsError),
        (granted(""), PacsError),
        (granted("a\r\nX-Evil: 1"), PacsError),
        (Answer(200, b'{"access_token": 5}'), PacsError),
        (Answer(reset=True), PacsError),
    ],
)
def test_a_token_endpoint_that_gives_none_is_a_fault(answer: Answer, fault: type[PacsError]) -> None:
    with ScriptedPacs(answer) as endpoint, pytest.raises(fault) as raised:
        AccessTokens(f"{endpoint.url}/token", "id", "s3cret", "").current()
    assert "s3cret" not in raised.value.detail


@pytest.fixture
def healthimaging(tmp_path: Path, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPacs]:
    """A PACS that lets in only requests with the signature of the AWS credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    key = SigningKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    with EmbeddedPacs(PacsSettings(tmp_path, manner="healthimaging", signing_key=key)) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "healthimaging")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.base_url)
        yield pacs


def test_every_request_to_healthimaging_is_signed(healthimaging: EmbeddedPacs, invoke: Invoke) -> None:
    content = make_object(PatientID="A/B C+D~é*"[:8])
    assert invoke("upload_exam", "POST", "/exams", body=content, headers=FORM)["statusCode"] == 200
    for patient in ("P1", "A/B C+D~", "é=&?"):
        answer = invoke("search_studies", path=STUDIES, query={"PatientId": patient})
        assert answer["statusCode"] == (400 if "?" in patient else 200)


def test_a_signature_of_other_credentials_is_a_401(
    healthimaging: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert search(invoke) == 401


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("hospital")


NOTHING = Answer(200, b"[]")


def test_a_private_authority_goes_before_what_the_machine_trusts(
    unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority
) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_text(Authority("elsewhere").pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(elsewhere))
    with secured(ScriptedPacs(NOTHING), tmp_path, authority.signed("pacs")) as url:
        monkeypatch.setenv("PACS_SERVICE_URL", url)
        assert search(invoke) == 502
        monkeypatch.setenv("PACS_CA_BUNDLE", authority.pem)
        assert search(invoke) == 200


@pytest.mark.parametrize("of", ["the same authority", "one that the machine trusts"])
def test_a_token_endpoint_may_be_of_the_private_authority_too(
    unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority, of: str
) -> None:
    elsewhere, trusted = Authority("elsewhere"), tmp_path / "elsewhere.pem"
    trusted.write_text(elsewhere.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    monkeypatch.setenv("PACS_CA_BUNDLE", authority.pem)
    certificate = (authority if of == "the same authority" else elsewhere).signed("login")
    (tmp_path / "login").mkdir()
    with (
        secured(ScriptedPacs(NOTHING), tmp_path, authority.signed("pacs")) as url,
        secured(ScriptedPacs(granted("one")), tmp_path / "login", certificate) as endpoint,
    ):
        monkeypatch.setenv("PACS_SERVICE_URL", url)
        monkeypatch.setenv("PACS_AUTHORIZATION", "oauth2")
        monkeypatch.setenv("PACS_OAUTH_TOKEN_URL", f"{endpoint}/token")
        monkeypatch.setenv("PACS_OAUTH_CLIENT_ID", "id")
        monkeypatch.setenv("PACS_OAUTH_CLIENT_SECRET", "s3cret")
        assert search(invoke) == 200


def test_a_client_certificate_is_shown(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority
) -> None:
    monkeypatch.setenv("PACS_CA_BUNDLE", authority.pem)
    with secured(ScriptedPacs(NOTHING), tmp_path, authority.signed("pacs"), authority.pem) as url:
        monkeypatch.setenv("PACS_SERVICE_URL", url)
        assert search(invoke) == 502
        monkeypatch.setenv("PACS_CLIENT_CERTIFICATE", Authority("elsewhere").signed("service"))
        assert search(invoke) == 502
        certificate = authority.signed("service")
        secret = boto3.client("secretsmanager").create_secret(Name="dicom-service/tls", SecretString=certificate)
        monkeypatch.setenv("PACS_CLIENT_CERTIFICATE", secret["ARN"])
        assert search(invoke) == 200


def test_a_secret_in_a_file_is_for_this_user_alone(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setenv("PACS_CLIENT_CERTIFICATE", authority.signed("service").replace("\n", "\\n"))
    path = tls().certificate
    assert path is not None
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert path == tls().certificate


def test_what_is_neither_pem_nor_a_file_is_a_fault_of_the_configuration(
    unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("PACS_CA_BUNDLE", "/no/such/file")
    answer = invoke("search_studies", path=STUDIES, query={"PatientId": "P1"})
    assert answer["statusCode"] == 500
    assert "PACS_CA_BUNDLE" in answer["body"]


def test_credentials_of_one_kind_are_never_sent_as_another(unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedPacs(granted("one"), NOTHING) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", "a raw key")
        monkeypatch.setenv("PACS_AUTHORIZATION", "oauth2")
        monkeypatch.setenv("PACS_OAUTH_TOKEN_URL", f"{pacs.url}/token")
        monkeypatch.setenv("PACS_OAUTH_CLIENT_ID", "id")
        monkeypatch.setenv("PACS_OAUTH_CLIENT_SECRET", "s3cret")
        pacs_session().send("GET", "/studies")
    assert [asked.headers.get("Authorization") for asked in pacs.asked] == [None, "Bearer one"]
