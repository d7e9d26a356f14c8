"""DICOM unique identifiers (PS3.5 section 9)."""

import re
import secrets
from collections.abc import Callable, Mapping

from dicom_service import settings
from dicom_service.errors import ConfigurationError

UID_PATTERN = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$"
"""Of a UID that is made or newly given: no component has a leading zero."""

EXISTING_UID_PATTERN = r"^[0-9]+(\.[0-9]+)*$"
"""Of a UID that names something which exists: archives hold components with leading zeros."""

UID_MAX_LENGTH = 64
ROOT_PATTERN = r"([01]\.[1-3]?[0-9]|2\.(0|[1-9][0-9]*))(\.(0|[1-9][0-9]*))*\.?"
"""Two components at the least, and what the first two may be (ITU-T X.660 section A.2). A dot may stand at the end."""

SHORTEST_RANDOM_PART = 20
LONGEST_ROOT = UID_MAX_LENGTH - 1 - SHORTEST_RANDOM_PART


def is_uid(text: str) -> bool:
    """Whether it is a UID: at most 64 characters, numeric components joined by dots, none with a leading zero."""
    return len(text) <= UID_MAX_LENGTH and re.fullmatch(UID_PATTERN, text) is not None


def is_existing_uid(text: str) -> bool:
    """Whether it may name a study, series or object that exists: as `is_uid`, but leading zeros are allowed.

    Text that passes is safe in a URL's path and in a file's name: it has no empty component.
    """
    return len(text) <= UID_MAX_LENGTH and re.fullmatch(EXISTING_UID_PATTERN, text) is not None


def nearest[Entry](table: Mapping[str, Entry], uid: str) -> Entry | None:
    """The entry of the UID or else of its longest beginning that has one, by whole components."""
    while uid not in table and "." in uid:
        uid = uid.rpartition(".")[0]
    return table.get(uid)


def uid_root() -> str:
    """The organization's root from DICOM_UID_ROOT; it must leave at least 20 random digits behind its dot."""
    given = settings.required("DICOM_UID_ROOT")
    root = given.removesuffix(".")
    if not re.fullmatch(ROOT_PATTERN, given) or not is_uid(root):
        raise ConfigurationError("DICOM_UID_ROOT is not a UID: numbers and dots, such as 1.2.826.0.1.3680043.10.1")
    if len(root) > LONGEST_ROOT:
        raise ConfigurationError(f"DICOM_UID_ROOT leaves fewer than {SHORTEST_RANDOM_PART} random digits")
    return root


def random_uid(root: str, below: Callable[[int], int] = secrets.randbelow) -> str:
    """A UID of exactly 64 characters: the root, a dot and random digits of which the first is no zero.

    `below(n)` gives a random whole number from 0 to n - 1.
    """
    digits = UID_MAX_LENGTH - len(root) - 1
    lowest = 10 ** (digits - 1)
    return f"{root}.{lowest + below(9 * lowest)}"
