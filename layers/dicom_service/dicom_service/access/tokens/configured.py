"""Whose tokens are taken, as the settings name them: issuers, audiences, and where to ask about opaque tokens."""

from urllib.parse import SplitResult, urlsplit

from dicom_service import settings
from dicom_service.errors import ConfigurationError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
INTROSPECTION = "TOKEN_INTROSPECTION_URL"


def issuers() -> tuple[str, ...]:
    """JWT_ISSUER's, in the spelling of their tokens; raises ConfigurationError for what is no https URL."""
    named = _listed("JWT_ISSUER")
    for issuer in named:
        parts = split(issuer)
        if parts is None or parts.query or not is_trusted(issuer):
            raise ConfigurationError("JWT_ISSUER must be https URLs without query and fragment, separated by spaces")
    return named


def audiences() -> tuple[str, ...]:
    """JWT_AUDIENCE's; raises ConfigurationError where tokens are taken and it names none."""
    named = _listed("JWT_AUDIENCE")
    if not named and (settings.optional("JWT_ISSUER") or introspection_url()):
        raise ConfigurationError("JWT_AUDIENCE is not set: a token for anybody would be taken")
    return named


def introspection_url() -> str:
    """Of the endpoint of RFC 7662, empty where there is none; raises ConfigurationError for what is no https URL."""
    url = settings.optional(INTROSPECTION)
    if url and (settings.url(INTROSPECTION, settings.URL) != url.rstrip("/") or not is_trusted(url)):
        raise ConfigurationError(f"{INTROSPECTION} must be an https URL")
    return url


def is_trusted(url: str) -> bool:
    """Whether nobody between can change what is answered there: https, or http on this machine alone."""
    parts = split(url)
    if parts is None or not settings.is_host(parts.hostname):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def split(url: str) -> SplitResult | None:
    """The parts of a URL with a host, without user and fragment; None for what is none."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        return None
    return parts if usable else None


def _listed(name: str) -> tuple[str, ...]:
    return tuple(settings.optional(name).replace(",", " ").split())
