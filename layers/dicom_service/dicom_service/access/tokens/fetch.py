"""Asking an issuer of tokens: JSON over HTTPS, from where the settings name and nowhere else."""

import json
from collections.abc import Mapping
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from dicom_service.errors import StoreUnavailable
from dicom_service.pacs.tls import pem_file

MOST_BYTES = 512 * 1024
SECONDS = (2.0, 4.0)
"""To connect and to read: API Gateway gives an authorizer 10 s."""


def fetch_json(url: str) -> dict[str, Any] | None:
    """The JSON object at the URL; None where it answers 404. Raises StoreUnavailable."""
    return _asked("GET", url)


def post_form(url: str, form: Mapping[str, str], authorization: str) -> dict[str, Any] | None:
    """What a POST of the form answers; as `fetch_json`."""
    return _asked("POST", url, data=dict(form), headers={"Authorization": authorization})


def _asked(method: str, url: str, headers: Mapping[str, str] | None = None, **request: Any) -> dict[str, Any] | None:
    """No redirect is followed: it may lead to a place inside the network that nobody has named."""
    bundle = pem_file("JWT_CA_BUNDLE")
    try:
        with requests.Session() as session:
            session.auth = _no_netrc
            answer = session.request(
                method,
                url,
                headers={"Accept": "application/json", **(headers or {})},
                timeout=SECONDS,
                allow_redirects=False,
                stream=True,
                verify=bundle or True,
                **request,
            )
            with answer:
                content = answer.raw.read(MOST_BYTES + 1, decode_content=True)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise StoreUnavailable(f"The issuer of tokens cannot be reached ({type(error).__name__})") from error
    if answer.status_code == 404:
        return None
    return _object(answer.status_code, content)


def _object(status: int, content: bytes) -> dict[str, Any]:
    if status != 200 or len(content) > MOST_BYTES:
        raise StoreUnavailable(f"The issuer of tokens answered {status}")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StoreUnavailable("The issuer of tokens answered what is no JSON") from error
    if not isinstance(value, dict):
        raise StoreUnavailable("The issuer of tokens answered what is no JSON object")
    return value


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
