"""Who gets the events: CALLBACK_URLS, a comma-separated list of URLs.

A URL may carry options in its fragment, which no HTTP client ever sends: `event` and `modality`, repeated for several,
deliver only such events; `secret`, repeated while it is rotated, signs in place of CALLBACK_SIGNING_SECRET.

    https://ris.example/hook,https://ai.example/in#event=COMPLETED&modality=CT&modality=MR&secret=whsec_...
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from dicom_service import settings
from dicom_service.errors import ConfigurationError

OPTIONS = ("event", "modality", "secret")


@dataclass(frozen=True)
class Subscriber:
    """A URL of CALLBACK_URLS and its options.

    `key` stands for the URL in queues and tables, so that the credentials in it stay out of them; `shown` is the URL
    without user, password and query, for people and logs.
    """

    url: str
    events: frozenset[str]
    modalities: frozenset[str]
    secrets: tuple[str, ...]

    @property
    def key(self) -> str:
        return hashlib.sha256(self.url.encode()).hexdigest()[:32]

    @property
    def shown(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}" + ("?..." if parts.query else "")

    def wants(self, event_type: str, modalities: Collection[str]) -> bool:
        """Whether an event passes its filters; a study with several modalities passes by any of them."""
        return (not self.events or event_type in self.events) and (
            not self.modalities or not self.modalities.isdisjoint(modalities)
        )


def subscribers() -> dict[str, Subscriber]:
    """The subscribers by key, each URL once; CALLBACK_URLS may be the ARN of a secret that holds the list.

    Raises ConfigurationError that says which entry is wrong, and never what is in it.
    """
    entries = [entry.strip() for entry in settings.secret("CALLBACK_URLS").split(",")]
    insecure = settings.flag("CALLBACK_ALLOW_INSECURE")
    found = [_subscriber(number, entry, insecure) for number, entry in enumerate(entries, 1) if entry]
    return {subscriber.key: subscriber for subscriber in found}


def _subscriber(number: int, entry: str, insecure: bool) -> Subscriber:
    try:
        parts = urlsplit(entry)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"CALLBACK_URLS: entry {number} is not an http or https URL")
    if parts.scheme == "http" and not insecure:
        raise ConfigurationError(f"CALLBACK_URLS: entry {number} is not https")
    options = _options(number, parts)
    return Subscriber(
        url=parts._replace(fragment="").geturl(),
        events=frozenset(options["event"]),
        modalities=frozenset(options["modality"]),
        secrets=tuple(options["secret"]),
    )


def _options(number: int, parts: SplitResult) -> dict[str, list[str]]:
    """The options in a fragment. A plus sign is itself there: secrets are base64."""
    options: dict[str, list[str]] = {name: [] for name in OPTIONS}
    for pair in filter(None, parts.fragment.split("&")):
        name, _, value = pair.partition("=")
        if name not in options or not value:
            raise ConfigurationError(
                f"CALLBACK_URLS: entry {number} has an option that is none of {', '.join(OPTIONS)}"
            )
        options[name].append(unquote(value))
    return options
