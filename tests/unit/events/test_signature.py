"""Standard Webhooks headers, checked by the standard's own package and by its published example."""

import base64
import json
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from dicom_service.errors import ConfigurationError
from dicom_service.events.signature import webhook_headers

SECRETS = ["whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in range(3)]
PAYLOAD = '\ufeff{ "StudyInstanceUID":"1.2", "PatientName":"Zoë 山田" }\r\n'.encode()


def test_each_secret_alone_verifies_while_they_are_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", f"{SECRETS[0]}  {SECRETS[1]}")
    headers = webhook_headers("e1", PAYLOAD, (), time.time())
    for secret in SECRETS[:2]:
        Webhook(secret).verify(PAYLOAD, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS[2]).verify(PAYLOAD, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS[0]).verify(PAYLOAD + b" ", headers, json_parse=False)


def test_the_example_of_the_standards_libraries() -> None:
    payload = json.dumps({"test": 2432232314}).encode()
    headers = webhook_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", payload, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], 1614265330.9
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_subscribers_own_secret_takes_the_place_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", SECRETS[0])
    headers = webhook_headers("e1", PAYLOAD, [SECRETS[1]], time.time())
    Webhook(SECRETS[1]).verify(PAYLOAD, headers, json_parse=False)
    assert len(headers["webhook-signature"].split()) == 1


def test_without_a_secret_there_is_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLBACK_SIGNING_SECRET", raising=False)
    assert set(webhook_headers("e1", PAYLOAD, (), 0)) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_",
        "whsec_x",
        "whsec_ä",
        "my-secret",
        "mysecret",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        SECRETS[2].rstrip("="),
        SECRETS[2].replace("C", "-"),
        SECRETS[2][:20] + "!" + SECRETS[2][20:],
        SECRETS[2] + "=",
        "v1," + SECRETS[2],
        "whsk_" + SECRETS[2].removeprefix("whsec_"),
        "whsec_" + SECRETS[2],
    ],
)
def test_a_secret_that_is_no_base64_or_too_short_is_named_and_signs_nothing(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """The standard asks for 24 bytes; what lenient decoders make of the others differs from one to the next."""
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", f"{SECRETS[0]} {secret}")
    expected = "CALLBACK_SIGNING_SECRET: secret 2 is not whsec_ and the base64 of at least 24 bytes"
    with pytest.raises(ConfigurationError) as error:
        webhook_headers("e1", PAYLOAD, (), 0)
    assert error.value.detail == expected
    with pytest.raises(ConfigurationError, match=r"^CALLBACK_URLS: secret 1 of an entry is not"):
        webhook_headers("e1", PAYLOAD, [secret], 0)


@pytest.mark.parametrize("key", [bytes(24), bytes(range(64)), bytes(100)])
@pytest.mark.parametrize("prefix", ["whsec_", ""])
def test_secrets_with_and_without_their_prefix(key: bytes, prefix: str) -> None:
    secret = prefix + base64.b64encode(key).decode()
    Webhook(secret).verify(PAYLOAD, webhook_headers("e1", PAYLOAD, [secret], time.time()), json_parse=False)
