"""The client before a service that checks its callers: what it shows, and what it says where that is not taken."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.identity.provider import IdentityProvider
from local.stack import LocalStack, Settings
from tests.command_line import client
from tests.pacs.objects import make_object
from tests.scripted import Answer, Asked, ScriptedPacs


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalStack]:
    with LocalStack(Settings(auth=True)) as stack:
        yield stack


@pytest.fixture
def provider(guarded: LocalStack) -> IdentityProvider:
    assert guarded.identity_provider is not None
    return guarded.identity_provider


@pytest.fixture
def secret(provider: IdentityProvider, tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(provider.client.secret + "\n")
    return path


def sentence(ended: "subprocess.CompletedProcess[str]", status: int = 2) -> str:
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    return line


def test_a_token_of_the_environment_is_shown(guarded: LocalStack, tmp_path: Path) -> None:
    ended = client(guarded.url, tmp_path, "worklist", variables={"DICOM_SERVICE_TOKEN": guarded.keys["all"]})

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_token_of_a_file_is_shown(guarded: LocalStack, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(guarded.keys["all"] + "\n")

    ended = client(guarded.url, tmp_path, "--token-file", file, "worklist", variables={"DICOM_SERVICE_TOKEN": "wrong"})

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_client_with_credentials_fetches_its_token(
    guarded: LocalStack, provider: IdentityProvider, secret: Path, tmp_path: Path
) -> None:
    exam = tmp_path / "exam.dcm"
    exam.write_bytes(make_object(PatientID="P1"))
    who = ["--issuer", provider.issuer, "--client-id", "demo", "--client-secret-file", secret]

    stored = client(guarded.url, tmp_path, *who, "upload", exam)
    variables = {
        "DICOM_SERVICE_ISSUER": provider.issuer,
        "DICOM_SERVICE_CLIENT_SECRET": provider.client.secret,
    }
    listed = client(guarded.url, tmp_path, "--client-id", "demo", "events", "--json", variables=variables)

    assert (stored.returncode, stored.stderr) == (0, "")
    assert "events" in json.loads(listed.stdout)


def test_it_asks_for_the_scopes_that_it_is_told(
    guarded: LocalStack, provider: IdentityProvider, secret: Path, tmp_path: Path
) -> None:
    who = ["--issuer", provider.issuer, "--client-id", "demo", "--client-secret-file", secret]

    ended = client(guarded.url, tmp_path, *who, "--scope", "exams:read", "events")

    assert sentence(ended) == "the service does not let the caller do this: The caller lacks the scope events:read"


def test_without_a_token_it_says_what_to_set(guarded: LocalStack, tmp_path: Path) -> None:
    exams = tmp_path / "exams"
    exams.mkdir()
    for number in range(20):
        (exams / f"{number}.dcm").write_bytes(make_object())

    ended = client(guarded.url, tmp_path, "upload", exams)

    assert sentence(ended) == (
        "the service asks who is calling: set DICOM_SERVICE_TOKEN, or give --token-file or --client-id"
    )


def test_a_token_that_is_not_taken_is_one_sentence_and_never_shown(guarded: LocalStack, tmp_path: Path) -> None:
    ended = client(guarded.url, tmp_path, "worklist", variables={"DICOM_SERVICE_TOKEN": "not-a-token"})

    told = sentence(ended)
    assert told.startswith("the service does not take what it was shown (The token is not one that this service takes)")
    assert "not-a-token" not in told


def test_a_401_of_the_pacs_is_told_as_such(tmp_path: Path) -> None:
    problem = {"type": "about:blank", "title": "PACS Refused Credentials", "status": 401, "detail": "The PACS refused"}

    def answer(_: Asked) -> Answer:
        return Answer(401, json.dumps(problem).encode(), {"Content-Type": "application/problem+json"})

    with ScriptedPacs(by=answer) as service:
        assert sentence(client(service.url, tmp_path, "worklist")) == "The PACS refused"


def test_a_token_that_has_ended_is_replaced_by_the_one_that_is_in_the_file_by_now(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    shown = []

    def answer(asked: Asked) -> Answer:
        shown.append({name.lower(): value for name, value in asked.headers.items()}.get("authorization", ""))
        if shown[-1] == "Bearer old":
            file.write_text("new")
            return Answer(401, b"{}", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return Answer(200, b"[]", {"Content-Type": "application/json"})

    with ScriptedPacs(by=answer) as service:
        ended = client(service.url, tmp_path, "--token-file", file, "worklist")

    assert ended.returncode == 0, ended.stderr
    assert shown == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--client-id", "demo"], "--client-id needs --issuer"),
        (["--client-id", "demo", "--issuer", "http://127.0.0.1:1"], "--client-id needs --client-secret-file"),
        (["--token-file", "missing"], "the token file missing cannot be read (No such file or directory)"),
        (["--token-file", "t", "--client-id", "demo", "--issuer", "http://a.example"], "two ways to say who is asking"),
        (["--client-secret-file", ""], "must not be empty"),
        (["--issuer", "ftp://a"], "must be a URL"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(tmp_path: Path, arguments: list[str], told: str) -> None:
    assert told in sentence(client("http://127.0.0.1:1", tmp_path, *arguments, "worklist"))


@pytest.mark.parametrize(
    ("issuer", "told"),
    [
        ("http://issuer.example", "must be https"),
        ("http://127.0.0.1:1", "cannot be reached"),
    ],
)
def test_a_secret_goes_to_nobody_who_cannot_be_trusted(tmp_path: Path, issuer: str, told: str) -> None:
    variables = {"DICOM_SERVICE_CLIENT_SECRET": "s3cret", "DICOM_SERVICE_ISSUER": issuer}

    ended = client("http://127.0.0.1:1", tmp_path, "--client-id", "demo", "worklist", variables=variables)

    assert told in sentence(ended)
    assert "s3cret" not in ended.stderr


def test_credentials_that_the_issuer_refuses_are_told(
    guarded: LocalStack, provider: IdentityProvider, tmp_path: Path
) -> None:
    variables = {"DICOM_SERVICE_CLIENT_SECRET": "wrong", "DICOM_SERVICE_ISSUER": provider.issuer}

    ended = client(guarded.url, tmp_path, "--client-id", "demo", "worklist", variables=variables)

    assert sentence(ended) == f"{provider.issuer} gave no token: invalid_client"
