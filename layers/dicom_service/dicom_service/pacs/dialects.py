"""How each kind of PACS speaks, as data: a new PACS is a new entry.

Paths are below PACS_SERVICE_URL; each property may be overridden by its own environment variable.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from dicom_service import settings

Retrieval = Literal["wado-rs", "wado-uri"]
PictureWay = Literal["thumbnail", "rendered", "wado-uri"]
Authorization = Literal["verbatim", "oauth2", "sigv4"]
WorklistKind = Literal["none", "mwl-json", "mwlitems", "orthanc-worklists", "ups-rs"]

MULTIPART = 'multipart/related; type="application/dicom"; transfer-syntax=*'
SINGLE_PART = "application/dicom; transfer-syntax=*"
"""Without the transfer syntax some PACS transcode what they store (PS3.18 section 8.7.3.5.2)."""

PAGE = 100
"""Results: no PACS is known that answers fewer in one page while it has more and does not say so."""

MANY = 10_000
"""In one page: as many as a PACS without a limit of its own is asked for."""


@dataclass(frozen=True)
class Dialect:
    """What one kind of PACS offers, and where.

    `storing` is the STOW-RS path (PS3.18 section 10.5), `searching` the QIDO-RS path of studies (10.6), `retrieving`
    the WADO path: of studies where `retrieval` is `wado-rs` (10.4), of the URI service where it is `wado-uri` (9).
    `accepts` are the media types to ask for an object with by WADO-RS, the likeliest first: some PACS know one of them
    alone. `pictures` are the ways to ask for a JPEG, the cheapest first. `authorization` is how the service shows who
    it is. `page` is how many results of a search to ask for at a time: some PACS sort everything anew for each page,
    others refuse a limit above their own. `worklist` is the protocol of its worklist, the paths after it are where that
    protocol is spoken.
    """

    storing: str
    searching: str
    retrieving: str
    retrieval: Retrieval = "wado-rs"
    accepts: tuple[str, ...] = (MULTIPART, SINGLE_PART)
    pictures: tuple[PictureWay, ...] = ("thumbnail", "rendered")
    authorization: Authorization = "verbatim"
    page: int = PAGE
    worklist: WorklistKind = "none"
    workitem_creation: str = ""
    workitem_retrieval: str = ""
    workitem_deletion: str = ""
    patient_creation: str = ""


DIALECTS = {
    "o3": Dialect(
        storing="/o3-dpacs-wado/stowRsListener/DICOMSERVICE/studies",
        searching="/o3-dpacs-wado/qido/DICOMSERVICE/studies",
        retrieving="/o3-dpacs-wado/wado",
        retrieval="wado-uri",
        pictures=("wado-uri",),
        worklist="mwl-json",
        workitem_creation="/o3-dpacs-wado/mwl/create",
        workitem_retrieval="/o3-dpacs-wado/mwl/search",
        workitem_deletion="/o3-dpacs-wado/mwl/delete",
    ),
    "dicomweb": Dialect(
        storing="/studies",
        searching="/studies",
        retrieving="/studies",
        workitem_creation="/workitems",
        workitem_retrieval="/workitems",
        workitem_deletion="/workitems",
    ),
    "dcm4chee": Dialect(
        storing="/aets/DCM4CHEE/rs/studies",
        searching="/aets/DCM4CHEE/rs/studies",
        retrieving="/aets/DCM4CHEE/rs/studies",
        page=MANY,
        worklist="mwlitems",
        workitem_creation="/aets/WORKLIST/rs/mwlitems",
        workitem_retrieval="/aets/WORKLIST/rs/mwlitems",
        workitem_deletion="/aets/WORKLIST/rs/mwlitems",
        patient_creation="/aets/DCM4CHEE/rs/patients",
    ),
    "orthanc": Dialect(
        storing="/dicom-web/studies",
        searching="/dicom-web/studies",
        retrieving="/dicom-web/studies",
        pictures=("rendered",),
        page=MANY,
        worklist="orthanc-worklists",
        workitem_creation="/worklists/create",
        workitem_retrieval="/worklists",
        workitem_deletion="/worklists",
    ),
    "azure": Dialect(
        storing="/v2/studies",
        searching="/v2/studies",
        retrieving="/v2/studies",
        pictures=("rendered",),
        worklist="ups-rs",
        workitem_creation="/v2/workitems",
        workitem_retrieval="/v2/workitems",
        workitem_deletion="/v2/workitems",
    ),
    "google": Dialect(
        storing="/dicomWeb/studies",
        searching="/dicomWeb/studies",
        retrieving="/dicomWeb/studies",
        pictures=("rendered",),
    ),
    "healthimaging": Dialect(
        storing="/studies",
        searching="/studies",
        retrieving="/studies",
        accepts=(SINGLE_PART, MULTIPART),
        pictures=(),
        authorization="sigv4",
    ),
}

DEFAULT = "o3"

PATHS = {
    "storing": "PACS_POST_EXAM_ENDPOINT",
    "searching": "PACS_EXAMS_RETRIEVING_ENDPOINT",
    "retrieving": "PACS_WADO_ENDPOINT",
    "workitem_creation": "PACS_WORKITEM_CREATION_ENDPOINT",
    "workitem_retrieval": "PACS_WORKITEM_RETRIEVAL_ENDPOINT",
    "workitem_deletion": "PACS_WORKITEM_DELETION_ENDPOINT",
    "patient_creation": "PACS_PATIENT_CREATION_ENDPOINT",
}
STUDY_PLACE = "{studyInstanceUID}"
PLACES = {"workitem_deletion": STUDY_PLACE}
"""What a path may hold in place of an identifier; where it does not, the identifier is put behind it."""

CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "retrieval": ("PACS_RETRIEVAL", get_args(Retrieval)),
    "authorization": ("PACS_AUTHORIZATION", get_args(Authorization)),
    "worklist": ("PACS_WORKLIST", get_args(WorklistKind)),
}
PICTURES = "PACS_PICTURES"
"""The ways to ask for a picture, separated by commas, or `none`: objects are then drawn here."""

CONTENT_TYPES = "PACS_RETRIEVAL_TYPES"
"""Which of `multipart` and `single` to ask for an object with, in this order, separated by commas."""

ACCEPTS = {"multipart": MULTIPART, "single": SINGLE_PART}


def dialect() -> Dialect:
    """The dialect that PACS_DIALECT names, with every property that the environment overrides."""
    chosen = chosen_dialect()
    paths: dict[str, Any] = {
        field: settings.path(name, getattr(chosen, field), PLACES.get(field, "")) for field, name in PATHS.items()
    }
    overrides = {field: path for field, path in paths.items() if path != "/"}
    for field, (name, choices) in CHOICES.items():
        overrides[field] = settings.choice(name, choices, getattr(chosen, field))
    pictures = picture_ways()
    accepts = settings.words(CONTENT_TYPES, tuple(ACCEPTS))
    return replace(
        chosen,
        **overrides,
        pictures=chosen.pictures if pictures is None else pictures,
        accepts=tuple(ACCEPTS[name] for name in accepts) if accepts else chosen.accepts,
    )


def chosen_dialect() -> Dialect:
    """The one that PACS_DIALECT names, as it stands in the table."""
    return DIALECTS[settings.choice("PACS_DIALECT", tuple(DIALECTS), DEFAULT)]


def picture_ways() -> tuple[PictureWay, ...] | None:
    """Those of PACS_PICTURES, none of them for `none`; None where it is not set."""
    given = settings.optional(PICTURES)
    if given in ("", "none"):
        return () if given else None
    return cast("tuple[PictureWay, ...]", settings.words(PICTURES, get_args(PictureWay)))
