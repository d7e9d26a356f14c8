"""Deletes studies, as many PACS do beside the standard: DELETE on the study's own address."""

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from local.pacs.database import Database

BELOW = (
    "DELETE FROM instance WHERE series_id IN (SELECT id FROM series WHERE study_id = ?)",
    "DELETE FROM request WHERE series_id IN (SELECT id FROM series WHERE study_id = ?)",
    "DELETE FROM series WHERE study_id = ?",
    "DELETE FROM announcement WHERE study_id = ?",
    "DELETE FROM study WHERE id = ?",
)


def removal_routes(database: Database) -> Blueprint:
    """The index forgets the study; the files stay until the folder goes."""
    routes = Blueprint("removal", __name__)

    @routes.delete("/dicom-web/studies/<study_uid>")
    def remove(study_uid: str) -> Response:
        with database.write() as connection:
            studies = connection.execute("SELECT id FROM study WHERE StudyInstanceUID = ?", [study_uid]).fetchall()
            if not studies:
                raise NotFound("there is no such study")
            for statement in BELOW:
                connection.executemany(statement, [[study["id"]] for study in studies])
        return Response(status=204)

    return routes
