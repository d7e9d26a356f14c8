"""The whole service before an authorization server that others wrote: tokens, rotation, opaque tokens, the client."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from dicom_service.access.tokens import issuers
from local.stack import LocalStack, Settings
from tests.command_line import client
from tests.security.authorization_server import AUDIENCE, Hospital, Registered, hospital

CLIENTS = (
    Registered("worker", "w0rker&secret", "exams:read uids:write patients:all"),
    Registered("patient-app", "s3cret", "patient/ImagingStudy.rs uids:write", "1CT1"),
    Registered("dicom service", "s:p ace", ""),
)


@dataclass(frozen=True)
class Ward:
    """The service and the hospital's authorization server, whose tokens it takes."""

    stack: LocalStack
    server: Hospital

    def token(self, client_id: str, scope: str = "", below: str = "") -> str:
        secret = self.server.clients[client_id].client_secret
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = requests.post(f"{self.server.issuer}{below}/token", data=form, auth=(client_id, secret), timeout=20)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def get(self, path: str, token: str) -> requests.Response:
        return requests.get(f"{self.stack.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=20)


@pytest.fixture(scope="module")
def ward() -> Iterator[Ward]:
    with hospital(*CLIENTS) as server:
        variables = {
            "JWT_ISSUER": server.issuer,
            "JWT_AUDIENCE": AUDIENCE,
            "TOKEN_INTROSPECTION_URL": f"{server.issuer}/introspect",
            "TOKEN_INTROSPECTION_CLIENT_ID": "dicom service",
            "TOKEN_INTROSPECTION_CLIENT_SECRET": "s:p ace",
        }
        with LocalStack(Settings(auth=True, variables=variables)) as stack:
            yield Ward(stack, server)


def test_its_tokens_are_taken_with_their_scopes(ward: Ward) -> None:
    every, little = ward.token("worker"), ward.token("worker", "exams:read")

    assert ward.get("/uid", every).status_code == 200
    assert ward.get("/uid", little).status_code == 403
    assert ward.get("/exams/studies?PatientId=1CT1", every).json() == []


def test_a_patient_is_bound_by_the_tokens_claim(ward: Ward) -> None:
    token = ward.token("patient-app", "patient/ImagingStudy.rs")

    assert ward.get("/exams/studies?PatientId=1CT1", token).status_code == 200
    assert ward.get("/exams/studies?PatientId=OTHER", token).json() == []
    assert ward.get("/workitems", token).status_code == 403


def test_a_key_that_it_begins_to_sign_with_is_found(ward: Ward) -> None:
    before = ward.token("worker")
    assert ward.get("/uid", before).status_code == 200
    ward.server.rotate("ES256")
    after = ward.token("worker")

    deadline = time.monotonic() + issuers.ASK_AGAIN_SECONDS + 5
    while ward.get("/uid", after).status_code == 401 and time.monotonic() < deadline:
        time.sleep(1)
        after = ward.token("worker")  # another text: an answer is remembered for a minute

    assert ward.get("/uid", after).status_code == 200


def test_its_opaque_tokens_are_asked_about(ward: Ward) -> None:
    every, bound = ward.token("worker", below="/opaque"), ward.token("patient-app", below="/opaque")
    revoked = ward.token("worker", below="/opaque")
    del ward.server.given_out[revoked]

    assert ward.get("/uid", every).status_code == 200
    assert ward.get("/exams/studies?PatientId=OTHER", bound).json() == []
    assert ward.get("/uid", revoked).status_code == 401


def test_the_client_fetches_its_tokens_there(ward: Ward, tmp_path: Path) -> None:
    variables = {"DICOM_SERVICE_CLIENT_SECRET": "w0rker&secret", "DICOM_SERVICE_ISSUER": ward.server.issuer}

    ended = client(ward.stack.url, tmp_path, "--client-id", "worker", "worklist", variables=variables)

    assert ended.returncode == 2
    assert "lacks the scope workitems:read" in ended.stderr
