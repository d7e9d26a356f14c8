"""WADO-RS: instances, metadata and pictures of the standard's tree (PS3.18 section 10.4)."""

from collections.abc import Iterator

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotAcceptable, NotFound

from local.pacs.answers import accepted, dicom_json_type
from local.pacs.archive import Archive
from local.pacs.index import StoredInstance
from local.pacs.multipart import joined_parts, new_boundary
from local.pacs.pictures import MAX_SIDE, THUMBNAIL_SIDE, Wanted, number, window
from local.pacs.stow import APPLICATION_DICOM, MULTIPART_RELATED
from local.pacs.transcode import EXPLICIT_VR_LITTLE_ENDIAN
from local.pacs.wado_uri import IMAGE_JPEG

STUDY = "/dicom-web/studies/<study_uid>"
SERIES = f"{STUDY}/series/<series_uid>"
INSTANCE = f"{SERIES}/instances/<instance_uid>"
ANY_SYNTAX = "*"


def retrieve_routes(archive: Archive) -> Blueprint:
    """Objects and metadata of a study, a series or an instance."""
    routes = Blueprint("wado_rs", __name__)

    @routes.get(STUDY)
    @routes.get(SERIES)
    @routes.get(INSTANCE)
    def retrieve(study_uid: str, series_uid: str = "", instance_uid: str = "") -> Response:
        media_type, syntax = _object_type(single=bool(instance_uid))
        instances = archive.find(study_uid, series_uid, instance_uid)
        if not all(syntax in (ANY_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN, i.transfer_syntax_uid) for i in instances):
            raise NotAcceptable("the object is not available in this transfer syntax")
        if media_type == APPLICATION_DICOM:
            return Response(_pieces(archive, instances[0], syntax), content_type=APPLICATION_DICOM)
        boundary = new_boundary()
        parts = ((APPLICATION_DICOM, _pieces(archive, instance, syntax)) for instance in instances)
        content_type = f'{MULTIPART_RELATED}; type="{APPLICATION_DICOM}"; boundary={boundary}'
        return Response(joined_parts(parts, boundary), content_type=content_type)

    @routes.get(f"{STUDY}/metadata")
    @routes.get(f"{SERIES}/metadata")
    @routes.get(f"{INSTANCE}/metadata")
    def metadata(study_uid: str, series_uid: str = "", instance_uid: str = "") -> Response:
        media_type = dicom_json_type()
        datasets = archive.index.metadata(study_uid, series_uid, instance_uid)
        if not datasets:
            raise NotFound("there is no such object")
        return Response(f"[{','.join(datasets)}]", content_type=media_type)

    return routes


def rendered_routes(archive: Archive) -> Blueprint:
    """Rendered instances and frames, and thumbnails at every level; 406 for what cannot be drawn."""
    routes = Blueprint("rendered", __name__)

    @routes.get(f"{INSTANCE}/rendered")
    @routes.get(f"{INSTANCE}/frames/<frame>/rendered")
    def rendered(study_uid: str, series_uid: str, instance_uid: str, frame: str = "") -> Response:
        return picture((study_uid, series_uid, instance_uid), _wanted(frame))

    @routes.get(f"{STUDY}/thumbnail")
    @routes.get(f"{SERIES}/thumbnail")
    @routes.get(f"{INSTANCE}/thumbnail")
    @routes.get(f"{INSTANCE}/frames/<frame>/thumbnail")
    def thumbnail(study_uid: str, series_uid: str = "", instance_uid: str = "", frame: str = "") -> Response:
        return picture((study_uid, series_uid, instance_uid), _wanted(frame, THUMBNAIL_SIDE))

    def picture(uids: tuple[str, str, str], wanted: Wanted) -> Response:
        if not any(media_type in (IMAGE_JPEG, "image/*", "*/*") for media_type, _ in accepted(request)):
            raise NotAcceptable(f"pictures are {IMAGE_JPEG}")
        jpeg = archive.picture(archive.find(*uids)[0], wanted)
        if jpeg is None:
            raise NotAcceptable("the object has nothing that can be rendered")
        return Response(jpeg, content_type=IMAGE_JPEG)

    return routes


def _object_type(*, single: bool) -> tuple[str, str]:
    """The media type and transfer syntax of the answer, by the client's preference (PS3.18 section 8.7.3)."""
    for media_type, parameters in accepted(request):
        syntax = parameters.get("transfer-syntax", ANY_SYNTAX)
        if media_type in ("*/*", "multipart/*"):
            return MULTIPART_RELATED, syntax
        if media_type == MULTIPART_RELATED and parameters.get("type", APPLICATION_DICOM) == APPLICATION_DICOM:
            return MULTIPART_RELATED, syntax
        if media_type in (APPLICATION_DICOM, "application/*") and single:
            return APPLICATION_DICOM, syntax
    raise NotAcceptable(f'objects are {MULTIPART_RELATED}; type="{APPLICATION_DICOM}"')


def _pieces(archive: Archive, instance: StoredInstance, syntax: str) -> Iterator[bytes]:
    if syntax in (ANY_SYNTAX, instance.transfer_syntax_uid):
        return archive.pieces(instance)
    return iter([archive.transcoded(instance)])


def _wanted(frame: str, side: int = MAX_SIDE) -> Wanted:
    """PS3.18 section 8.3.5: `viewport=width,height`, `window=centre,width,function`, `quality`."""
    given = request.args
    viewport = [number(text, "viewport", 1, MAX_SIDE) for text in given.get("viewport", f"{side},{side}").split(",")]
    if len(viewport) != 2:
        raise BadRequest("viewport is width,height")
    centre, width = (*given.get("window", "").split(","), "")[:2]
    return Wanted(
        width=viewport[0],
        height=viewport[1],
        frame=number(frame, "frame", 1, 10**6) if frame else None,
        window=window(centre, width) if "window" in given else None,
        quality=number(given.get("quality", "85"), "quality", 1, 100),
    )
