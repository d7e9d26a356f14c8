"""Standard Webhooks 1.0: the headers by which a subscriber knows an event again and knows whom it is from.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from dicom_service import settings
from dicom_service.errors import ConfigurationError


def webhook_headers(event_id: str, payload: bytes, own_secrets: Sequence[str], now: float) -> dict[str, str]:
    """`webhook-id`, the same for every try of an event, `webhook-timestamp` and `webhook-signature`.

    One signature for each secret: the subscriber's own, else those of CALLBACK_SIGNING_SECRET; none where there is no
    secret. `now` are seconds since 1970. Raises ConfigurationError for a secret that is no base64.
    """
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import EmptyWebhookSecretError

    moment = datetime.fromtimestamp(int(now), UTC)
    headers = {"webhook-id": event_id, "webhook-timestamp": str(int(now))}
    name = "CALLBACK_URLS: a secret" if own_secrets else "CALLBACK_SIGNING_SECRET"
    secrets = own_secrets or settings.secret("CALLBACK_SIGNING_SECRET").split()
    try:
        signatures = [Webhook(secret).sign(event_id, moment, payload.decode()) for secret in secrets]
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ConfigurationError(f"{name} is not whsec_ and base64") from error
    if signatures:
        headers["webhook-signature"] = " ".join(signatures)
    return headers
