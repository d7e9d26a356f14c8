"""Chromium without a window, driven by its own DevTools protocol over a socket pair; needs nothing but Chromium.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import contextlib
import itertools
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=1200,1600",
    "--remote-debugging-pipe",
)
PATIENCE = 30.0


@contextlib.contextmanager
def browsing(program: str, profile: Path) -> Iterator["Page"]:
    """A page of a browser of its own; `profile` is an empty folder for what the browser writes."""
    ours, theirs = socket.socketpair()
    wired = f'exec "$0" "$@" 3<&{theirs.fileno()} 4>&{theirs.fileno()}'
    command = ["bash", "-c", wired, program, *OPTIONS, f"--user-data-dir={profile}"]
    with (
        ours,
        theirs,
        subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process,
    ):
        try:
            yield Page(ours)
        finally:
            process.kill()


class Page:
    """One tab: `requests` are the addresses that it asked for, `complaints` what it logged as an error."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self._connection = connection
        self._received = b""
        self._numbers = itertools.count(1)
        self._session: dict[str, str] = {}
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> Self:
        self._call("Page.navigate", url=url)
        return self

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's once it is kept; raises AssertionError where it throws."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The first value of the expression that is true; raises AssertionError when there is none in 30 s."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := self.evaluate(expression):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression}; the page says: {self.evaluate('document.body.innerText')}")

    def click(self, selector: str) -> None:
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def type_into(self, selector: str, text: str) -> None:
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self._call("Input.insertText", text=text)
        self.evaluate("document.activeElement.blur()")

    def choose(self, selector: str, value: str) -> None:
        """Chooses an option as a reader does: the page hears of it."""
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        changed = "new Event('change', {bubbles: true})"
        self.evaluate(
            f"(list => {{ list.value = {json.dumps(value)}; list.dispatchEvent({changed}); }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )

    def choose_file(self, selector: str, path: Path) -> None:
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path: Path) -> None:
        picture = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        self._connection.sendall(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            data = self._connection.recv(1 << 20)
            assert data, "the browser ended"
            self._received += data
        text, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])
        elif event["method"] == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.complaints.append(details["entry"]["text"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(details["exceptionDetails"]))
