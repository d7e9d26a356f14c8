"""The settings of new-exam events and their delivery."""

from dicom_service import settings
from dicom_service.configuration.checks import subscribers_and_flag
from dicom_service.configuration.setting import Setting, choice, whole_number
from dicom_service.events import address, numbering, outbox, share, signature

SENDERS = frozenset({"fan_out_exam_event", "deliver_exam_event", "redeliver_exam_event", "redeliver_exam_events"})
DELIVERY = frozenset({"deliver_exam_event"})
CALLBACK = frozenset({"receive_exam_event"})

OF_EVENTS = (
    Setting(
        "CALLBACK_URLS",
        "URLs, separated by commas",
        "where new-exam events are delivered to, with options behind a `#`",
        SENDERS,
        subscribers_and_flag,
        secret=True,
    ),
    Setting(
        "CALLBACK_SECRET",
        "text",
        "what the PACS must present at the callback, as `Authorization` or as the query parameter `secret`; `none`, in "
        "this word, lets everybody call it",
        CALLBACK,
        lambda: settings.required("CALLBACK_SECRET") and settings.secret("CALLBACK_SECRET"),
        secret=True,
        required=True,
        pattern=".+",
    ),
    Setting(
        "CALLBACK_SIGNING_SECRET",
        "`whsec_` and base64 of at least 24 bytes; several separated by spaces",
        "Standard Webhooks secrets; without one deliveries are not signed",
        DELIVERY,
        lambda: signature.parse_signing_secrets(settings.secret("CALLBACK_SIGNING_SECRET")),
        secret=True,
    ),
    choice(
        "CALLBACK_ALLOW_INSECURE",
        "lets subscribers be http and on private addresses",
        SENDERS,
        ("true", "false"),
        "false",
    ),
    Setting(
        "CALLBACK_ALLOWED_NETWORKS",
        "networks such as `10.20.0.0/16`, separated by commas",
        "private networks that subscribers may be in",
        DELIVERY,
        address.allowed_networks,
        pattern="[0-9A-Fa-f:./, ]*",
    ),
    whole_number(
        "CALLBACK_CONCURRENCY",
        "deliveries to one subscriber at a time",
        DELIVERY,
        share.PLACES,
        share.LIMITS,
        share.places,
    ),
    whole_number(
        "CALLBACK_DEDUPE_SECONDS",
        "how long an identical payload is the same event",
        CALLBACK,
        outbox.DEDUPE_SECONDS,
        (0, outbox.MOST_DEDUPE_SECONDS),
        outbox.dedupe_seconds,
    ),
    whole_number(
        "EVENT_RETENTION_DAYS",
        "days for which new-exam events and their payloads are kept after they went out",
        frozenset({"publish_exam_event", "sweep_exam_events"}),
        numbering.RETENTION_DAYS,
        numbering.RETENTION_LIMITS,
        numbering.retention_days,
    ),
)
