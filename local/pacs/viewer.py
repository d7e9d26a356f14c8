"""The viewer's single-use tokens, as O3's viewer hands them out."""

import secrets
import time

from flask import Blueprint, Response, request
from markupsafe import escape
from werkzeug.exceptions import BadRequest, Gone, NotFound

from local.pacs.answers import require
from local.pacs.database import Database

ROLES = ("patient", "diagnostic")
TOKEN_SECONDS = 900.0

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>DICOM viewer</title>
<h1>DICOM viewer</h1>
<p>A stand-in: this is where the viewer shows study <code>{study_uid}</code> to the role <code>{role}</code>.</p>
</html>
"""


def viewer_routes(database: Database) -> Blueprint:
    """A token for a study, whether or not it is known, and the page that takes it once within 15 minutes."""
    routes = Blueprint("viewer", __name__)

    @routes.get("/ngv/obscurl")
    def create_token() -> Response:
        _, role = require(request.args, "username", "role")
        if role not in ROLES:
            raise BadRequest(f"role is one of {', '.join(ROLES)}")
        token = secrets.token_urlsafe(32)
        with database.write() as connection:
            connection.execute(
                "INSERT INTO viewer_token (token, study_uid, role, expires) VALUES (?, ?, ?, ?)",
                [token, request.args.get("studyUID", ""), role, time.time() + TOKEN_SECONDS],
            )
        return Response(token, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})

    @routes.get("/ngv")
    def view() -> Response:
        (token,) = require(request.args, "q")
        with database.write() as connection:
            known = connection.execute("SELECT * FROM viewer_token WHERE token = ?", [token]).fetchone()
            connection.execute("UPDATE viewer_token SET used = 1 WHERE token = ?", [token])
        if not known:
            raise NotFound("there is no such token")
        if known["used"] or known["expires"] < time.time():
            raise Gone("the token is used up")
        page = PAGE.format(study_uid=escape(known["study_uid"]), role=escape(known["role"]))
        return Response(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})

    return routes
