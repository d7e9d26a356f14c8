"""Sending a file to the signed addresses that the service gave."""

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from client.endings import Refusal
from client.service import PAUSES_SECONDS, retry_after, unreachable

PIECE_BYTES = 1 << 20
TIMEOUT = (5, 300)
TOO_MANY = 429

Advance = Callable[[int], None]
"""Is told how many bytes more have gone out."""


class Form:
    """A multipart/form-data body with the fields first and the file last, sent while the file is read."""

    def __init__(self, fields: dict[str, str], path: Path, size: int, advance: Advance) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
        head.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n')
        self._head, self._tail = "".join(head).encode(), f"\r\n--{boundary}--\r\n".encode()
        self._path, self._size, self._advance = path, size, advance

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        missing = self._size
        with self._path.open("rb") as file:
            while missing:
                piece = file.read(min(PIECE_BYTES, missing))
                if not piece:
                    raise Refusal(0, "the file became shorter while it was sent")
                yield piece
                missing -= len(piece)
                self._advance(len(piece))
        yield self._tail


def send(addresses: dict[str, Any], path: Path, size: int, advance: Advance) -> None:
    """Sends the `size` bytes of a file by its form, or in the parts that have not arrived; raises Refusal, OSError."""
    if "upload" in addresses:
        _send_form(addresses["upload"], path, size, advance)
    elif "parts" in addresses:
        _send_parts(addresses["parts"], addresses["complete"]["url"], path, advance)


def _send_form(form: dict[str, Any], path: Path, size: int, advance: Advance) -> None:
    def post() -> requests.Response:
        sent = 0

        def count(size: int) -> None:
            nonlocal sent
            sent += size
            advance(size)

        body = Form(form["fields"], path, size, count)
        try:
            headers = {"Content-Type": body.content_type}
            answer = requests.post(form["url"], data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException:
            advance(-sent)
            raise
        if not answer.ok:
            advance(-sent)
        return answer

    _patiently(post)


def _send_parts(parts: list[dict[str, Any]], complete: str, path: Path, advance: Advance) -> None:
    """S3's CompleteMultipartUpload: the number and ETag of each part in XML; its 200 may hold an error all the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    etags = []
    with path.open("rb") as file:
        for part in parts:
            content = file.read(part["size"])
            if len(content) < part["size"]:
                raise Refusal(0, "the file became shorter while it was sent")
            etags.append(part.get("etag") or _send_part(part["url"], content))
            advance(part["size"])
    items = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
    body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>"
    answer = _patiently(lambda: requests.post(complete, data=body, timeout=TIMEOUT))
    if "<Error>" in answer.text:
        raise Refusal(answer.status_code, "the bucket could not put the parts together")


def _send_part(url: str, content: bytes) -> str:
    answer = _patiently(lambda: requests.put(url, data=content, timeout=TIMEOUT))
    if "ETag" not in answer.headers:
        raise Refusal(answer.status_code, f"the bucket answered with status {answer.status_code} and no ETag")
    return answer.headers["ETag"]


def _patiently(ask: Callable[[], requests.Response]) -> requests.Response:
    for pause in (*PAUSES_SECONDS, None):
        try:
            answer = ask()
        except requests.RequestException as error:
            if pause is None:
                raise Refusal(0, unreachable("the bucket", error)) from error
        else:
            if answer.ok:
                return answer
            if pause is None or (answer.status_code < 500 and answer.status_code != TOO_MANY):
                raise Refusal(answer.status_code, f"the bucket answered with status {answer.status_code}")
            pause = retry_after(answer, pause)
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")
