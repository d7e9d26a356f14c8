"""What the stack on one machine is configured with: the template's parameters, from the process's environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dicom_service.events.signature import parse_signing_secrets
from dicom_service.events.subscribers import parse_subscribers
from local import template

TEMPLATE = Path(__file__).parents[1] / "template.yaml"

DEFAULTS = {
    "DICOM_UID_ROOT": "1.2.826.0.1.3680043.10.1",
    "PACS_SERVICE_URL": "http://127.0.0.1:1",
    "CALLBACK_ALLOW_INSECURE": "true",
}
"""What a deployment must be told, or is told otherwise. Nothing listens at the PACS's address."""

OF_THE_GATEWAY = {"CORS_ALLOWED_ORIGINS": "CorsAllowedOrigins"}
"""Parameters that no function takes."""

UNENFORCED = {"JwtIssuer": "https://identity.invalid/", "JwtAudience": "local"}
"""The gateway on this machine lets everyone in."""


def parameters(document: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters, of the variables that its functions take them as; other variables are ignored."""
    given = {**DEFAULTS, **variables}
    of_variables = template.variable_parameters(document) | OF_THE_GATEWAY
    wanted = {parameter: given[name] for name, parameter in of_variables.items() if name in given}
    known = document.get("Parameters", {})
    return {name: value for name, value in {**UNENFORCED, **wanted}.items() if name in known}


def check(variables: Mapping[str, str]) -> None:
    """Raises ConfigurationError for lists and secrets that the functions would refuse with the first event.

    Lists and secrets that are ARNs are somebody else's to look up.
    """
    given = {name: value.strip() for name, value in {**DEFAULTS, **variables}.items()}
    urls, secrets = given.get("CALLBACK_URLS", ""), given.get("CALLBACK_SIGNING_SECRET", "")
    if not urls.startswith("arn:"):
        parse_subscribers(urls, insecure=given["CALLBACK_ALLOW_INSECURE"] == "true")
    if not secrets.startswith("arn:"):
        parse_signing_secrets(secrets)
