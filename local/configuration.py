"""What the stack on one machine is configured with: the template's parameters, from the process's environment."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dicom_service import settings
from dicom_service.configuration.setting import Setting
from dicom_service.configuration.table import TABLE, wrong_settings
from dicom_service.errors import ConfigurationError
from local import template

TEMPLATE = Path(__file__).parents[1] / "template.yaml"

BUILT = TEMPLATE.parent / ".aws-sam/build"

DEFAULTS = {
    "DICOM_UID_ROOT": "1.2.826.0.1.3680043.10.1",
    "PACS_SERVICE_URL": "http://127.0.0.1:1",
    "CALLBACK_ALLOW_INSECURE": "true",
    "CALLBACK_SECRET": "none",
}
"""What a deployment must be told, or is told otherwise. Nothing listens at the PACS's address."""

OF_THE_GATEWAY = {"CORS_ALLOWED_ORIGINS": "CorsAllowedOrigins"}
"""Parameters that no function takes."""

OF_A_DEPLOYMENT = {"CodeHash": "0" * 16}
"""Functions run from their folders here: there are no versions."""

MOST_PORT = 65535


def port() -> int:
    """Where the API listens, by PORT; 0 for any free port."""
    return settings.whole_number("PORT", 8080, 0, MOST_PORT)


def checks_callers() -> bool:
    """Whether only who shows a key or a token is let in, by AUTH."""
    return settings.choice("AUTH", ("none", "on"), "none") == "on"


def built() -> Path | None:
    """Where the functions run from in the real Lambda runtime, by RUNTIME; None where they run from their sources.

    Raises ConfigurationError where nothing was built.
    """
    if settings.choice("RUNTIME", ("fork", "rie"), "fork") == "fork":
        return None
    if not (BUILT / "template.yaml").exists():
        raise ConfigurationError("RUNTIME=rie runs what make build has made: there is nothing")
    return BUILT


def data_dir() -> Path | None:
    """Where everything is kept, by DATA_DIR; raises ConfigurationError where that cannot be a folder of ours."""
    folder = Path(settings.optional("DATA_DIR"))
    if folder == Path():
        return None
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        usable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except OSError:  # a name that is too long
        usable = False
    if not usable:
        raise ConfigurationError("DATA_DIR is no folder that can be written to, nor can it be made")
    return folder


OF_THE_RUNNER = (
    Setting(
        "PORT",
        f"whole number from 0 to {MOST_PORT}",
        "where the API listens; 0 for any free port",
        frozenset(),
        port,
        default="8080",
        limits=(0, MOST_PORT),
    ),
    Setting(
        "AUTH",
        "one of `none`, `on`",
        "whether callers are checked; a deployment checks them always",
        frozenset(),
        checks_callers,
        default="none",
        choices=("none", "on"),
    ),
    Setting(
        "RUNTIME",
        "one of `fork`, `rie`",
        "what functions run in: processes forked from one that has everything loaded, or AWS's runtime interface "
        "emulator, each from its built folder with its own layers",
        frozenset(),
        built,
        default="fork",
        choices=("fork", "rie"),
    ),
    Setting("DATA_DIR", "path of a folder", "where everything is kept between two runs", frozenset(), data_dir),
)
"""Settings of `make run` alone."""


def parameters(document: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters, of the variables that its functions take them as; other variables are ignored."""
    given = {**DEFAULTS, **variables}
    of_variables = template.variable_parameters(document) | OF_THE_GATEWAY
    wanted = {parameter: given[name] for name, parameter in of_variables.items() if name in given} | OF_A_DEPLOYMENT
    known = document.get("Parameters", {})
    return {name: value for name, value in wanted.items() if name in known}


def check(variables: Mapping[str, str]) -> None:
    """Raises ConfigurationError that names every wrong setting of the service."""
    if problems := wrong(variables, TABLE):
        raise ConfigurationError("; ".join(problems.values()))


def wrong(variables: Mapping[str, str], table: Iterable[Setting] = (*OF_THE_RUNNER, *TABLE)) -> dict[str, str]:
    """What is wrong with the settings, by name. What an ARN names is not looked up: there is no AWS here to ask.

    The embedded PACS takes a key whatever dialect it speaks.
    """
    given = DEFAULTS | ({} if variables.get("PACS_SERVICE_URL") else {"PACS_AUTHORIZATION": "verbatim"})
    given |= {name: value for name, value in variables.items() if value}
    with _environment(given):
        return wrong_settings(
            each for each in table if not (each.may_be_arn and settings.optional(each.name).startswith("arn:"))
        )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The process's environment, with these settings and no others."""
    before = dict(os.environ)
    for setting in (*OF_THE_RUNNER, *TABLE):
        os.environ.pop(setting.name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
