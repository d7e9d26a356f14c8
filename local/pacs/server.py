"""The embedded PACS: a real HTTP server with an index in SQLite and the objects on disk."""

import hmac
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, Unauthorized

from local.pacs.answers import json_answer
from local.pacs.archive import Archive
from local.pacs.callers import SigningKey, Tokens, token_routes
from local.pacs.database import Database
from local.pacs.dicom_json import quiet_pydicom
from local.pacs.index import Index
from local.pacs.listener import Listener
from local.pacs.manners import MANNERS, take_on
from local.pacs.mwlitems import mwlitems_routes
from local.pacs.orthanc_worklists import orthanc_worklist_routes
from local.pacs.qido import search_routes
from local.pacs.removal import removal_routes
from local.pacs.storage import Storage
from local.pacs.stow import Store, store_routes
from local.pacs.ups import ups_routes
from local.pacs.viewer import viewer_routes
from local.pacs.wado_rs import rendered_routes, retrieve_routes
from local.pacs.wado_uri import wado_uri_routes
from local.pacs.webhook import Webhook
from local.pacs.worklist import worklist_routes

GUARDED = ("/o3-dpacs-wado/", "/dicom-web/", "/dcm4chee-arc/", "/worklists")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PacsSettings:
    """How a PACS is run.

    `authorization` and `viewer_authorization` are required verbatim as `Authorization`, where they are not empty.
    Where there are `tokens` or a `signing_key`, callers show one of those instead. `manner` is the name of the PACS
    that it behaves like; empty, it is everything at once. `webhook_url` is called when a study has been quiet for
    `quiet_seconds`, with `webhook_authorization` as `Authorization` where that is not empty. `page_limit` is the most
    that the answer to a search holds.
    """

    data_dir: Path
    port: int = 0
    authorization: str = ""
    viewer_authorization: str = ""
    webhook_url: str = ""
    webhook_authorization: str = ""
    quiet_seconds: float = 1.0
    page_limit: int = 100
    manner: str = ""
    tokens: Tokens | None = None
    signing_key: SigningKey | None = None


class EmbeddedPacs:
    """A PACS on 127.0.0.1, from `start` to `stop` or as a context manager; what it stored stays."""

    def __init__(self, settings: PacsSettings) -> None:
        self._settings = settings

    def start(self) -> Self:
        """Opens the data and answers at `url`. Raises OSError when the port is taken."""
        settings = self._settings
        quiet_pydicom()
        storage = Storage(settings.data_dir / "objects")
        self._database = Database(settings.data_dir / "index.sqlite")
        index = Index(self._database, settings.quiet_seconds if settings.webhook_url else None)
        archive = Archive(index, storage)
        self._webhook = Webhook(
            self._database, archive, settings.webhook_url, settings.webhook_authorization, settings.quiet_seconds
        )
        try:
            application = _application(settings, self._database, archive, Store(storage, index, self._webhook.wake))
            self._listener = Listener(settings.port, application)
        except OSError:
            self._database.close()
            raise
        self._webhook.start()
        self._listener.start()
        return self

    def stop(self) -> None:
        """Ends within two seconds; what was answered as stored is on disk, what is to be announced is remembered."""
        self._webhook.cut_off()
        self._listener.stop()
        self._webhook.join()
        self._database.close()

    @property
    def base_url(self) -> str:
        """What PACS_SERVICE_URL is for a client that takes it for the PACS whose manner it has."""
        return self.url + (MANNERS[self._settings.manner].base if self._settings.manner else "")

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self._listener.url

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _application(settings: PacsSettings, database: Database, archive: Archive, store: Store) -> Flask:
    application = Flask(__name__, static_folder=None)
    for routes in (
        store_routes(store),
        search_routes(database, settings.page_limit),
        retrieve_routes(archive),
        rendered_routes(archive),
        wado_uri_routes(archive),
        worklist_routes(database),
        mwlitems_routes(database),
        orthanc_worklist_routes(database),
        ups_routes(database),
        removal_routes(database),
        viewer_routes(database),
        *([token_routes(settings.tokens)] if settings.tokens else []),
    ):
        application.register_blueprint(routes)
    application.add_url_rule("/", "about", _about)
    application.register_error_handler(HTTPException, _client_error)
    application.register_error_handler(Exception, _own_error)
    _guard(application, settings)
    if settings.manner:
        take_on(application, MANNERS[settings.manner])
    return application


def _guard(application: Flask, settings: PacsSettings) -> None:
    """Lets in who shows the key, the token or the signature that is asked for."""
    caller = settings.tokens or settings.signing_key
    keys = dict.fromkeys(GUARDED, settings.authorization) | {"/ngv/obscurl": settings.viewer_authorization}

    @application.before_request
    def authorize() -> None:
        tree = next((path for path in keys if request.path.startswith(path)), "")
        key = keys.get(tree, "")
        if caller and tree in GUARDED:
            known = caller.know(request)
        else:
            known = not key or hmac.compare_digest(request.headers.get("Authorization", "").encode(), key.encode())
        if not known:
            raise Unauthorized("the Authorization header is missing or wrong")


def _about() -> Response:
    return json_answer({"name": "Embedded PACS", "trees": ["/o3-dpacs-wado", "/dicom-web", "/ngv"]})


def _client_error(error: HTTPException) -> Response:
    return json_answer({"status": error.code, "error": error.description}, error.code or 500)


def _own_error(error: Exception) -> Response:
    """Logs what failed and where, never the message, which may quote a patient's data."""
    frame = sys.exc_info()[2]
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown"
    logger.error("the PACS failed: %s at %s", type(error).__name__, place)
    return json_answer({"status": 500, "error": "internal error"}, 500)
