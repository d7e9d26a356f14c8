"""The DICOM Service over HTTP, as a client sees it."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import requests

TIMEOUT = (5, 60)
PAUSES_SECONDS = (1.0, 3.0, 9.0)
WORTH_REPEATING = frozenset({429, 502, 503, 504})


class Refusal(Exception):
    """The service will not: its status, and what it says of why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Service:
    """The service at a URL. One may be used from several threads."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def name(self) -> str:
        return self._url

    def get(self, path: str, **query: str) -> requests.Response:
        """The answer, redirects not followed; raises Refusal."""
        return self._send("GET", path, params={name: value for name, value in query.items() if value})

    def follow(self, location: str) -> requests.Response:
        """The answer at an address that the service gave, which may leave out its host; raises Refusal."""
        return self._send("GET", urljoin(self._url, location).removeprefix(self._url))

    def post(self, path: str, *, json: Any = None, data: bytes | None = None, content_type: str = "") -> Any:
        """The answer's JSON; raises Refusal. Of a 202 and a 409 too, where the service tells what became of files."""
        headers = {"Content-Type": content_type} if content_type else {}
        return self._send("POST", path, json=json, data=data, headers=headers).json()

    def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> requests.Response:
        """GETs are repeated where the service, or the way to it, fails for a moment."""
        pauses = PAUSES_SECONDS if method == "GET" else ()
        for pause in (*pauses, None):
            try:
                answer = requests.request(
                    method,
                    self._url + path,
                    headers={**self._headers, **(headers or {})},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    **content,
                )
            except requests.RequestException as error:
                if pause is None:
                    raise Refusal(0, f"the service cannot be reached ({type(error).__name__})") from error
            else:
                if answer.status_code not in WORTH_REPEATING or pause is None:
                    return _accepted(answer)
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")


def _accepted(answer: requests.Response) -> requests.Response:
    if answer.status_code < 400:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    reasons = [f"{wrong['field']}: {wrong['message']}" for wrong in problem.get("errors", [])]
    reasons += [refused["reason"] for refused in problem.get("responses", []) if "reason" in refused]
    said = problem.get("detail") or problem.get("message") or answer.reason
    raise Refusal(answer.status_code, "; ".join(reasons) or said)
