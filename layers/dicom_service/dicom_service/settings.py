"""The configuration: environment variables, each checked when it is first used, with an error that names it."""

import os
from urllib.parse import urlsplit

from dicom_service.errors import ConfigurationError

SECRET_MAX_AGE_SECONDS = 300
"""How long a secret fetched from Secrets Manager is used before it is asked for again: a rotation needs no redeploy."""


def required(name: str) -> str:
    """The variable's value without surrounding space; raises ConfigurationError where it is missing or empty."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set")
    return value


def optional(name: str, default: str = "") -> str:
    """The variable's value without surrounding space, or the default where it is missing or empty."""
    return os.environ.get(name, "").strip() or default


def url(name: str, default: str = "") -> str:
    """An absolute http or https URL without a trailing slash; required unless there is a default."""
    value = optional(name, default) if default else required(name)
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(f"{name} is not an http or https URL")
    return value.rstrip("/")


def path(name: str, default: str) -> str:
    """A path below a base URL, with one leading slash and no trailing one."""
    return "/" + optional(name, default).strip("/")


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    """One of the choices."""
    value = optional(name, default)
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of {', '.join(choices)}")
    return value


def flag(name: str) -> bool:
    """True or False from `true` or `false`; False where it is missing."""
    return choice(name, ("true", "false"), "false") == "true"


def whole_number(name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number between the two limits, both included."""
    value = optional(name, str(default))
    if not value.isascii() or not value.isdigit() or not lowest <= int(value) <= highest:
        raise ConfigurationError(f"{name} must be a whole number from {lowest} to {highest}")
    return int(value)


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
