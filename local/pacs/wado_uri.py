"""WADO-URI: one object by its three UIDs (PS3.18 section 9), as O3 answers it."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotAcceptable

from local.pacs.answers import require
from local.pacs.archive import Archive
from local.pacs.pictures import MAX_SIDE, Wanted, number, window
from local.pacs.stow import APPLICATION_DICOM
from local.pacs.transcode import EXPLICIT_VR_LITTLE_ENDIAN

IMAGE_JPEG = "image/jpeg"
ORIGINAL = "original"


def wado_uri_routes(archive: Archive) -> Blueprint:
    """The one resource. Like O3 it transcodes unless told otherwise, and a picture it cannot draw is an empty 200."""
    routes = Blueprint("wado_uri", __name__)

    @routes.get("/o3-dpacs-wado/wado")
    def retrieve() -> Response:
        request_type, *uids = require(request.args, "requestType", "studyUID", "seriesUID", "objectUID")
        if request_type != "WADO":
            raise BadRequest("requestType is WADO")
        content_type = request.args.get("contentType", IMAGE_JPEG)
        if content_type not in (APPLICATION_DICOM, IMAGE_JPEG):
            raise NotAcceptable(f"contentType is {APPLICATION_DICOM} or {IMAGE_JPEG}")
        wanted = _wanted() if content_type == IMAGE_JPEG else None
        instance = archive.find(*uids)[0]
        if wanted:
            return Response(archive.picture(instance, wanted) or b"", content_type=IMAGE_JPEG)
        if request.args.get("transferSyntax") != ORIGINAL and instance.transfer_syntax_uid != EXPLICIT_VR_LITTLE_ENDIAN:
            return Response(archive.transcoded(instance), content_type=APPLICATION_DICOM)
        length = {"Content-Length": str(instance.file.size)}
        return Response(archive.pieces(instance), headers=length, content_type=APPLICATION_DICOM)

    return routes


def _wanted() -> Wanted:
    """PS3.18 section 9.1.2.2: the parameters of a rendered object."""
    given = request.args
    sides = {side: number(given[side], side, 1, MAX_SIDE) for side in ("rows", "columns") if side in given}
    windowed = "windowCenter" in given or "windowWidth" in given
    return Wanted(
        width=sides.get("columns", 0),
        height=sides.get("rows", 0),
        frame=number(given["frameNumber"], "frameNumber", 1, 10**6) if "frameNumber" in given else None,
        window=window(given.get("windowCenter", ""), given.get("windowWidth", "")) if windowed else None,
        quality=number(given.get("imageQuality", "85"), "imageQuality", 1, 100),
    )
