"""Which worklist a PACS has: each protocol's search is tried at the places where its dialects have it."""

from collections.abc import Callable

from dicom_service.pacs.dialects import DIALECTS, WorklistKind
from local.probe.caller import Caller, Heard
from local.probe.report import Report


def _lists_datasets(heard: Heard) -> bool:
    return heard.datasets() is not None


def _lists_worklists(heard: Heard) -> bool:
    found = heard.datasets()
    return found is not None and heard.content_type == "application/json" and all("Tags" in one for one in found)


def _lists_steps(heard: Heard) -> bool:
    found = heard.datasets()
    return found is not None and all("00741000" in one for one in found)


ANSWERS: dict[WorklistKind, tuple[dict[str, str], Callable[[Heard], bool]]] = {
    "mwl-json": ({"limit": "1"}, _lists_datasets),
    "mwlitems": ({"limit": "1"}, _lists_datasets),
    "orthanc-worklists": ({"format": "Full"}, _lists_worklists),
    "ups-rs": ({"limit": "1"}, _lists_steps),
}
"""What to ask each protocol's search, and how its answer is known."""


def worklist(caller: Caller, dialect_name: str, report: Report) -> tuple[WorklistKind, str]:
    """The protocol that answers, and the path that it answers on; `none` where none does.

    The dialect's own comes first; UPS-RS is also looked for where the standard has it.
    """
    own = DIALECTS[dialect_name]
    places = [(own.worklist, own.workitem_retrieval)]
    if own.worklist != "ups-rs":
        places.append(("ups-rs", own.searching.removesuffix("/studies") + "/workitems"))
    for kind, path in places:
        if kind == "none":
            continue
        query, answers = ANSWERS[kind]
        accept = "application/json" if kind == "orthanc-worklists" else "application/dicom+json"
        heard = caller.ask(path, query=query, accept=accept)
        if answers(heard):
            report.found("worklist", f"{kind} at {path}")
            return kind, path
    report.found("worklist", "none: the service can keep it itself")
    return "none", ""
