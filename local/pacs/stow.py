"""STOW-RS: stores instances (PS3.18 section 10.5), in both trees."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.http import parse_options_header

from local.pacs.answers import dicom_json_type, json_answer
from local.pacs.dicom_json import Attributes, element, in_tag_order
from local.pacs.index import Added, Index
from local.pacs.links import dicomweb_link, o3_link
from local.pacs.multipart import PIECE_BYTES, MalformedMultipartError, Parts
from local.pacs.part10 import FailureReason, InstanceHeader, ObjectRefusedError, is_part10, read_header
from local.pacs.search import Link
from local.pacs.storage import Received, Storage

APPLICATION_DICOM = "application/dicom"
MULTIPART_RELATED = "multipart/related"


class Store:
    """Stores objects: the file first, then its entry in the index; both are on disk when it returns."""

    def __init__(self, storage: Storage, index: Index, when_stored: Callable[[], None]) -> None:
        self._storage = storage
        self._index = index
        self._when_stored = when_stored

    def receive(self, pieces: Iterable[bytes]) -> Received | None:
        """Writes an object to the disk as it comes, not stored yet; None where there is no room for it."""
        try:
            return self._storage.receive(pieces)
        except OSError:
            return None

    def keep(self, received: Received | None, study_uid: str, source_ae_title: str) -> InstanceHeader:
        """Stores one object, which must belong to the study where one is given. Raises ObjectRefusedError."""
        if received is None:
            raise ObjectRefusedError(FailureReason.OUT_OF_RESOURCES)
        header = read_header(received)
        if study_uid and header.study_instance_uid != study_uid:
            raise header.refused(FailureReason.DOES_NOT_MATCH_SOP_CLASS)
        try:
            file = self._storage.keep(received)
            added = self._index.add(header, file, source_ae_title)
        except OSError as error:
            raise header.refused(FailureReason.OUT_OF_RESOURCES) from error
        except sqlite3.Error as error:
            raise header.refused(FailureReason.PROCESSING_FAILURE) from error
        if added is Added.CONFLICT:
            self._storage.remove(file.sha256)
            raise header.refused(FailureReason.DUPLICATE_SOP_INSTANCE)
        if added is Added.NEW:
            self._when_stored()
        return header


def store_routes(store: Store) -> Blueprint:
    """The two store resources: O3's takes one multipart instance a request, the standard's any number."""
    routes = Blueprint("stow", __name__)

    @routes.post("/o3-dpacs-wado/stowRsListener/<aet>/studies")
    @routes.post("/o3-dpacs-wado/stowRsListener/<aet>/studies/<study_uid>")
    def store_one(aet: str, study_uid: str = "") -> Response:
        return _answer(store, _multipart_objects(), study_uid, aet, o3_link, one=True)

    @routes.post("/dicom-web/studies")
    @routes.post("/dicom-web/studies/<study_uid>")
    def store_many(study_uid: str = "") -> Response:
        single = request.mimetype == APPLICATION_DICOM
        objects = iter([_pieces(request.stream)]) if single else _multipart_objects()
        return _answer(store, objects, study_uid, "", dicomweb_link)

    return routes


def _multipart_objects() -> Iterator[Iterator[bytes]]:
    media_type, parameters = parse_options_header(request.headers.get("Content-Type", ""))
    if media_type != MULTIPART_RELATED or parameters.get("type", APPLICATION_DICOM) != APPLICATION_DICOM:
        raise UnsupportedMediaType('the body is multipart/related; type="application/dicom"')
    if "boundary" not in parameters:
        raise BadRequest("the Content-Type has no boundary")
    return iter(Parts(request.stream, parameters["boundary"]))


def _pieces(body: IO[bytes]) -> Iterator[bytes]:
    while piece := body.read(PIECE_BYTES):
        yield piece


def _answer(
    store: Store,
    contents: Iterator[Iterator[bytes]],
    study_uid: str,
    source_ae_title: str,
    link: Link,
    *,
    one: bool = False,
) -> Response:
    media_type = dicom_json_type()
    with ExitStack() as files:
        objects = _received(store, contents, files)
        if one and len(objects) != 1:
            raise BadRequest("one instance is stored a request")
        if not any(received is None or is_part10(received.start) for received in objects):
            raise BadRequest("there is no DICOM Part 10 object in the body")
        stored: list[InstanceHeader] = []
        refused: list[ObjectRefusedError] = []
        for received in objects:
            try:
                stored.append(store.keep(received, study_uid, source_ae_title))
            except ObjectRefusedError as error:
                refused.append(error)
    status = 200 if not refused else 202 if stored else 409
    return json_answer(_response_module(stored, refused, link), status, media_type=media_type)


def _received(store: Store, contents: Iterator[Iterator[bytes]], files: ExitStack) -> list[Received | None]:
    """Every object of the body, each in a file that `files` removes; nothing after one there was no room for."""
    objects: list[Received | None] = []
    try:
        for pieces in contents:
            received = store.receive(pieces)
            objects.append(received)
            if received is None:
                break
            files.callback(received.forget)
    except MalformedMultipartError as error:
        raise BadRequest(str(error)) from error
    return objects


def _response_module(stored: list[InstanceHeader], refused: list[ObjectRefusedError], link: Link) -> Attributes:
    """PS3.18 Table I.1-1; no empty sequences, and no address of the study in O3's tree."""
    elements: list[tuple[str, dict[str, Any]]] = []
    if link is dicomweb_link and len({header.study_instance_uid for header in stored}) == 1:
        elements.append(element("RetrieveURL", dicomweb_link((stored[0].study_instance_uid,))))
    if refused:
        elements.append(element("FailedSOPSequence", *map(_refused_item, refused)))
    if stored:
        elements.append(element("ReferencedSOPSequence", *(_stored_item(header, link) for header in stored)))
    return in_tag_order(elements)


def _stored_item(header: InstanceHeader, link: Link) -> Attributes:
    uids = (header.study_instance_uid, header.series_instance_uid, header.sop_instance_uid)
    return in_tag_order(
        [
            element("ReferencedSOPClassUID", header.sop_class_uid),
            element("ReferencedSOPInstanceUID", header.sop_instance_uid),
            element("RetrieveURL", link(uids)),
        ]
    )


def _refused_item(error: ObjectRefusedError) -> Attributes:
    known = {"ReferencedSOPClassUID": error.sop_class_uid, "ReferencedSOPInstanceUID": error.sop_instance_uid}
    uids = [element(keyword, *([uid] if uid else [])) for keyword, uid in known.items()]
    return in_tag_order([*uids, element("FailureReason", int(error.reason))])
