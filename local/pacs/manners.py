"""The manners of other PACS, which the embedded one can take on: where their tree is, what they offer and refuse.

What each really answers is in docs/pacs.md; this is what the stand-in can show of it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, abort, request

from local.pacs.answers import accepted
from local.pacs.stow import APPLICATION_DICOM, MULTIPART_RELATED

OWN_TREE = "/dicom-web"
INSTANCE = re.compile(r"/dicom-web/studies/[^/]+/series/[^/]+/instances/[^/]+")
SEARCH = re.compile(r"/dicom-web/(studies(/[^/]+/series(/[^/]+/instances)?)?)")
PICTURE = re.compile(r"/(thumbnail|rendered)$")
ANY_TYPE = "*/*"
EVERYWHERE = ("/ngv", "/oauth2/")
"""The viewer, and where tokens are given out."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Manner:
    """How one kind of PACS behaves.

    `base` stands behind the server's address in PACS_SERVICE_URL, `tree` is where its DICOMweb tree is, with UPS-RS
    where `steps`, and `beside` what it has beside the tree; everything else is unknown there. `objects` are
    the media types that it gives an object as, `not_this_type` its status for others, `pictures` the resources that it
    renders, `nothing` what it answers to a search that finds nothing: a status and a body.
    """

    base: str = ""
    tree: str = OWN_TREE
    beside: tuple[str, ...] = ()
    steps: bool = False
    objects: tuple[str, ...] = (MULTIPART_RELATED, APPLICATION_DICOM)
    not_this_type: int = 406
    pictures: tuple[str, ...] = ("thumbnail", "rendered")
    nothing: tuple[int, bytes] = (200, b"[]")


MANNERS = {
    "o3": Manner(tree="", beside=("/o3-dpacs-wado/",)),
    "dicomweb": Manner(base=OWN_TREE, steps=True),
    "dcm4chee": Manner(
        base="/dcm4chee-arc",
        tree="/dcm4chee-arc/aets/DCM4CHEE/rs",
        beside=("/dcm4chee-arc/",),
        objects=(MULTIPART_RELATED,),
        nothing=(204, b""),
    ),
    "orthanc": Manner(beside=("/worklists",), objects=(MULTIPART_RELATED,), not_this_type=400, pictures=("rendered",)),
    "azure": Manner(tree="/v2", steps=True, pictures=("rendered",), nothing=(204, b"")),
    "google": Manner(tree="/dicomWeb", pictures=("rendered",), nothing=(200, b"")),
    "healthimaging": Manner(
        base="/datastore/d1", tree="/datastore/d1", objects=(APPLICATION_DICOM,), pictures=(), nothing=(200, b"[]")
    ),
}


def take_on(application: Flask, manner: Manner) -> None:
    """Makes the application behave so."""
    application.wsgi_app = _moved(application.wsgi_app, manner)  # type: ignore[method-assign]

    @application.before_request
    def refuse_what_is_not_offered() -> None:
        picture = PICTURE.search(request.path)
        if picture and picture[1] not in manner.pictures:
            abort(404, "there is no such resource")
        if INSTANCE.fullmatch(request.path) and not {kind for kind, _ in accepted(request)} & {
            ANY_TYPE,
            *manner.objects,
        }:
            abort(manner.not_this_type, "objects are not given as this type")

    @application.after_request
    def say_nothing_found(answer: Response) -> Response:
        if SEARCH.fullmatch(request.path) and request.method == "GET" and answer.get_data() == b"[]":
            answer.status_code, body = manner.nothing
            answer.set_data(body)
        return answer


def _moved(application: Application, manner: Manner) -> Application:
    """The application with its tree at the manner's path, and nothing but what that has."""
    roots = ("/studies", "/workitems") if manner.steps else ("/studies",)
    kept = (*EVERYWHERE, *manner.beside)

    def moved(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if manner.tree and path.startswith(tuple(manner.tree + root for root in roots)):
            path = OWN_TREE + path.removeprefix(manner.tree)
        elif not path.startswith(kept) and path != "/":
            path = "/nothing"
        return application({**environ, "PATH_INFO": path}, start)

    return moved
