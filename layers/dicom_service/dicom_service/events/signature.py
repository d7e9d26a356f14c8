"""Standard Webhooks 1.0: the headers by which a subscriber knows an event again and knows whom it is from.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from dicom_service import settings
from dicom_service.errors import ConfigurationError

PREFIX = "whsec_"
FEWEST_KEY_BYTES = 24
"""What the standard asks for at the least."""


def webhook_headers(event_id: str, payload: bytes, own_secrets: Sequence[str], now: float) -> dict[str, str]:
    """`webhook-id`, the same for every try of an event, `webhook-timestamp` and `webhook-signature`.

    One signature for each secret: the subscriber's own, else those of CALLBACK_SIGNING_SECRET; none where there is no
    secret. `now` are seconds since 1970. Raises ConfigurationError for a secret that `check_secret` refuses.
    """
    from standardwebhooks import Webhook

    moment = datetime.fromtimestamp(int(now), UTC)
    headers = {"webhook-id": event_id, "webhook-timestamp": str(int(now))}
    for number, secret in enumerate(own_secrets, 1):
        check_secret(f"CALLBACK_URLS: secret {number} of an entry", secret)
    secrets = own_secrets or parse_signing_secrets(settings.secret("CALLBACK_SIGNING_SECRET"))
    signatures = [Webhook(secret).sign(event_id, moment, payload.decode()) for secret in secrets]
    if signatures:
        headers["webhook-signature"] = " ".join(signatures)
    return headers


def parse_signing_secrets(secrets: str) -> list[str]:
    """Those of CALLBACK_SIGNING_SECRET, with spaces between; raises ConfigurationError as `check_secret` does."""
    parsed = secrets.split()
    for number, secret in enumerate(parsed, 1):
        check_secret(f"CALLBACK_SIGNING_SECRET: secret {number}", secret)
    return parsed


def check_secret(name: str, secret: str) -> None:
    """Raises ConfigurationError, which begins with `name`, unless the secret is base64 of 24 bytes or more.

    `whsec_` may stand before it. Lenient decoders pass over characters that are not of the alphabet, each in its own
    way: a secret such as `my-secret` would sign with one key here and be verified with another one there.
    """
    try:
        key = binascii.a2b_base64(secret.removeprefix(PREFIX), strict_mode=True)
    except ValueError:
        key = b""
    if len(key) < FEWEST_KEY_BYTES:
        raise ConfigurationError(f"{name} is not {PREFIX} and the base64 of at least {FEWEST_KEY_BYTES} bytes")
