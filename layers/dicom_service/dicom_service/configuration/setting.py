"""What there is to say of a setting, and the kinds of settings.

A check is what the functions do at the first use: nothing is checked here in another way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dicom_service import settings

MOST_CHARACTERS = {
    "JWT_ISSUER": 256,
    "JWT_AUDIENCE": 128,
    "JWT_PATIENT_CLAIM": 64,
    "JWT_SCOPE_CLAIM": 64,
    "JWT_SCOPES": 256,
    "JWT_CA_BUNDLE": 160,
    "TOKEN_INTROSPECTION_URL": 160,
    "TOKEN_INTROSPECTION_CLIENT_ID": 64,
    "TOKEN_INTROSPECTION_CLIENT_SECRET": 160,
    "PACS_SERVICE_URL": 160,
    "PACS_AUTHORIZATION_TOKEN": 160,
    "PACS_OAUTH_TOKEN_URL": 160,
    "PACS_OAUTH_CLIENT_ID": 64,
    "PACS_OAUTH_CLIENT_SECRET": 160,
    "PACS_OAUTH_SCOPE": 96,
    "PACS_CLIENT_CERTIFICATE": 160,
    "PACS_CA_BUNDLE": 160,
    "PACS_POST_EXAM_ENDPOINT": 64,
    "PACS_EXAMS_RETRIEVING_ENDPOINT": 64,
    "PACS_WADO_ENDPOINT": 64,
    "PACS_PATIENT_CREATION_ENDPOINT": 64,
    "PACS_WORKITEM_CREATION_ENDPOINT": 64,
    "PACS_WORKITEM_RETRIEVAL_ENDPOINT": 64,
    "PACS_WORKITEM_DELETION_ENDPOINT": 64,
    "PACS_RETRIEVAL_TYPES": 32,
    "PACS_PICTURES": 48,
    "DICOM_VIEWER_URL": 160,
    "VIEWER_GET_TOKEN_ENDPOINT": 64,
    "VIEWER_AUTHORIZATION_TOKEN": 160,
    "VIEWER_DEFAULT_USER": 64,
    "VIEWER_ROLE_PATIENT": 32,
    "VIEWER_ROLE_DIAGNOSTIC": 32,
    "CALLBACK_URLS": 160,
    "CALLBACK_SECRET": 160,
    "CALLBACK_SIGNING_SECRET": 160,
    "CALLBACK_ALLOWED_NETWORKS": 96,
}
"""What fits into a function's environment, 4 KB with all names: what is longer is named by ARN.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""


@dataclass(frozen=True)
class Setting:
    """An environment variable; `check` raises ConfigurationError, whose text begins with the name, for a wrong value.

    `form` says in words what a value looks like, `pattern`, `choices` and `limits` to machines. A `secret` may be the
    ARN of one in Secrets Manager, and no text ever holds its value; with `public_arn`
    what is no secret may be one too. `/-/ready` reads every setting that functions read.
    """

    name: str
    form: str
    meaning: str
    readers: frozenset[str]
    check: Callable[[], object]
    default: str = ""
    required: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    limits: tuple[int, int] | None = None
    most_characters: int | None = None
    public_arn: bool = False

    @property
    def longest(self) -> int | None:
        """Characters that a parameter takes; `make run` takes any number, but where a value itself has an end."""
        return self.most_characters or MOST_CHARACTERS.get(self.name)

    @property
    def may_be_arn(self) -> bool:
        return self.secret or self.public_arn

    @property
    def is_set(self) -> bool:
        return bool(settings.optional(self.name))


def where_set(name: str, check: Callable[[], object]) -> Callable[[], object]:
    return lambda: check() if settings.optional(name) else None


def url(name: str, meaning: str, readers: frozenset[str], **more: Any) -> Setting:
    def check() -> str:
        return settings.url(name)

    required = more.get("required", False)
    form = "http or https URL without a user, a query or a fragment"
    pattern = settings.BASE_URL if required else f"({settings.BASE_URL})?"
    return Setting(name, form, meaning, readers, check if required else where_set(name, check), pattern=pattern, **more)


def path(name: str, meaning: str, readers: frozenset[str], default: str = "", place: str = "") -> Setting:
    pattern = r"[^\s?#\\]*"  # short enough for a template that has it many times
    return Setting(
        name, "path", meaning, readers, lambda: settings.path(name, default, place), default=default, pattern=pattern
    )


def choice(name: str, meaning: str, readers: frozenset[str], choices: tuple[str, ...], default: str = "") -> Setting:
    return Setting(
        name,
        "one of " + ", ".join(f"`{choice}`" for choice in choices),
        meaning,
        readers,
        lambda: settings.choice(name, choices, default or choices[0]),
        default=default,
        choices=choices,
    )


def words(
    name: str,
    meaning: str,
    readers: frozenset[str],
    choices: tuple[str, ...],
    check: Callable[[], object],
    *,
    none: bool,
) -> Setting:
    word = "(" + "|".join(choices) + ")"
    form = "some of " + ", ".join(f"`{choice}`" for choice in choices) + ", separated by commas"
    if none:
        form += "; or `none`"
    pattern = f"({'none|' if none else ''}{word}( *, *{word})*)?"
    return Setting(name, form, meaning, readers, check, pattern=pattern)


def text(name: str, meaning: str, readers: frozenset[str], default: str = "") -> Setting:
    return Setting(name, "text", meaning, readers, lambda: settings.optional(name, default), default=default)


def header(name: str, meaning: str, readers: frozenset[str]) -> Setting:
    return Setting(name, "printable ASCII", meaning, readers, lambda: settings.header(name), secret=True)


def whole_number(
    name: str, meaning: str, readers: frozenset[str], default: int, limits: tuple[int, int], check: Callable[[], object]
) -> Setting:
    form = f"whole number from {limits[0]} to {limits[1]}"
    return Setting(name, form, meaning, readers, check, default=str(default), limits=limits)
