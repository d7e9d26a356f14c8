"""The ways to a picture that a PACS turned out not to have: each environment remembers them for a while."""

import time
from collections.abc import Iterable

from dicom_service.pacs.dialects import PictureWay
from dicom_service.pacs.session import PacsSession

REMEMBERED_SECONDS = 600.0

_until: dict[tuple[str, PictureWay], float] = {}


def is_known_to_lack(session: PacsSession, way: PictureWay) -> bool:
    """Whether the PACS was lately found without this way: then asking costs a request and brings nothing."""
    return _until.get((session.address, way), 0.0) > time.monotonic()


def remember_lacking(session: PacsSession, ways: Iterable[PictureWay]) -> None:
    """To be called only for an object that the PACS has and that has a picture: else a 404 says nothing of the way."""
    for way in ways:
        _until[session.address, way] = time.monotonic() + REMEMBERED_SECONDS
