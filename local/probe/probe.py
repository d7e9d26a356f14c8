"""Asks an unknown PACS what it can do, and works out the settings to use it with."""

from dataclasses import fields

from dicom_service.pacs.dialects import ACCEPTS, CONTENT_TYPES, DIALECTS, PICTURES, Dialect
from local.probe.caller import Caller
from local.probe.imaging import Uids, remove, retrieval_manner, search_manner, some_object, store, trees
from local.probe.report import Report
from local.probe.sample import sample_object
from local.probe.worklists import worklist

REFUSED = (401, 403)
LIKELIEST = ("o3", "orthanc", "dcm4chee", "azure", "google", "dicomweb", "healthimaging")


def probe(caller: Caller, *, preferred: str = "", store_and_remove: bool = False) -> Report:
    """What the PACS answers to requests that change nothing; the `preferred` dialect goes before others that fit.

    Only where `store_and_remove` it is sent one tiny object of nobody, which is removed again where the PACS can.
    """
    report = Report()
    report.found("address", caller.url)
    if not _lets_in(caller, report):
        return report
    candidates = trees(caller)
    if not candidates:
        report.found("searching", "on no path that is known: is the address the PACS's own?")
        return report
    name = preferred if preferred in candidates else min(candidates, key=lambda one: _rank(caller, one))
    dialect = DIALECTS[name]
    report.found("searching", f"QIDO-RS at {dialect.searching}")
    search_manner(caller, dialect, report)
    seen = _with_an_object(caller, dialect, report, store_and_remove=store_and_remove)
    kind, path = worklist(caller, name, report)
    report.settings |= {"PACS_SERVICE_URL": caller.url, "PACS_DIALECT": name, **_overrides(dialect, seen)}
    if kind == "none":
        report.settings["WORKLIST_BACKEND"] = "dynamodb"
    elif kind != dialect.worklist:
        report.settings["PACS_WORKLIST"] = kind
        report.settings |= {f"PACS_WORKITEM_{step}_ENDPOINT": path for step in ("CREATION", "RETRIEVAL", "DELETION")}
    return report


def _lets_in(caller: Caller, report: Report) -> bool:
    """Says how the PACS asks who is there; False where it does not let the given credentials in."""
    paths = dict.fromkeys(dialect.searching for dialect in DIALECTS.values())
    query = {"limit": "1"}
    anonymous = [caller.ask(path, query=query, anonymous=True) for path in paths]
    if all(heard.status == 0 for heard in anonymous):
        report.found("answering", f"no ({anonymous[0].why})")
        return False
    refusing = [heard for heard in anonymous if heard.status in REFUSED]
    scheme = next((heard.headers["www-authenticate"] for heard in refusing if "www-authenticate" in heard.headers), "")
    asks = f"asked for{f' ({scheme.split()[0]})' if scheme else ''}" if refusing else "not asked for"
    if refusing and all(caller.ask(path, query=query).status in (*REFUSED, 404) for path in paths):
        report.found(
            "credentials", f"{asks}; those given are refused: set PACS_AUTHORIZATION_TOKEN or PACS_AUTHORIZATION"
        )
        return False
    report.found("credentials", f"{asks}{'; those given are let in' if refusing else ''}")
    return True


def _rank(caller: Caller, name: str) -> tuple[bool, int]:
    """Of dialects that search at one path: first the one whose worklist answers, then the likeliest."""
    if DIALECTS[name].worklist == "none":
        return True, LIKELIEST.index(name)
    return worklist(caller, name, Report())[0] != DIALECTS[name].worklist, LIKELIEST.index(name)


def _with_an_object(caller: Caller, dialect: Dialect, report: Report, *, store_and_remove: bool) -> Dialect:
    """The dialect as one object shows it: one that the PACS holds, or the probe's own."""
    if not store_and_remove:
        uids = some_object(caller, dialect)
        if uids is None:
            report.found("retrieving", "not looked at: it holds no object (STORE=true stores one, and removes it)")
            return dialect
        return retrieval_manner(caller, dialect, uids, report)
    part10, own = sample_object()
    if not store(caller, dialect, part10, own, report):
        return dialect
    return _seen(caller, dialect, own, report)


def _seen(caller: Caller, dialect: Dialect, uids: Uids, report: Report) -> Dialect:
    try:
        return retrieval_manner(caller, dialect, uids, report)
    finally:
        remove(caller, dialect, uids, report)


def _overrides(dialect: Dialect, seen: Dialect) -> dict[str, str]:
    """Variables for what was seen to differ from the dialect."""
    changed = {field.name for field in fields(Dialect) if getattr(dialect, field.name) != getattr(seen, field.name)}
    overrides: dict[str, str] = {}
    if "accepts" in changed and dialect.accepts[0] not in seen.accepts:
        overrides[CONTENT_TYPES] = ",".join(name for name, accept in ACCEPTS.items() if accept in seen.accepts)
    if "pictures" in changed:
        overrides[PICTURES] = ",".join(seen.pictures) or "none"
    return overrides
