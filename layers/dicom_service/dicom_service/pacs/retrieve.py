"""Retrieving an object by WADO-RS (PS3.18 section 10.4) or WADO-URI (section 9), and pictures of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dicom_service.errors import InvalidRequest, PacsError, PacsObjectUnknown, PacsRefusedCredentials
from dicom_service.pacs.dialects import Dialect, PictureWay
from dicom_service.pacs.multipart import first_part, is_multipart
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import PacsStream
from dicom_service.uid import is_existing_uid

PREFIX_AT = 128
PREFIX = b"DICM"

NOT_THIS_WAY = frozenset({400, 406, 415})


@dataclass(frozen=True)
class Instance:
    """Where an object stands: its three UIDs, which become parts of paths; raises PacsError for what is no UID."""

    study_uid: str
    series_uid: str
    instance_uid: str

    def __post_init__(self) -> None:
        if not all(map(is_existing_uid, (self.study_uid, self.series_uid, self.instance_uid))):
            raise PacsError("An object has a UID that is none")


@dataclass(frozen=True)
class Rendering:
    """What a picture is wanted like: longest side in pixels, 1-based frame, (centre, width) of the window, quality."""

    size: int
    frame: int | None
    window: tuple[float, float] | None
    quality: int


@dataclass(frozen=True)
class ObjectStream:
    """An object while it comes: its bytes, which can be read once, and how many they are, 0 if that is not known."""

    size: int
    pieces: Iterator[bytes]


@contextmanager
def stream_instance(session: PacsSession, dialect: Dialect, instance: Instance) -> Iterator[ObjectStream]:
    """The object as the PACS stores it, a Part 10 file (PS3.10 section 7), piece by piece.

    Raises PacsObjectUnknown where the PACS has none. The pieces raise PacsError where what comes is no DICOM, whatever
    its label, or does not come whole: what came before is not to be taken for the object.
    """
    for path, query, headers in _object_requests(dialect, instance):
        answers = {200, *NOT_THIS_WAY}
        with session.stream(path, query=query, headers=headers, answers=answers) as answer:
            if answer.status not in NOT_THIS_WAY:
                yield _object_stream(answer)
                return
    raise PacsError("The PACS offers the object in no way that is known")


def _object_requests(dialect: Dialect, instance: Instance) -> list[tuple[str, dict[str, str] | None, dict[str, str]]]:
    """Path, query and headers of each way to ask for the object, the likeliest first.

    By WADO-URI O3 transcodes unless it is asked for the original, which is no transfer syntax of the standard (PS3.18
    section 9.1.2.2.3): another server refuses it, and is asked without one.
    """
    if dialect.retrieval == "wado-uri":
        query = _wado_uri(instance, "application/dicom")
        return [(dialect.retrieving, query | {"transferSyntax": "original"}, {}), (dialect.retrieving, query, {})]
    path = _wado_rs_path(dialect, instance)
    return [(path, None, {"Accept": accept}) for accept in dialect.accepts]


def _object_stream(answer: PacsStream) -> ObjectStream:
    content_type = answer.headers.get("Content-Type", "")
    if is_multipart(content_type):
        return ObjectStream(0, _part10_pieces(first_part(content_type, answer.pieces)))
    return ObjectStream(answer.length, _part10_pieces(answer.pieces))


def _part10_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    start = b""
    try:
        while len(start) < PREFIX_AT + len(PREFIX) and (piece := next(pieces, b"")):
            start += piece
        if start[PREFIX_AT : PREFIX_AT + len(PREFIX)] != PREFIX:
            raise PacsError("The PACS answered something that is no DICOM object")
        yield start
        yield from pieces
    except InvalidRequest as error:
        raise PacsError(f"The PACS answered a broken multipart body: {error.detail}") from error


def retrieve_picture(
    session: PacsSession, dialect: Dialect, way: PictureWay, instance: Instance, wanted: Rendering
) -> bytes | None:
    """What the PACS answers when asked for a picture in one way; None where it cannot.

    It may be anything (an empty body, HTML): the caller must look. Raises PacsRefusedCredentials, and PacsObjectUnknown
    where the PACS knows no such object or has no such way.
    """
    path, query = _picture_request(dialect, way, instance, wanted)
    try:
        answer = session.send("GET", path, query=query, headers={"Accept": "image/jpeg"})
    except (PacsRefusedCredentials, PacsObjectUnknown):
        raise
    except PacsError:
        return None
    return answer.body


def _picture_request(
    dialect: Dialect, way: PictureWay, instance: Instance, wanted: Rendering
) -> tuple[str, dict[str, str]]:
    if way == "wado-uri":
        return dialect.retrieving, _wado_uri(instance, "image/jpeg") | _wado_uri_options(wanted)
    path = _wado_rs_path(dialect, instance)
    if way == "thumbnail":
        return f"{path}/thumbnail", {}
    frame = f"/frames/{wanted.frame}" if wanted.frame else ""
    query = {"viewport": f"{wanted.size},{wanted.size}", "quality": str(wanted.quality)}
    if wanted.window:
        query["window"] = f"{wanted.window[0]:g},{wanted.window[1]:g},linear"
    return f"{path}{frame}/rendered", query


def _wado_uri(instance: Instance, content_type: str) -> dict[str, str]:
    """The query of PS3.18 section 9.4."""
    return {
        "requestType": "WADO",
        "studyUID": instance.study_uid,
        "seriesUID": instance.series_uid,
        "objectUID": instance.instance_uid,
        "contentType": content_type,
    }


def _wado_uri_options(wanted: Rendering) -> dict[str, str]:
    options = {"rows": str(wanted.size), "columns": str(wanted.size), "imageQuality": str(wanted.quality)}
    if wanted.frame:
        options["frameNumber"] = str(wanted.frame)
    if wanted.window:
        options |= {"windowCenter": f"{wanted.window[0]:g}", "windowWidth": f"{wanted.window[1]:g}"}
    return options


def _wado_rs_path(dialect: Dialect, instance: Instance) -> str:
    return f"{dialect.retrieving}/{instance.study_uid}/series/{instance.series_uid}/instances/{instance.instance_uid}"
