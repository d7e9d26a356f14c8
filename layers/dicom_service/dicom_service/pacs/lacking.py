"""What a PACS turned out not to have: each environment remembers it for a while."""

import time
from collections.abc import Iterable
from typing import Literal

from dicom_service.pacs.dialects import PictureWay
from dicom_service.pacs.session import PacsSession

REMEMBERED_SECONDS = 600.0

Ability = PictureWay | Literal["includefield"]
"""A way to a picture, or to say what a search's rows are to hold."""

_until: dict[tuple[str, Ability], float] = {}


def is_known_to_lack(session: PacsSession, ability: Ability) -> bool:
    """Whether the PACS was lately found without it: then asking costs a request and brings nothing."""
    return _until.get((session.address, ability), 0.0) > time.monotonic()


def remember_lacking(session: PacsSession, abilities: Iterable[Ability]) -> None:
    """To be called only where the same request would have succeeded: else its failure says nothing of the ability."""
    for ability in abilities:
        _until[session.address, ability] = time.monotonic() + REMEMBERED_SECONDS
