"""Who gets the events: CALLBACK_URLS, a comma-separated list of URLs.

A URL may carry options in its fragment, which no HTTP client ever sends: `event` and `modality`, repeated for several,
deliver only such events; `secret`, repeated while it is rotated, signs in place of CALLBACK_SIGNING_SECRET.

    https://ris.example/hook,https://ai.example/in#event=COMPLETED&modality=CT&modality=MR&secret=whsec_...
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from dicom_service import settings
from dicom_service.errors import ConfigurationError
from dicom_service.events.address import AddressRefused, ascii_host
from dicom_service.events.signature import check_secret

OPTIONS = ("event", "modality", "secret")

NO_URL_HAS = re.compile(r'[\s;"<>\\^`{|}]')
"""RFC 3986 section 2, and the semicolon: a URL may have it, but a list that is joined by it looks like one URL."""

SECOND_URL = re.compile(r"(?<!=)https?://", re.IGNORECASE)
"""A URL in a URL. Only a parameter of the query may hold one."""


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
    """The subscribers of CALLBACK_URLS by key; it may be the ARN of a secret that holds the list.

    Raises what `parse_subscribers` does.
    """
    return parse_subscribers(settings.secret("CALLBACK_URLS"), insecure=settings.flag("CALLBACK_ALLOW_INSECURE"))


def parse_subscribers(urls: str, *, insecure: bool) -> dict[str, Subscriber]:
    """The subscribers of such a list by key, each URL once; only `insecure` lets them be http.

    Raises ConfigurationError that says which entry is wrong, and never what is in it.
    """
    by_key: dict[str, Subscriber] = {}
    for number, entry in enumerate(map(str.strip, urls.split(",")), 1):
        if not entry:
            continue
        subscriber = _subscriber(f"CALLBACK_URLS: entry {number}", entry, insecure)
        if by_key.setdefault(subscriber.key, subscriber) != subscriber:
            raise ConfigurationError(f"CALLBACK_URLS: entry {number} repeats a URL with other options")
    return by_key


def _subscriber(name: str, entry: str, insecure: bool) -> Subscriber:
    parts = _parts(name, entry)
    if parts.scheme == "http" and not insecure:
        raise ConfigurationError(f"{name} is not https")
    options = _options(name, parts)
    for number, secret in enumerate(options["secret"], 1):
        check_secret(f"{name}: secret {number}", secret)
    return Subscriber(
        url=parts._replace(fragment="").geturl(),
        events=frozenset(options["event"]),
        modalities=frozenset(options["modality"]),
        secrets=tuple(options["secret"]),
    )


def _parts(name: str, entry: str) -> SplitResult:
    """The URL of an entry; the whole text is looked at first, because parsing drops line breaks in it."""
    if NO_URL_HAS.search(entry) or not entry.isprintable():
        raise ConfigurationError(
            f"{name} has a space, a line break, ';' or another character that no URL has: commas separate the URLs"
        )
    if SECOND_URL.search(entry, 1):
        raise ConfigurationError(f"{name} has a second URL in it: commas separate the URLs")
    try:
        parts = urlsplit(entry)
        valid = parts.scheme in ("http", "https") and bool(ascii_host(parts.hostname or "")) and parts.port != 0
    except (ValueError, AddressRefused):
        valid = False
    if not valid:
        raise ConfigurationError(f"{name} is not an http or https URL")
    return parts


def _options(name: str, parts: SplitResult) -> dict[str, list[str]]:
    """The options in a fragment. A plus sign is itself there: secrets are base64."""
    options: dict[str, list[str]] = {name: [] for name in OPTIONS}
    for pair in filter(None, parts.fragment.split("&")):
        option, _, value = pair.partition("=")
        if option not in options or not value:
            raise ConfigurationError(f"{name} has an option that is none of {', '.join(OPTIONS)}")
        options[option].append(unquote(value))
    return options
