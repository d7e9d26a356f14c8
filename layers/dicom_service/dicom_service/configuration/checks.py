"""Checks of settings that look at another one too, or at one that no function reads."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from dicom_service import settings
from dicom_service.errors import ConfigurationError
from dicom_service.events import subscribers
from dicom_service.pacs import dialects

ORIGINS = r"(|\*|https?://[^/,\s]+(,https?://[^/,\s]+)*)"


def _oauth2() -> bool | None:
    """Whether the service asks for access tokens; None where another setting that is wrong leaves it open."""
    chosen = settings.optional("PACS_AUTHORIZATION")
    if chosen:
        return chosen == "oauth2"
    try:
        return dialects.chosen_dialect().authorization == "oauth2"
    except ConfigurationError:
        return None


def for_oauth2(name: str, check: Callable[[], object]) -> Callable[[], object]:
    """Needed where access tokens are asked for, and else nothing that anybody reads."""

    def check_both() -> None:
        oauth2 = _oauth2()
        if oauth2 or settings.optional(name):
            check()
        if oauth2 is False and settings.optional(name):
            raise ConfigurationError(f"{name} is read only where PACS_AUTHORIZATION is oauth2")

    return check_both


def subscribers_and_flag() -> None:
    """A flag that is wrong is named once, and by its own name."""
    insecure = settings.optional("CALLBACK_ALLOW_INSECURE", "false") != "false"
    subscribers.parse_subscribers(settings.secret("CALLBACK_URLS"), insecure=insecure)


def origins() -> None:
    value = settings.optional("CORS_ALLOWED_ORIGINS")
    named = value.split(",") if value not in ("", "*") else []
    if not re.fullmatch(ORIGINS, value) or not all(map(_is_origin, named)):
        raise ConfigurationError(
            "CORS_ALLOWED_ORIGINS is neither * nor origins such as https://app.example.org with commas between"
        )


def _is_origin(value: str) -> bool:
    """Scheme, host and port alone (RFC 6454 section 6.2)."""
    try:
        parts = urlsplit(value)
        return settings.is_host(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
