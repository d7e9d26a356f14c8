"""The configuration: environment variables, each checked when it is first used, with an error that names it."""

import os
import re
from urllib.parse import urlsplit

from dicom_service.errors import ConfigurationError

SECRET_MAX_AGE_SECONDS = 300
"""How long a secret fetched from Secrets Manager is used before it is asked for again: a rotation needs no redeploy."""


URL = r"https?://[^\s/?#@\\]+(/[^\s#\\]*)?"
BASE_URL = r"https?://[^\s/?#@\\]+(/[^\s?#\\]*)?"
"""Without a user, a query and a fragment: paths are put behind it."""

SEGMENT = r"[A-Za-z0-9_~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%-]*"
PATH = f"/?{SEGMENT}(/{SEGMENT})*/?"
"""Segments of RFC 3986 section 3.3; none is empty or begins with a dot."""

MEANT = {"1": "true", "yes": "true", "on": "true", "0": "false", "no": "false", "off": "false"}


LONGEST_NUMBER = 20
"""Digits; Python itself reads no more than 4,300 of them."""

NO_HOST = frozenset(",;*")
"""Several URLs in the place of one, or a pattern of hosts."""


def required(name: str) -> str:
    """The variable's value without surrounding space; raises ConfigurationError where it is missing or empty."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set")
    return value


def optional(name: str, default: str = "") -> str:
    """The variable's value without surrounding space, or the default where it is missing or empty."""
    return os.environ.get(name, "").strip() or default


def url(name: str, pattern: str = BASE_URL) -> str:
    """An http or https URL without a user, a fragment and a trailing slash; only the pattern `URL` allows a query."""
    value = required(name)
    try:
        parts = urlsplit(value)
        valid = (
            bool(re.fullmatch(pattern, value)) and value.isprintable() and is_host(parts.hostname) and parts.port != 0
        )
    except ValueError:
        valid = False
    if not valid:
        lacking = "user and fragment" if pattern == URL else "user, query and fragment"
        raise ConfigurationError(f"{name} must be an http or https URL such as https://example.org, without {lacking}")
    return value.rstrip("/")


def is_host(host: str | None) -> bool:
    """Whether it may be one host's name or address."""
    return bool(host) and not NO_HOST & set(host or "")


def path(name: str, default: str, place: str = "") -> str:
    """A path below a base URL, with one leading slash and no trailing one; it may hold the `place` of something."""
    value = optional(name, default)
    if value.strip("/") and not re.fullmatch(PATH, value.replace(place, "_") if place else value):
        raise ConfigurationError(f"{name} must be a path such as /dicom-web/studies, without host and query")
    return "/" + value.strip("/")


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    """One of the choices."""
    value = optional(name, default)
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of {', '.join(choices)}{nearest(value, choices)}")
    return value


def words(name: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Some of the choices, separated by commas, in the order given; none where the variable is missing."""
    given = tuple(word.strip() for word in optional(name).split(",")) if optional(name) else ()
    for word in given:
        if word not in choices:
            known = ", ".join(choices)
            raise ConfigurationError(f"{name} must be some of {known}, separated by commas{nearest(word, choices)}")
    return given


def nearest(value: str, choices: tuple[str, ...]) -> str:
    """`; did you mean orthanc?`, or nothing where no choice is like the value."""
    from difflib import get_close_matches  # needed for a wrong value alone

    lower = value.strip().lower()
    close = [MEANT[lower]] if MEANT.get(lower) in choices else get_close_matches(lower, choices, 1)
    return f"; did you mean {close[0]}?" if close else ""


def flag(name: str) -> bool:
    """True or False from `true` or `false`; False where it is missing."""
    return choice(name, ("true", "false"), "false") == "true"


def whole_number(name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number between the two limits, both included."""
    value = optional(name, str(default))
    digits = value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER
    if not digits or not lowest <= int(value) <= highest:
        beyond = re.fullmatch(r"-?[0-9]{1,20}", value)
        hint = f"; the nearest is {min(max(int(value), lowest), highest)}" if beyond else ""
        raise ConfigurationError(f"{name} must be a whole number from {lowest} to {highest}{hint}")
    return int(value)


def header(name: str) -> str:
    """A secret that is sent as the value of a header field, which has printable ASCII alone (RFC 9110 section 5.5)."""
    value = secret(name)
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{name} has a line break or another character that no header may have")
    return value


def secret(name: str) -> str:
    """The variable's value or, where that is a Secrets Manager ARN, the secret that it names; empty where missing.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    """
    value = optional(name)
    if not value.startswith("arn:"):
        return value
    from aws_lambda_powertools.utilities import parameters  # loads boto3, which most functions do not need

    try:
        return str(parameters.get_secret(value, max_age=SECRET_MAX_AGE_SECONDS)).strip()
    except parameters.exceptions.GetParameterError as error:
        raise ConfigurationError(f"{name} names a secret that cannot be read") from error
