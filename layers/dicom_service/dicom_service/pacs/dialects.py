"""How each kind of PACS speaks, as data: a new PACS is a new entry.

Paths are below PACS_SERVICE_URL; each may be overridden by its own environment variable.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from dicom_service import settings

PictureWay = Literal["thumbnail", "rendered", "wado-uri"]


@dataclass(frozen=True)
class Dialect:
    """What one kind of PACS offers, and where.

    `storing` is the STOW-RS path (PS3.18 section 10.5), `searching` the QIDO-RS path of studies (10.6), `retrieving`
    the WADO path: of studies where `retrieval` is `wado-rs` (10.4), of the URI service where it is `wado-uri` (9).
    `pictures` are the ways to ask for a JPEG, the cheapest first. The worklist's paths are empty where it has none.
    """

    storing: str
    searching: str
    retrieving: str
    retrieval: Literal["wado-rs", "wado-uri"]
    pictures: tuple[PictureWay, ...]
    workitem_creation: str = ""
    workitem_retrieval: str = ""
    workitem_deletion: str = ""


DIALECTS = {
    "o3": Dialect(
        storing="/o3-dpacs-wado/stowRsListener/DICOMSERVICE/studies",
        searching="/o3-dpacs-wado/qido/DICOMSERVICE/studies",
        retrieving="/o3-dpacs-wado/wado",
        retrieval="wado-uri",
        pictures=("wado-uri",),
        workitem_creation="/o3-dpacs-wado/mwl/create",
        workitem_retrieval="/o3-dpacs-wado/mwl/search",
        workitem_deletion="/o3-dpacs-wado/mwl/delete",
    ),
    "dicomweb": Dialect(
        storing="/studies",
        searching="/studies",
        retrieving="/studies",
        retrieval="wado-rs",
        pictures=("thumbnail", "rendered"),
    ),
    "orthanc": Dialect(
        storing="/dicom-web/studies",
        searching="/dicom-web/studies",
        retrieving="/dicom-web/studies",
        retrieval="wado-rs",
        pictures=("rendered",),
    ),
}

OVERRIDES = {
    "storing": "PACS_POST_EXAM_ENDPOINT",
    "searching": "PACS_EXAMS_RETRIEVING_ENDPOINT",
    "retrieving": "PACS_WADO_ENDPOINT",
    "workitem_creation": "PACS_WORKITEM_CREATION_ENDPOINT",
    "workitem_retrieval": "PACS_WORKITEM_RETRIEVAL_ENDPOINT",
    "workitem_deletion": "PACS_WORKITEM_DELETION_ENDPOINT",
}


def dialect() -> Dialect:
    """The dialect that PACS_DIALECT names, with the paths that the environment overrides."""
    chosen = DIALECTS[settings.choice("PACS_DIALECT", tuple(DIALECTS), "o3")]
    paths: dict[str, Any] = {field: settings.path(name, getattr(chosen, field)) for field, name in OVERRIDES.items()}
    return replace(chosen, **{field: path for field, path in paths.items() if path != "/"})
