"""Calls the webhook when a study has been quiet for a while, and again until it answers 2xx."""

import http.client
import logging
import socket
import threading
import time
from sqlite3 import Row
from urllib.parse import urlsplit

from local.pacs.archive import Archive
from local.pacs.database import Database
from local.pacs.dicom_json import serialize
from local.pacs.event import study_event

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 15.0
RETRY_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Webhook:
    """One thread that announces studies, one after the other; what is to be announced is kept in the database.

    A study that was announced before is announced as INSTANCES_ADDED, else as COMPLETED. Instances that arrive while it
    is being announced make it due again. Does nothing without a URL.
    """

    def __init__(
        self, database: Database, archive: Archive, url: str, authorization: str, quiet_seconds: float
    ) -> None:
        self._database = database
        self._archive = archive
        self._url = urlsplit(url)
        self._headers = {"Content-Type": "application/json; charset=UTF-8", "Connection": "close"}
        if authorization:
            self._headers["Authorization"] = authorization
        self._quiet_seconds = quiet_seconds
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, name="pacs-webhook", daemon=True)

    def start(self) -> None:
        """Starts with what an earlier run left to be announced."""
        if not self._url.hostname:
            return
        with self._database.write() as connection:
            connection.execute("UPDATE announcement SET due = min(due, ?)", [time.time() + self._quiet_seconds])
        self._thread.start()

    def wake(self) -> None:
        """Says that something was stored."""
        self._changed.set()

    def cut_off(self) -> None:
        """Tells the thread to end; a call that is under way is cut off and repeated at the next start."""
        self._stopping.set()
        self._changed.set()
        sock = self._connection.sock if self._connection else None
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                logger.debug("the webhook's connection had ended")

    def join(self) -> None:
        """Waits until the thread has ended, no longer than a connection may take to be refused."""
        if self._thread.is_alive():
            self._thread.join(CONNECT_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()
            next_due = self._next()
            delay = next_due["due"] - time.time() if next_due else None
            if next_due is None or (delay is not None and delay > 0):
                self._changed.wait(delay)
            else:
                self._settle(next_due, accepted=self._announce(next_due))

    def _next(self) -> Row | None:
        with self._database.read() as connection:
            return connection.execute(
                "SELECT study_id, due, changes, announced FROM announcement JOIN study ON study.id = study_id"
                " ORDER BY due LIMIT 1"
            ).fetchone()

    def _announce(self, due: Row) -> bool:
        """Whether the study's event was accepted."""
        event_type = "INSTANCES_ADDED" if due["announced"] else "COMPLETED"
        try:
            event = study_event(self._database, self._archive, due["study_id"], event_type)
        except Exception as error:  # noqa: BLE001 - one study that cannot be described must not end the others' events
            logger.error("an event could not be made: %s", type(error).__name__)  # noqa: TRY400 - may quote a patient
            return False
        return self._post(serialize(event))

    def _settle(self, due: Row, *, accepted: bool) -> None:
        study_id, changes = due["study_id"], due["changes"]
        with self._database.write() as connection:
            if accepted:
                connection.execute("UPDATE study SET announced = 1 WHERE id = ?", [study_id])
                connection.execute("DELETE FROM announcement WHERE study_id = ? AND changes = ?", [study_id, changes])
            else:
                connection.execute(
                    "UPDATE announcement SET due = ? WHERE study_id = ? AND changes = ?",
                    [time.time() + RETRY_SECONDS, study_id, changes],
                )

    def _post(self, body: bytes) -> bool:
        """Whether the webhook answered 2xx; a redirect is not followed."""
        secure = self._url.scheme == "https"
        connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connection_class(self._url.hostname or "", self._url.port, timeout=CONNECT_SECONDS)
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        self._connection = connection
        try:
            connection.connect()
            if self._stopping.is_set():
                return False
            connection.sock.settimeout(ANSWER_SECONDS)
            connection.request("POST", target, body, self._headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            logger.warning("the webhook did not answer (%s); it is called again", type(error).__name__)
            return False
        finally:
            connection.close()
        if not 200 <= status < 300:
            logger.warning("the webhook answered %d; it is called again", status)
        return 200 <= status < 300
