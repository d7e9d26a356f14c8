"""What the authorizer makes of each token, and what it asks an issuer for."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dicom_service.access.authorizer import authorize
from dicom_service.access.caller import caller_of
from dicom_service.access.tokens import issuers
from dicom_service.errors import CallerUnknown, StoreUnavailable
from tests.security.issuer import EC_KEY, RSA_KEY, Issuer, ec_jwk, rsa_jwk

SMALL_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def context(token: str) -> dict[str, str]:
    answer = authorize(f"Bearer {token}")
    assert answer["isAuthorized"] is True
    found: dict[str, str] = answer["context"]
    return found


def refused(token: str) -> str:
    return context(token).get("refused", "")


def test_a_token_says_who_calls(issuer: Issuer) -> None:
    now = int(time.time())

    found = context(issuer.token(sub="anna", name="Anna B", scope="exams:read uids:write nonsense", exp=now + 100))

    assert found == {
        "version": "1",
        "subject": "anna",
        "kind": "token",
        "scopes": "exams:read uids:write",
        "patientId": "",
        "studyUid": "",
        "issuer": issuer.url,
        "name": "Anna B",
        "endsAt": f"{now + 160}.0",
    }


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_rsa_signatures_are_verified(issuer: Issuer, algorithm: str) -> None:
    assert context(issuer.token(RSA_KEY, algorithm))["subject"] == "tester"


@pytest.mark.parametrize(
    ("curve", "algorithm"), [(ec.SECP256R1, "ES256"), (ec.SECP384R1, "ES384"), (ec.SECP521R1, "ES512")]
)
def test_elliptic_curves_are_verified(issuer: Issuer, curve: type[ec.EllipticCurve], algorithm: str) -> None:
    key = ec.generate_private_key(curve())
    issuer.keys = [ec_jwk(key, "new")]

    assert context(issuer.token(key, algorithm, "new"))["subject"] == "tester"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
@pytest.mark.parametrize(
    ("kid", "jwk"),
    [
        ("small", rsa_jwk(SMALL_RSA_KEY, "small")),
        ("koblitz", {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "koblitz"}),
        ("secret", {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "secret", "alg": "HS256"}),
        ("encryption", rsa_jwk(RSA_KEY, "encryption") | {"use": "enc"}),
        ("other", rsa_jwk(RSA_KEY, "other", alg="RSA-OAEP")),
        ("broken", {"kty": "RSA", "n": 1, "e": None, "kid": "broken"}),
    ],
)
def test_a_published_key_that_is_not_for_signatures_is_not_used(issuer: Issuer, kid: str, jwk: dict[str, Any]) -> None:
    issuer.keys = [jwk, rsa_jwk(RSA_KEY, "one"), "nonsense"]  # type: ignore[list-item]
    signer = SMALL_RSA_KEY if kid == "small" else RSA_KEY

    assert refused(issuer.token(signer, kid=kid)) == "unknown"
    assert context(issuer.token())["subject"] == "tester"


def test_a_key_may_be_used_with_its_own_algorithm_alone(issuer: Issuer) -> None:
    issuer.keys = [rsa_jwk(RSA_KEY, "one", alg="PS256")]

    assert refused(issuer.token(RSA_KEY, "RS256")) == "unknown"
    assert context(issuer.token(RSA_KEY, "PS256"))["subject"] == "tester"


@pytest.mark.parametrize(("seconds", "word"), [(-59, ""), (-61, "expired")])
def test_clocks_may_differ_by_a_minute_at_the_end(issuer: Issuer, seconds: int, word: str) -> None:
    now = int(time.time())
    found = context(issuer.token(exp=now + seconds))

    assert found.get("refused", "") == word
    if not word:
        assert caller_of({"requestContext": {"authorizer": {"lambda": found}}}, now).subject == "tester"


@pytest.mark.parametrize(("seconds", "word"), [(50, ""), (70, "early")])
def test_clocks_may_differ_by_a_minute_at_the_beginning(issuer: Issuer, seconds: int, word: str) -> None:
    assert refused(issuer.token(nbf=int(time.time()) + seconds)) == word


def test_keys_are_fetched_once_and_a_rotation_is_found(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "ASK_AGAIN_SECONDS", 0.2)
    for _ in range(3):
        assert context(issuer.token())["subject"] == "tester"
    first = list(issuer.asked)
    issuer.keys = [ec_jwk(EC_KEY, "two")]
    time.sleep(0.3)

    rotated = context(issuer.token(EC_KEY, "ES256", "two"))

    assert first == ["/.well-known/openid-configuration", "/jwks"]
    assert rotated["subject"] == "tester"
    assert refused(issuer.token()) == "unknown"


def test_made_up_key_ids_do_not_make_us_ask_the_issuer(issuer: Issuer) -> None:
    context(issuer.token())
    asked = len(issuer.asked)

    assert {refused(issuer.token(kid=f"made up {number}")) for number in range(20)} == {"unknown"}
    assert len(issuer.asked) == asked


def test_keys_serve_on_while_the_issuer_is_down(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(issuers, "ASK_AGAIN_SECONDS", 0.0)
    context(issuer.token())
    issuer.down = True

    assert context(issuer.token())["subject"] == "tester"


def test_an_issuer_that_cannot_be_asked_is_a_503_and_no_401(issuer: Issuer) -> None:
    issuer.down = True

    found = context(issuer.token())

    assert found == {"version": "1", "refused": "unavailable"}
    with pytest.raises(StoreUnavailable):
        caller_of({"requestContext": {"authorizer": {"lambda": found}}}, 0)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://another.example"},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": ""},
        {"issuer": None},
    ],
)
def test_a_discovery_document_that_cannot_be_trusted_is_not(issuer: Issuer, discovery: dict[str, Any]) -> None:
    issuer.discovery = discovery

    assert refused(issuer.token()) == "unavailable"


@pytest.mark.parametrize(
    ("stated", "scopes"),
    [
        ({"scope": "exams:read  uids:write"}, "exams:read uids:write"),
        ({"scope": None, "scp": ["exams:read", 7, "uids:write"]}, "exams:read uids:write"),
        ({"scope": None, "scopes": "uids:write"}, "uids:write"),
        ({"scope": None}, ""),
        ({"scope": {"exams:read": True}}, ""),
        ({"scope": "patient/ImagingStudy.rs", "patient": "P1"}, "exams:read"),
        ({"scope": "patient/ImagingStudy.rs"}, ""),
        ({"scope": "patient/ImagingStudy.read", "patient": "P1"}, "exams:read"),
        ({"scope": "patient/ImagingStudy.r", "patient": "P1"}, ""),
        ({"scope": "patient/*.cruds", "patient": "P1"}, "exams:read exams:write workitems:read workitems:write"),
        ({"scope": "user/ServiceRequest.rs"}, "patients:all workitems:read"),
        ({"scope": "system/ImagingStudy.c"}, "exams:write patients:all"),
        ({"scope": "user/*.read"}, "exams:read patients:all workitems:read"),
        ({"scope": "user/ImagingStudy.rs?status=available"}, ""),
        ({"scope": "user/Patient.rs"}, ""),
        ({"scope": "user/ImagingStudy.sr"}, ""),
    ],
)
def test_scopes_are_found_where_issuers_put_them(issuer: Issuer, stated: dict[str, Any], scopes: str) -> None:
    assert context(issuer.token(**stated))["scopes"] == scopes


def test_scopes_of_another_name_are_translated(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPES", "dicom/read=exams:read workitems:read; https://x/y?z=1=uids:write;")
    monkeypatch.setenv("JWT_SCOPE_CLAIM", "permissions")

    found = context(issuer.token(scope="keys:write", permissions=["dicom/read", "https://x/y?z=1"]))

    assert found["scopes"] == "exams:read uids:write workitems:read"


@pytest.mark.parametrize(
    ("claims", "patient"),
    [
        ({"patient": "P1"}, "P1"),
        ({"patient_id": " P1 "}, "P1"),
        ({"patient": "P1", "patient_id": "P2"}, "P1"),
        ({"patient": ""}, None),
        ({"patient": " "}, None),
        ({"patient": None}, ""),
        ({"patient": 7}, None),
        ({"patient": ["P1"]}, None),
        ({"patient": "P" * 65}, None),
        ({"patient": "P\n1"}, None),
    ],
)
def test_the_patient_is_one_text_or_nobody_gets_in(issuer: Issuer, claims: dict[str, Any], patient: str | None) -> None:
    found = context(issuer.token(**claims))

    assert found.get("refused" if patient is None else "patientId") == ("bound" if patient is None else patient)


def test_a_patient_claim_of_null_binds_to_nobody(issuer: Issuer) -> None:
    import jwt

    token = jwt.encode({**issuer.claims(), "patient": None}, RSA_KEY, "RS256", {"kid": "one"})

    assert refused(token) == "bound"


def test_the_patient_may_be_in_another_claim(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_PATIENT_CLAIM", "https://example.org/patient")

    found = context(issuer.token(**{"https://example.org/patient": "P1", "patient": "P2"}))

    assert found["patientId"] == "P1"


@pytest.mark.parametrize("claims", [{"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "s" * 256}])
def test_a_token_of_nobody_lets_nobody_in(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert refused(issuer.token(**claims)) == "unknown"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "bearer a b", "Bearer " + "a" * 16_385, "Bearer ä", "Bearer a,Bearer b"],
)
def test_a_header_that_is_none_is_malformed(header: str) -> None:
    assert authorize(header)["context"] == {"version": "1", "refused": "malformed"}


def test_without_an_issuer_a_token_is_unknown_and_nobody_is_asked(unconfigured: None) -> None:
    assert refused("a.b.c") == "unknown"


class TestIntrospection:
    @pytest.fixture(autouse=True)
    def configured(self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOKEN_INTROSPECTION_URL", f"{issuer.url}/introspect")
        monkeypatch.setenv("TOKEN_INTROSPECTION_CLIENT_ID", "dicom service")
        monkeypatch.setenv("TOKEN_INTROSPECTION_CLIENT_SECRET", "s:cret")

    def test_an_opaque_token_is_asked_about(self, issuer: Issuer) -> None:
        import base64

        ends = int(time.time()) + 60
        issuer.active["opaque"] = {"active": True, "sub": "anna", "scope": "exams:read", "patient": "P1", "exp": ends}

        found = context("opaque")

        assert (found["subject"], found["scopes"], found["patientId"]) == ("anna", "exams:read", "P1")
        assert found["endsAt"] == f"{ends}.0"
        assert issuer.shown[-1] == "Basic " + base64.b64encode(b"dicom%20service:s%3Acret").decode()

    @pytest.mark.parametrize(
        ("answer", "word"),
        [
            ({"active": False}, "unknown"),
            ({"active": "true", "sub": "anna"}, "unknown"),
            ({"active": True}, "unknown"),
            ({"active": True, "sub": "anna", "aud": "another"}, "unknown"),
            ({"active": True, "sub": "anna", "aud": [["dicom-service"]]}, "unknown"),
            ({"active": True, "sub": "anna", "exp": 1}, "expired"),
            ({"active": True, "sub": "anna", "nbf": 99999999999}, "early"),
            ({"active": True, "sub": "anna", "patient": []}, "bound"),
        ],
    )
    def test_what_is_not_active_or_not_for_us_is_refused(
        self, issuer: Issuer, answer: dict[str, Any], word: str
    ) -> None:
        issuer.active["opaque"] = answer

        assert refused("opaque") == word

    def test_one_for_us_among_others_is_taken(self, issuer: Issuer) -> None:
        issuer.active["opaque"] = {"active": True, "client_id": "worker", "aud": ["another", "dicom-service"]}

        assert context("opaque")["subject"] == "worker"

    def test_a_jwt_of_a_known_issuer_is_verified_and_not_asked_about(self, issuer: Issuer) -> None:
        forged = issuer.token(EC_KEY, "ES256", "one")
        issuer.active[forged] = {"active": True, "sub": "forger"}

        assert refused(forged) == "unknown"

    def test_a_server_that_is_down_is_a_503(self, issuer: Issuer) -> None:
        issuer.down = True

        assert refused("opaque") == "unavailable"


@pytest.mark.parametrize(
    "version",
    [
        {},
        {"version": "2"},
        {"version": "1", "refused": "nonsense"},
        {"version": "1", "subject": "", "kind": "key"},
        {"patientId": None},
        {"patientId": 7},
        {"patientId": "  "},
        {"kind": "root"},
        {"endsAt": "never"},
        {"endsAt": "nan"},
        {"endsAt": "1"},
        {"scopes": None},
    ],
)
def test_a_context_that_is_not_understood_lets_nobody_in(issuer: Issuer, version: dict[str, Any]) -> None:
    good = context(issuer.token())
    assert caller_of({"requestContext": {"authorizer": {"lambda": good}}}, time.time()).subject == "tester"

    broken = {**good, **version} if version else {}
    with pytest.raises(CallerUnknown):
        caller_of({"requestContext": {"authorizer": {"lambda": broken}}}, time.time())
