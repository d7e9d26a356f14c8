"""Every route of the OpenAPI document, tried by everybody who may not have it."""

import re
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.security.conftest import OTHER, OWN, Guarded
from tests.security.issuer import EC_KEY, OTHER_RSA_KEY, RSA_KEY, Issuer
from tests.security.routes import EVERYTHING_BUT, GUARDED, ROUTES, Documented

ALL = " ".join(EVERYTHING_BUT)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
OPEN = {
    "POST /new-exam-callback",
    "GET /documentation",
    "GET /documentation/json",
    "GET /documentation/{asset}",
    "GET /-/healthz",
}

ABOUT_SOMETHING = [route for route in GUARDED if route.operation.get("parameters")]
"""Routes that are told what they are asked for."""


def signed_with_the_public_key(issuer: Issuer) -> str:
    """HS256 whose secret is the public key: the oldest confusion of algorithms."""
    import base64
    import hashlib
    import hmac
    import json

    def part(content: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")

    unsigned = part({"alg": "HS256", "typ": "JWT", "kid": "one"}) + b"." + part(issuer.claims(scope=ALL))
    signature = base64.urlsafe_b64encode(hmac.digest(PUBLIC_PEM, unsigned, hashlib.sha256)).rstrip(b"=")
    return (unsigned + b"." + signature).decode()


def unsigned(issuer: Issuer) -> str:
    token = issuer.token(None, "none", scope=ALL)
    assert token.endswith(".")
    return token


def wrong_tokens(guarded: Guarded) -> dict[str, str]:
    issuer, now = guarded.issuer, int(time.time())
    revoked = guarded.send(
        "POST", "/api-keys", guarded.stack.keys["all"], json={"name": "gone", "scopes": EVERYTHING_BUT}
    ).json()
    ended = guarded.send("DELETE", f"/api-keys/{revoked['keyId']}", guarded.stack.keys["all"])
    assert ended.status_code == 204
    key = guarded.stack.keys["all"]
    return {
        "malformed": "not.a.token",
        "two words": "a b",
        "alg none": unsigned(issuer),
        "HS256 by the public key": signed_with_the_public_key(issuer),
        "another's key": issuer.token(OTHER_RSA_KEY, scope=ALL),
        "RS256 under a curve's name": issuer.token(kid="ec", scope=ALL),
        "a curve under RSA's name": issuer.token(EC_KEY, "ES256", "one", scope=ALL),
        "expired": issuer.token(exp=now - 120, scope=ALL),
        "not yet valid": issuer.token(nbf=now + 120, scope=ALL),
        "without an end": issuer.token(exp=None, scope=ALL),
        "another audience": issuer.token(aud="another-service", scope=ALL),
        "no audience": issuer.token(aud=None, scope=ALL),
        "another issuer": issuer.token(iss="https://issuer.example", scope=ALL),
        "a patient that is a list": issuer.token(patient=[OWN], scope=ALL),
        "a revoked key": revoked["key"],
        "a key's ID with another secret": key[:-4] + ("AAAA" if not key.endswith("AAAA") else "BBBB"),
        "a key that never was": f"dsk_{'0' * 16}_{'A' * 43}",
    }


@pytest.fixture(scope="module")
def wrong(guarded: Guarded) -> dict[str, str]:
    return wrong_tokens(guarded)


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_nobody_gets_in_who_is_not_known(guarded: Guarded, wrong: dict[str, str], route: Documented) -> None:
    without = guarded.send(route.method, route.target(), **route.body())
    answers = {name: guarded.send(route.method, route.target(), token, **route.body()) for name, token in wrong.items()}

    assert (without.status_code, without.json()) == (401, {"message": "Unauthorized"})
    for name, answer in answers.items():
        assert answer.status_code == 401, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.headers["www-authenticate"] == 'Bearer realm="dicom-service", error="invalid_token"', name
        assert set(answer.json()) == {"type", "title", "status", "detail"}, name


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_a_caller_without_the_scope_is_told_which(guarded: Guarded, route: Documented) -> None:
    for scope in route.scopes:
        others = " ".join(each for each in EVERYTHING_BUT if each != scope)
        answer = guarded.send(route.method, route.target(), guarded.issuer.token(scope=others), **route.body())

        assert answer.status_code == 403, answer.text
        assert answer.headers["www-authenticate"].endswith(f'error="insufficient_scope", scope="{scope}"')
        assert scope in answer.json()["detail"]


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_a_caller_with_the_scopes_gets_past_the_door(guarded: Guarded, route: Documented) -> None:
    token = guarded.issuer.token(scope=" ".join([*route.scopes, "patients:all"]))
    body = {"json": {"name": "x", "scopes": ["keys:write"]}} if route.name == "POST /api-keys" else route.body()

    answer = guarded.send(route.method, route.target(), token, **body)

    assert answer.status_code not in (401, 403), answer.text
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_a_caller_who_is_bound_gets_an_answer_or_is_told_no(guarded: Guarded, route: Documented) -> None:
    """No route forgets to ask whose what it shows is: its answer would be withheld, a 500."""
    token = guarded.bound_to(OWN, ALL)
    closed = not route.scopes or route.scopes[0] in ("events:read", "events:write", "keys:write", "audit:read")

    answer = guarded.send(route.method, route.target(patientid=OWN), token, **route.body())

    assert answer.status_code < 500, answer.text
    assert (answer.status_code == 403) is closed, answer.text


@pytest.mark.parametrize("route", ABOUT_SOMETHING, ids=lambda route: route.name)
def test_another_patients_is_as_unknown_as_what_does_not_exist(
    guarded: Guarded, route: Documented, capsys: pytest.CaptureFixture[str]
) -> None:
    token = guarded.bound_to(OWN, ALL)
    study, series, instance = guarded.studies[OTHER]
    there = {"studyuid": study, "seriesuid": series, "instanceuid": instance, "studyinstanceuid": study}
    not_there = {name: f"{value[:50]}.99999" for name, value in there.items()}

    for asked in ({}, {"patientid": OTHER}, {"patientid": OWN}):
        foreign, unknown = (
            guarded.send(route.method, route.target(**uids, **asked), token, **route.body())
            for uids in (there, not_there)
        )

        assert (foreign.status_code, foreign.text) == (unknown.status_code, unknown.text)
        assert f"SECRET^{OTHER}" not in foreign.text + str(foreign.headers)
        assert OTHER not in foreign.text + str(foreign.headers)

    logged = capsys.readouterr()
    assert route.name in logged.out
    assert not {OWN, OTHER, study, instance} & set(re.split(r"[^A-Za-z0-9.]+", logged.out + logged.err))


def test_the_routes_that_are_open_are_these() -> None:
    assert {route.name for route in ROUTES if route.is_open} == OPEN
    assert len(GUARDED) + len(OPEN) == len(ROUTES)
