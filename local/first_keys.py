"""The keys that `AUTH=on make run` begins with: nobody could make the first one otherwise."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dicom_service.access.keys import ApiKey, minted
from dicom_service.access.scopes import ALL_SCOPES, REACH

FILE = "first-keys.json"
PATIENT = "1CT1"
"""Whose the exam is that the README's commands upload."""

MADE_BY = "make run"
READING = frozenset(scope for scope in ALL_SCOPES if scope.endswith(":read") or scope == "patients:all")
OF_ONE = frozenset(scope for scope in ALL_SCOPES if REACH[scope].bound and scope != "patients:all")


def first_keys(dynamodb: Any, table: str, folder: Path | None) -> dict[str, str]:
    """The texts of the keys by what they are called: `all`, `patient:1CT1`, `read-only`.

    With a folder they are the same at each start, as long as they were not revoked there: it keeps their texts in a
    file that only this user may read.
    """
    kept = _read(folder / FILE) if folder else {}
    if kept:
        return kept
    now = int(time.time())
    texts = {}
    for name, scopes, patient in (
        ("all", frozenset(ALL_SCOPES), ""),
        (f"patient:{PATIENT}", OF_ONE, PATIENT),
        ("read-only", READING, ""),
    ):
        key = ApiKey(os.urandom(8).hex(), name, scopes, patient, now, MADE_BY)
        item, texts[name] = minted(key)
        dynamodb.put_item(TableName=table, Item=item)
    if folder:
        write_private(folder / FILE, texts)
    return texts


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Writes JSON into a file that only this user may read, all of it or nothing."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    new.replace(path)


def _read(path: Path) -> dict[str, str]:
    """The file's texts; raises OSError where it is damaged."""
    if not path.exists():
        return {}
    try:
        return {str(name): str(text) for name, text in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise OSError(f"{path} is damaged") from error
