"""Pictures by Orthanc's own interface, over one connection that is kept."""

import json
from http.client import HTTPConnection, RemoteDisconnected
from typing import Self
from urllib.parse import urlsplit

from tests.orthanc import AUTHORIZATION

JPEG = b"\xff\xd8\xff"


class StoredInOrthanc:
    """One object in an Orthanc, removed at the end, since many test files share a SOP Instance UID."""

    def __init__(self, url: str, part10: bytes) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc)
        self._part10 = part10
        self._path = ""

    def __enter__(self) -> Self:
        status, body = self._ask("POST", "/instances", self._part10)
        if status == 200:
            self._path = f"/instances/{json.loads(body)['ID']}"
        return self

    def __exit__(self, *_: object) -> None:
        if self._path:
            self._ask("DELETE", self._path)
        self._connection.close()

    def rendered(self, frame: int, size: int) -> bool:
        """Whether it gave a JPEG of the frame, counted from 0, within a square of `size` pixels."""
        if not self._path:
            return False
        path = f"{self._path}/frames/{frame}/rendered?width={size}&height={size}"
        status, body = self._ask("GET", path)
        return status == 200 and body.startswith(JPEG)

    def file(self) -> bytes:
        """The object as it is stored."""
        return self._ask("GET", f"{self._path}/file")[1]

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Ask again on a new connection where Orthanc has just closed the old one, as it does with idle ones."""
        try:
            return self._ask_once(method, path, body)
        except RemoteDisconnected:
            self._connection.close()
            return self._ask_once(method, path, body)

    def _ask_once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, {"Authorization": AUTHORIZATION, "Accept": "image/jpeg, */*"})
        with self._connection.getresponse() as answer:
            return answer.status, answer.read()
