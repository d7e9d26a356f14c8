"""Sending a file to the signed addresses that the service gave."""

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from client.service import Refusal

PIECE_BYTES = 1 << 20
TIMEOUT = (5, 300)
PAUSES_SECONDS = (1.0, 4.0, 16.0)

Advance = Callable[[int], None]
"""Is told how many bytes more have gone out."""


class Form:
    """A multipart/form-data body with the fields first and the file last, sent while the file is read."""

    def __init__(self, fields: dict[str, str], path: Path, advance: Advance) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
        head.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n')
        self._head, self._tail = "".join(head).encode(), f"\r\n--{boundary}--\r\n".encode()
        self._path, self._advance = path, advance

    def __len__(self) -> int:
        return len(self._head) + self._path.stat().st_size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        with self._path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
                self._advance(len(piece))
        yield self._tail


def send(addresses: dict[str, Any], path: Path, advance: Advance) -> None:
    """Sends a file by its form or in the parts that have not arrived; raises Refusal."""
    if "upload" in addresses:
        _send_form(addresses["upload"], path, advance)
    elif "parts" in addresses:
        _send_parts(addresses["parts"], addresses["complete"]["url"], path, advance)


def _send_form(form: dict[str, Any], path: Path, advance: Advance) -> None:
    def post() -> requests.Response:
        sent = 0

        def count(size: int) -> None:
            nonlocal sent
            sent += size
            advance(size)

        body = Form(form["fields"], path, count)
        try:
            headers = {"Content-Type": body.content_type}
            answer = requests.post(form["url"], data=body, headers=headers, timeout=TIMEOUT)
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
            etags.append(part.get("etag") or _send_part(part["url"], content))
            advance(part["size"])
    items = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
    body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>"
    answer = _patiently(lambda: requests.post(complete, data=body, timeout=TIMEOUT))
    if "<Error>" in answer.text:
        raise Refusal(answer.status_code, "the bucket could not put the parts together")


def _send_part(url: str, content: bytes) -> str:
    return _patiently(lambda: requests.put(url, data=content, timeout=TIMEOUT)).headers["ETag"]


def _patiently(ask: Callable[[], requests.Response]) -> requests.Response:
    for pause in (*PAUSES_SECONDS, None):
        try:
            answer = ask()
        except requests.RequestException as error:
            if pause is None:
                raise Refusal(0, f"the bucket cannot be reached ({type(error).__name__})") from error
        else:
            if answer.ok:
                return answer
            if answer.status_code < 500 or pause is None:
                raise Refusal(answer.status_code, f"the bucket answered with status {answer.status_code}")
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")
