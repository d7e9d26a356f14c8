"""The demo's conversation with the service: each request and answer in a line or two."""

import json
from collections.abc import Mapping
from typing import Any

import requests

LONGEST_LINE = 160


class StepFailed(Exception):
    """A step did not end as it should; says what was expected."""


class Client:
    """Sends requests to the service and prints them and their answers compactly."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._step = 0

    def say(self, what: str) -> None:
        """The next step's headline."""
        self._step += 1
        print(f"\n{self._step}. {what}", flush=True)

    def call(self, method: str, path: str, *expected: int, **options: Any) -> requests.Response:
        """One request; raises StepFailed where its status is none of those expected."""
        answer = requests.request(method, self.url + path, timeout=40, allow_redirects=False, **options)
        print(f"   {method} {_compact(requests.utils.unquote(answer.request.path_url))}{_sent(options)}")
        print(f"   {answer.status_code} {_compact(_received(answer))}", flush=True)
        self.expect(answer.status_code in expected, f"status {' or '.join(map(str, expected))}")
        return answer

    def quietly(self, path: str) -> Any:
        """A GET that is asked again and again while waiting; its JSON."""
        answer = requests.get(self.url + path, timeout=40)
        self.expect(answer.status_code == 200, f"status 200 of {path.partition('?')[0]}")
        return answer.json()

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
