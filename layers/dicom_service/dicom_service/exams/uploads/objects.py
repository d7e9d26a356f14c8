"""One object on its way to the PACS, from wherever its bytes lie."""

import hashlib
from collections.abc import Iterator

from dicom_service.errors import PacsError, RequestTooLarge
from dicom_service.exams.part10 import Part10
from dicom_service.exams.uploads.rows import Outcome
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.retrieve import Instance, stream_instance
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.store import accepted, store_instance
from dicom_service.pacs.streams import SizedBody


def store_object(session: PacsSession, content: bytes | SizedBody, identity: Part10) -> Outcome:
    """Stores an object; one that the PACS has already is stored where it is the same, byte for byte.

    An attempt whose answer was lost is thus found out. Raises PacsError where the PACS fails or has no room.
    """
    try:
        answered = store_instance(session, dialect(), content, identity.sop_class_uid, identity.sop_instance_uid)
    except RequestTooLarge as error:
        return Outcome("REFUSED", error.detail)
    if answered.stored:
        return Outcome("STORED", result=answered.response)
    if answered.exists_already and _digest(content) == _digest_in_pacs(session, identity):
        return Outcome("STORED", result=accepted(identity.sop_class_uid, identity.sop_instance_uid))
    if answered.out_of_resources:
        raise PacsError(f"The PACS did not store the object: {answered.reason}")
    return Outcome("REFUSED", answered.reason, answered.response)


def _digest(content: bytes | SizedBody) -> str:
    return sha256_of(iter([content]) if isinstance(content, bytes) else iter(content))


def _digest_in_pacs(session: PacsSession, identity: Part10) -> str:
    instance = Instance(identity.study_uid, identity.series_uid, identity.sop_instance_uid)
    try:
        with stream_instance(session, dialect(), instance) as stored:
            return sha256_of(stored.pieces)
    except PacsError:
        return ""


def sha256_of(pieces: Iterator[bytes]) -> str:
    """The digest of a content in pieces, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
