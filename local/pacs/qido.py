"""QIDO-RS: searches for studies, series and instances (PS3.18 section 10.6), in both trees."""

from flask import Blueprint, Response, request

from local.pacs.answers import dicom_json_type, json_answer, with_warnings
from local.pacs.database import Database
from local.pacs.levels import INSTANCE, SERIES, STUDY, Level
from local.pacs.links import dicomweb_link, o3_link
from local.pacs.query import parse_search
from local.pacs.search import run_search

O3_PATHS = {
    "/o3-dpacs-wado/qido/<aet>/studies": STUDY,
    "/o3-dpacs-wado/qido/<aet>/studies/<study_uid>/series": SERIES,
    "/o3-dpacs-wado/qido/<aet>/studies/<study_uid>/series/<series_uid>/instances": INSTANCE,
}
DICOMWEB_PATHS = {
    "/dicom-web/studies": STUDY,
    "/dicom-web/series": SERIES,
    "/dicom-web/instances": INSTANCE,
    "/dicom-web/studies/<study_uid>/series": SERIES,
    "/dicom-web/studies/<study_uid>/instances": INSTANCE,
    "/dicom-web/studies/<study_uid>/series/<series_uid>/instances": INSTANCE,
}
PATH_KEYS = {"study_uid": "StudyInstanceUID", "series_uid": "SeriesInstanceUID"}


def search_routes(database: Database, page_limit: int) -> Blueprint:
    """The search resources. Below study level O3 matches nothing of the levels above; the standard's tree does."""
    routes = Blueprint("qido", __name__)

    def search(level: Level, *, relational: bool, **path: str) -> Response:
        media_type = dicom_json_type()
        within = {PATH_KEYS[name]: uid for name, uid in path.items() if name in PATH_KEYS}
        parsed = parse_search(level, request.args, within, page_limit=page_limit, relational=relational)
        page = run_search(database, parsed, dicomweb_link if relational else o3_link)
        cut = [f"There are {page.remaining} additional results that can be requested"] if page.remaining else []
        answer = json_answer(page.datasets, media_type=media_type)
        return with_warnings(answer, [*parsed.warnings, *(cut if parsed.capped else [])])

    for paths, relational in ((O3_PATHS, False), (DICOMWEB_PATHS, True)):
        for path, level in paths.items():
            defaults = {"level": level, "relational": relational}
            routes.add_url_rule(path, path.replace(".", ""), search, defaults=defaults, methods=["GET"])
    return routes
