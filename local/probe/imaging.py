"""How a PACS searches, gives and draws objects, looked at through one of those that it holds."""

from dataclasses import replace

from dicom_service.errors import InvalidRequest
from dicom_service.pacs.attributes import first_value
from dicom_service.pacs.dialects import ACCEPTS, DIALECTS, Dialect
from dicom_service.pacs.multipart import is_multipart, related_body, split_parts
from local.probe.caller import Caller, Heard
from local.probe.report import Report

NO_STUDY = "2.25.0"
STUDY_UID, SERIES_UID, SOP_UID = "0020000D", "0020000E", "00080018"
PREFIX_AT = 128
Uids = tuple[str, str, str]


def trees(caller: Caller) -> list[str]:
    """The dialects whose search path answers as a search does, without or with finding anything."""
    names: dict[str, list[str]] = {}
    for name, dialect in DIALECTS.items():
        names.setdefault(dialect.searching, []).append(name)
    query = {"StudyInstanceUID": NO_STUDY, "limit": "1"}
    return [
        name
        for path, of_path in names.items()
        if (heard := caller.ask(path, query=query)).datasets() is not None and not _is_page(heard)
        for name in of_path
    ]


def search_manner(caller: Caller, dialect: Dialect, report: Report) -> None:
    """What nothing found looks like, and how results come in pages."""
    nothing = caller.ask(dialect.searching, query={"StudyInstanceUID": NO_STUDY})
    shown = f"{nothing.status} {nothing.body[:2].decode('latin-1')}".strip()
    report.found("nothing found", shown if nothing.body else f"{nothing.status} with an empty body")
    first = caller.ask(dialect.searching, query={"limit": "1"})
    warned = "with Warning 299" if "299" in first.headers.get("warning", "") else "without a warning"
    studies = first.datasets() or []
    report.found("paging", f"limit=1 gives {len(studies)} of the studies, {warned}" if studies else "it holds no study")


def some_object(caller: Caller, dialect: Dialect) -> Uids | None:
    """The UIDs of any object that the PACS holds."""
    path, uids = dialect.searching, []
    for level, tag in (("series", STUDY_UID), ("instances", SERIES_UID), ("", SOP_UID)):
        found = caller.ask(path, query={"limit": "1"}).datasets() or []
        uid = first_value(found[0], tag) if found else None
        if not isinstance(uid, str):
            return None
        uids.append(uid)
        path = f"{path}/{uid}/{level}"
    return uids[0], uids[1], uids[2]


def retrieval_manner(caller: Caller, dialect: Dialect, uids: Uids, report: Report) -> Dialect:
    """The dialect with the ways of retrieval and of pictures that the PACS has, the given order kept."""
    if dialect.retrieval == "wado-uri":
        given = [name for name in ("multipart", "single") if name == "single" and _gives_by_uri(caller, dialect, uids)]
        report.found("retrieving", "WADO-URI" if given else "not by WADO-URI")
        ways = [way for way in ("wado-uri",) if _draws_by_uri(caller, dialect, uids)]
        report.found("pictures", ", ".join(ways) or "none: drawn by the service")
        return replace(dialect, pictures=tuple(ways))
    path = f"{dialect.retrieving}/{uids[0]}/series/{uids[1]}/instances/{uids[2]}"
    statuses = {name: caller.ask(path, accept=accept) for name, accept in ACCEPTS.items()}
    given = [name for name, heard in statuses.items() if _holds_dicom(heard)]
    said = ", ".join(f"{name} {'yes' if name in given else heard.status}" for name, heard in statuses.items())
    report.found("retrieving", f"WADO-RS: {said}")
    ways = [way for way in ("thumbnail", "rendered") if _is_jpeg(caller.ask(f"{path}/{way}", accept="image/jpeg"))]
    report.found("pictures", ", ".join(ways) or "none: drawn by the service")
    accepts = tuple(accept for accept in dialect.accepts if accept in {ACCEPTS[name] for name in given})
    return replace(dialect, accepts=accepts or dialect.accepts, pictures=tuple(ways))


def store(caller: Caller, dialect: Dialect, part10: bytes, uids: Uids, report: Report) -> bool:
    """Whether the PACS stored the object and said so; the status alone proves nothing."""
    body, content_type = related_body(part10, "application/dicom")
    assert isinstance(body, bytes)  # of bytes it makes bytes
    heard = caller.ask(dialect.storing, method="POST", body=body, content_type=content_type)
    named = uids[2].encode() in heard.body and b"00081199" in heard.body
    report.found("storing", f"{heard.status}, the object {'named as stored' if named else 'not named as stored'}")
    return named


def remove(caller: Caller, dialect: Dialect, uids: Uids, report: Report) -> None:
    """Removes the study in the ways that PACS have, for the standard has none; says so where it stays."""
    for path in (f"{dialect.searching}/{uids[0]}", _orthancs_own(caller, uids)):
        if path:
            caller.ask(path, method="DELETE", accept="*/*")
        if caller.ask(dialect.searching, query={"StudyInstanceUID": uids[0]}).datasets() in ([], None):
            report.found("removing", "the test object is gone again")
            return
    report.found("removing", f"THE TEST OBJECT STAYS: remove study {uids[0]} by hand")


def _orthancs_own(caller: Caller, uids: Uids) -> str:
    """The study's path in Orthanc's own interface, outside DICOMweb; empty where this is no Orthanc."""
    heard = caller.ask("/tools/lookup", method="POST", body=uids[0].encode(), accept="application/json")
    return next((str(one["Path"]) for one in heard.datasets() or [] if one.get("Type") == "Study"), "")


def _gives_by_uri(caller: Caller, dialect: Dialect, uids: Uids) -> bool:
    return _holds_dicom(caller.ask(dialect.retrieving, query=_uri(uids, "application/dicom"), accept="*/*"))


def _draws_by_uri(caller: Caller, dialect: Dialect, uids: Uids) -> bool:
    return _is_jpeg(caller.ask(dialect.retrieving, query=_uri(uids, "image/jpeg"), accept="*/*"))


def _uri(uids: Uids, content_type: str) -> dict[str, str]:
    query = dict(zip(("studyUID", "seriesUID", "objectUID"), uids, strict=True))
    return {"requestType": "WADO", **query, "contentType": content_type}


def _holds_dicom(heard: Heard) -> bool:
    content, content_type = heard.body, heard.headers.get("content-type", "")
    if is_multipart(content_type):
        try:
            content = split_parts(content_type, content)[0].content
        except (InvalidRequest, IndexError):
            return False
    return heard.status == 200 and content[PREFIX_AT : PREFIX_AT + 4] == b"DICM"


def _is_jpeg(heard: Heard) -> bool:
    return heard.status == 200 and heard.body.startswith(b"\xff\xd8\xff")


def _is_page(heard: Heard) -> bool:
    return heard.body.lstrip().startswith(b"<")
