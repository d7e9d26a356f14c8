"""The probe's requests: each asked once, whatever comes back is an answer."""

import json
from dataclasses import dataclass, field
from typing import Any

import requests

from dicom_service.pacs.authorization import Credentials
from dicom_service.pacs.tls import Tls

SECONDS = (5, 20)
DICOM_JSON = "application/dicom+json"


@dataclass(frozen=True)
class Heard:
    """An answer; status 0 where there was none, `why` says what happened then."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    why: str = ""

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def datasets(self) -> list[dict[str, Any]] | None:
        """The datasets of an answer that is DICOM JSON, none for an empty one; None where it is something else."""
        if self.status == 204 or (self.status == 200 and not self.body.strip()):
            return []
        try:
            found = json.loads(self.body) if self.status in (200, 206) else None
        except ValueError:
            return None
        return found if isinstance(found, list) and all(isinstance(one, dict) for one in found) else None


class Caller:
    """Asks one PACS, with the credentials that the environment gives; without them where `anonymous`."""

    def __init__(self, url: str, credentials: Credentials, tls: Tls) -> None:
        self.url = url.rstrip("/")
        self._credentials = credentials
        self._tls = tls

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        query: dict[str, str] | None = None,
        accept: str = DICOM_JSON,
        body: bytes | None = None,
        content_type: str = "",
        anonymous: bool = False,
    ) -> Heard:
        """One request below the URL."""
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        try:
            answer = requests.request(
                method,
                self.url + path,
                params=query,
                headers=headers,
                data=body,
                auth=None if anonymous else self._credentials,
                timeout=SECONDS,
                verify=self._tls.authorities,
                cert=self._tls.certificate,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return Heard(0, why=type(error).__name__)
        return Heard(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)
