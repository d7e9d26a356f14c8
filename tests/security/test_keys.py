"""API keys: made, listed, revoked; what is kept of them, and what the command makes."""

import hashlib
import json
import os
import time
from typing import Any

import pytest

from dicom_service.access import keys
from dicom_service.access.authorizer import authorize
from dicom_service.access.caller import Caller
from dicom_service.access.scopes import ALL_SCOPES
from local import api_key
from local.aws import Aws
from tests.conftest import Invoke
from tests.logs import rendered


def make(invoke: Invoke, **body: Any) -> tuple[int, dict[str, Any]]:
    caller = body.pop("caller", Caller("tester", "key", frozenset(ALL_SCOPES)))
    answer = invoke("create_api_key", "POST", "/api-keys", body=body, caller=caller)
    return answer["statusCode"], json.loads(answer["body"])


def context(text: str) -> dict[str, str]:
    found: dict[str, str] = authorize(f"Bearer {text}")["context"]
    return found


def rows(aws: Aws) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.client("dynamodb").scan(TableName=os.environ["API_KEYS_TABLE"])["Items"]
    return found


def test_a_key_says_who_calls(aws: Aws, invoke: Invoke) -> None:
    status, made = make(
        invoke, name="app", scopes=["exams:read"], patientId="P1", expiresAt="2099-01-01T00:00:00+01:00"
    )

    assert status == 201
    assert (made["patientId"], made["expiresAt"], made["createdBy"]) == ("P1", "2098-12-31T23:00:00Z", "tester")
    assert context(made["key"]) == {
        "version": "1",
        "subject": f"key:{made['keyId']}",
        "kind": "key",
        "scopes": "exams:read",
        "patientId": "P1",
        "studyUid": "",
        "issuer": "",
        "name": "app",
        "endsAt": "4070905200.0",
    }


def test_only_the_hash_is_kept(aws: Aws, invoke: Invoke) -> None:
    _, made = make(invoke, name="app", scopes=["exams:read"])

    (row,) = rows(aws)
    assert row["hash"]["S"] == hashlib.sha256(made["key"].encode()).hexdigest()
    assert made["key"].split("_", 2)[2] not in json.dumps(row)


def test_keys_are_listed_without_secrets_and_say_when_they_were_used(aws: Aws, invoke: Invoke) -> None:
    _, made = make(invoke, name="first", scopes=["exams:read"])
    context(made["key"])

    listed = json.loads(invoke("list_api_keys", path="/api-keys")["body"])["keys"]

    assert [key["name"] for key in listed] == ["first"]
    assert "key" not in listed[0]
    assert listed[0]["lastUsedAt"] is not None


def test_a_revoked_key_is_unknown_and_stays_revoked(aws: Aws, invoke: Invoke) -> None:
    _, made = make(invoke, name="app", scopes=["exams:read"])
    path = f"/api-keys/{made['keyId']}"

    first = invoke("revoke_api_key", "DELETE", path)
    at = rows(aws)[0]["revokedAt"]
    second = invoke("revoke_api_key", "DELETE", path)

    assert (first["statusCode"], second["statusCode"]) == (204, 204)
    assert rows(aws)[0]["revokedAt"] == at != {"N": "0"}
    assert context(made["key"]) == {"version": "1", "refused": "unknown"}
    assert invoke("revoke_api_key", "DELETE", f"/api-keys/{'0' * 16}")["statusCode"] == 404


def test_a_key_ends_when_it_says(aws: Aws) -> None:
    key, text = keys.create_key("app", frozenset({"exams:read"}), "", "tester", int(time.time()) + 100)

    assert keys.caller_with_key(text, lambda: key.expires_at - 1.0).ends_at == key.expires_at
    with pytest.raises(keys.CallerUnknown, match="expired"):
        keys.caller_with_key(text, lambda: float(key.expires_at))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["exams:delete"]}, "scopes.0"),
        ({"scopes": ["events:read"], "patientId": "P1"}, "scopes"),
        ({"scopes": ["keys:write"], "patientId": "P1"}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"patientId": ""}, "patientId"),
        ({"patientId": " P1"}, "patientId"),
        ({"patientId": "P*"}, "patientId"),
        ({"patientId": "P" * 65}, "patientId"),
        ({"expiresAt": "2020-01-01"}, "expiresAt"),
        ({"expiresAt": 0}, "expiresAt"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"PatientID": "P1"}, "PatientID"),
    ],
)
def test_a_key_that_cannot_be_is_a_400_that_names_the_field(
    aws: Aws, invoke: Invoke, change: dict[str, Any], field: str
) -> None:
    status, problem = make(invoke, **{"name": "app", "scopes": ["exams:read"], **change})

    assert status == 400
    assert field in [error["field"] for error in problem["errors"]]
    assert rows(aws) == []


@pytest.mark.parametrize(
    ("held", "wanted", "patient"),
    [
        ({"keys:write"}, "exams:read", None),
        ({"keys:write", "exams:read"}, "patients:all", None),
        ({"keys:write", "exams:read"}, "exams:read", "P1"),
    ],
)
def test_nobody_gives_away_what_they_do_not_have(
    aws: Aws, invoke: Invoke, held: set[str], wanted: str, patient: str | None
) -> None:
    caller = Caller("tester", "key", frozenset(held))

    status, problem = make(invoke, name="app", scopes=[wanted], patientId=patient, caller=caller)

    assert status == 403
    assert "cannot give it away" in problem["detail"]
    assert rows(aws) == []


def test_a_key_is_in_no_log(aws: Aws, invoke: Invoke, caplog: pytest.LogCaptureFixture) -> None:
    _, made = make(invoke, name="app", scopes=["exams:read"], patientId="P1")
    context(made["key"])
    context(made["key"] + "x")

    assert made["key"].split("_", 2)[2] not in rendered(caplog)
    assert "P1" not in rendered(caplog)


def test_a_table_that_fails_is_a_503_for_the_caller(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = keys.create_key("app", frozenset({"exams:read"}), "", "tester")
    monkeypatch.setenv("API_KEYS_TABLE", "gone")

    assert context(text) == {"version": "1", "refused": "unavailable"}


def test_the_command_makes_lists_and_revokes_keys(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    where = ["--aws", aws.url]

    assert api_key.main([*where, "create", "operations", "all"]) == 0
    text, about, *_ = capsys.readouterr().out.splitlines()
    assert context(text)["scopes"] == " ".join(sorted(ALL_SCOPES))
    assert api_key.main([*where, "create", "app", "all", "--patient", "P1", "--expires", "2099-01-01"]) == 0
    bound = context(capsys.readouterr().out.split()[0])
    assert (bound["patientId"], "patients:all" in bound["scopes"], "events:read" in bound["scopes"]) == (
        "P1",
        False,
        False,
    )
    assert api_key.main([*where, "list"]) == 0
    listed = capsys.readouterr().out
    assert "operations" in listed
    assert "until 2099-01-01" in listed
    assert api_key.main([*where, "revoke", about.split()[0]]) == 0
    assert context(text) == {"version": "1", "refused": "unknown"}
    assert api_key.main([*where, "revoke", "0" * 16]) == 1
    assert "There is no such API key" in capsys.readouterr().err
    assert api_key.main([*where, "create", "app", "events:read", "--patient", "P1"]) == 1
    assert api_key.main([*where, "--stack", "another", "list"]) == 1
