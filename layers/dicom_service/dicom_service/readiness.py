"""What the service cannot do its work without: right settings, the PACS, and its own tables."""

import os
from collections.abc import Callable
from functools import partial

from dicom_service import settings
from dicom_service.errors import ConfigurationError, ServiceError, StoreUnavailable
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import pacs_session
from dicom_service.stores import client, translated

NO_STUDY = "2.25.0"
"""A UID that no study has: the search shows that the PACS answers, and shows nobody."""

PACS_SECONDS = 8.0
TABLES = (
    "EVENTS_TABLE",
    "FEED_TABLE",
    "DELIVERIES_TABLE",
    "UIDS_TABLE",
    "WORKITEMS_TABLE",
    "WORKLIST_TABLE",
    "UPLOADS_TABLE",
    "DOWNLOADS_TABLE",
    "API_KEYS_TABLE",
    "AUDIT_TABLE",
)


def what_is_not_ready() -> dict[str, str]:
    """What fails, by name, with the reason in words; empty where all is well.

    A setting is named by its variable. Where that keeps the PACS from being asked, the setting alone is named.
    """
    from dicom_service.configuration.table import wrong_settings  # not needed to say that it is alive

    _fill_environment()
    failures = wrong_settings()
    checks: dict[str, Callable[[], None]] = {"PACS": _ask_pacs} | {
        name: partial(_look_at_table, name) for name in TABLES
    }
    for name, check in checks.items():
        try:
            check()
        except ConfigurationError as error:
            if error.detail not in failures.values():
                failures[name] = error.detail
        except ServiceError as error:
            failures[name] = error.detail
    return failures


def _fill_environment() -> None:
    """Puts into the environment what the parameter SETTINGS_PARAMETER holds, a line each: it has no room for all.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; raises StoreUnavailable.
    """
    name = settings.optional("SETTINGS_PARAMETER")
    if not name:
        return
    with translated("read the settings"):
        text = client("ssm").get_parameter(Name=name)["Parameter"].get("Value", "")
    for line in text.splitlines():
        variable, _, value = line.partition("=")
        os.environ.setdefault(variable, value)


def _ask_pacs() -> None:
    query = {"StudyInstanceUID": NO_STUDY, "limit": "1"}
    session = pacs_session(PACS_SECONDS, guarded=False)
    session.send("GET", dialect().searching, query=query, headers={"Accept": "application/dicom+json"}).dicom_json()


def _look_at_table(name: str) -> None:
    with translated("look at a table"):
        status = client("dynamodb").describe_table(TableName=settings.required(name))["Table"].get("TableStatus")
    if status not in ("ACTIVE", "UPDATING"):
        raise StoreUnavailable(f"The table is {status}")
