"""Issuers that are slow, redirect, answer too much or nonsense, and those behind a private authority."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from dicom_service.access import authorizer
from dicom_service.access.tokens import in_time, issuers
from tests.certificates import Authority, secured
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.security.issuer import AUDIENCE, RSA_KEY, rsa_jwk

DISCOVERY = "/.well-known/openid-configuration"


class Published:
    """What an issuer at `url` answers, which a test may change by path."""

    def __init__(self) -> None:
        self.server = ScriptedPacs(by=self.answer)
        self.instead: dict[str, Answer] = {}

    def answer(self, asked: Asked) -> Answer:
        url = self.server.url
        usual = {
            DISCOVERY: {"issuer": url, "jwks_uri": f"{url}/jwks"},
            "/jwks": {"keys": [rsa_jwk(RSA_KEY, "one")]},
            "/introspect": {"active": True, "sub": "opaque tester", "scope": "exams:read"},
        }
        if asked.path in self.instead:
            return self.instead[asked.path]
        return Answer(body=json.dumps(usual[asked.path]).encode()) if asked.path in usual else Answer(404)

    def token(self) -> str:
        claims = {"iss": self.server.url, "sub": "tester", "aud": AUDIENCE, "exp": int(time.time()) + 60}
        return jwt.encode(claims, RSA_KEY, "RS256", {"kid": "one"})


@pytest.fixture
def published(unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Published:
    monkeypatch.setenv("JWT_AUDIENCE", AUDIENCE)
    for remembered in ("_kept", "_failed"):
        monkeypatch.setattr(issuers, remembered, {})
    return Published()


@pytest.fixture
def plain(published: Published, monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    monkeypatch.setenv("JWT_ISSUER", published.server.url)
    with published.server:
        yield published


def found(token: str) -> dict[str, str]:
    context: dict[str, str] = authorizer.authorize(f"Bearer {token}")["context"]
    return context


@pytest.mark.parametrize(
    "answer",
    [
        Answer(302, headers={"Location": "/elsewhere"}),
        Answer(body=b'{"keys": [' + b" " * 512 * 1024 + b"]}"),
        Answer(body=b"<html>Log in</html>"),
        Answer(body=b"[]"),
        Answer(body=b"[" * 100_000),
        Answer(reset=True),
        Answer(body=b'{"keys": []}', cut=4),
    ],
    ids=["a redirect", "too large", "a login page", "no object", "too deep", "nothing", "cut off"],
)
@pytest.mark.parametrize("path", [DISCOVERY, "/jwks"])
def test_what_is_no_answer_says_nothing_about_the_token(plain: Published, path: str, answer: Answer) -> None:
    plain.instead[path] = answer

    assert found(plain.token()).get("refused") == "unavailable"
    assert "/elsewhere" not in [asked.path for asked in plain.server.asked]


def test_an_issuer_that_hangs_costs_no_more_than_the_authorizer_has(
    plain: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_time, "SECONDS", 0.3)
    plain.instead[DISCOVERY] = Answer(404, delay=2)
    begun = time.monotonic()

    assert found(plain.token()).get("refused") == "unavailable"
    assert time.monotonic() - begun < 1.5


def test_one_that_failed_is_not_waited_for_by_everybody(plain: Published) -> None:
    plain.instead[DISCOVERY] = Answer(500)
    for _ in range(5):
        assert found(plain.token()).get("refused") == "unavailable"
    asked = len(plain.server.asked)
    del plain.instead[DISCOVERY]

    assert asked == 1
    assert issuers.signing_key(plain.server.url, "one", lambda: time.monotonic() + issuers.FAILED_SECONDS)


class TestBehindAPrivateAuthority:
    @pytest.fixture
    def authority(self) -> Authority:
        return Authority("The hospital's own")

    def test_its_tokens_are_taken_with_the_bundle_and_not_without(
        self, published: Published, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with secured(published.server, tmp_path, authority.signed("issuer")) as url:
            monkeypatch.setenv("JWT_ISSUER", url)
            monkeypatch.setenv("TOKEN_INTROSPECTION_URL", f"{url}/introspect")
            assert {found(token).get("refused") for token in (published.token(), "opaque")} == {"unavailable"}
            issuers._failed.clear()
            monkeypatch.setenv("JWT_CA_BUNDLE", Authority("Another").pem)
            assert {found(token).get("refused") for token in (published.token(), "opaque")} == {"unavailable"}
            issuers._failed.clear()
            monkeypatch.setenv("JWT_CA_BUNDLE", authority.pem)

            assert [found(token).get("subject") for token in (published.token(), "opaque")] == [
                "tester",
                "opaque tester",
            ]
