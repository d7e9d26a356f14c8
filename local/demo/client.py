"""The demo's conversation with the service: each request and answer in a line or two."""

import json
import re
from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import requests

LONGEST_LINE = 160
SECRET = re.compile(r"dsk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")
TURNED_AWAY = (
    "the service checks its callers and does not know this one: set DICOM_SERVICE_TOKEN to an API key with every "
    "scope, as `AUTH=on make run` prints it"
)


class StepFailed(Exception):
    """A step did not end as it should; says what was expected."""


class Client:
    """Sends requests to the service, with a token where there is one, and prints them and their answers compactly."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        self._step = 0

    def with_token(self, token: str) -> Self:
        """The same conversation as somebody else."""
        other = copy(self)
        other.token = token
        return other

    def say(self, what: str) -> None:
        """The next step's headline."""
        self._step += 1
        print(f"\n{self._step}. {what}", flush=True)

    def call(self, method: str, path: str, *expected: int, **options: Any) -> requests.Response:
        """One request; raises StepFailed where its status is none of those expected."""
        answer = self._send(method, path, **options)
        print(f"   {method} {_compact(requests.utils.unquote(answer.request.path_url))}{_sent(options)}")
        print(f"   {answer.status_code} {_compact(SECRET.sub('dsk_…', _received(answer)))}", flush=True)
        if answer.status_code == 401 and 401 not in expected:
            raise StepFailed(TURNED_AWAY)
        self.expect(answer.status_code in expected, f"status {' or '.join(map(str, expected))}")
        return answer

    def quietly(self, path: str) -> Any:
        """A GET that is asked again and again while waiting; its JSON."""
        answer = self._send("GET", path)
        self.expect(answer.status_code == 200, f"status 200 of {path.partition('?')[0]}")
        return answer.json()

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, self.url + path, headers=headers, timeout=40, allow_redirects=False, **options)

    def expect(self, true: bool, what: str) -> None:
        """Raises StepFailed where it is not so."""
        if not true:
            raise StepFailed(f"step {self._step}: expected {what}")


def _sent(options: Mapping[str, Any]) -> str:
    if "json" in options:
        return " " + _compact(json.dumps(options["json"], ensure_ascii=False))
    if "files" in options:
        return " " + ", ".join(f"{name} ({len(content)} bytes)" for _, (name, content) in options["files"])
    return ""


def _received(answer: requests.Response) -> str:
    if "json" in answer.headers.get("content-type", ""):
        return answer.text
    if not answer.content:
        return "no body"
    return f"{answer.headers.get('content-type')}, {len(answer.content)} bytes"


def _compact(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 3] + "..."
