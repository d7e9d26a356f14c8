"""Who the service is to the PACS: a value sent as it stands, an OAuth2 access token, or an AWS signature."""

import hashlib
import os
import re
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from dicom_service import settings
from dicom_service.errors import ConfigurationError
from dicom_service.pacs.dialects import Authorization
from dicom_service.pacs.tokens import AccessTokens, access_tokens

HEALTH_IMAGING = "medical-imaging"
REGION = re.compile(r"dicom-medical-imaging\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
"""https://docs.aws.amazon.com/healthimaging/latest/devguide/dicomweb-storing.html"""


class Credentials(Protocol):
    """Puts into a prepared request who is asking; as an auth object of requests, so that no .netrc can replace it."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest: ...

    def renew(self) -> bool:
        """Whether there are other credentials to try, after the PACS refused these."""


class VerbatimAuthorization(requests.auth.AuthBase):
    """Sends a value as it is in `Authorization`."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.value:
            request.headers["Authorization"] = self.value
        return request

    def renew(self) -> bool:
        return False


class TokenAuthorization(requests.auth.AuthBase):
    """Sends an access token (RFC 6750 section 2.1)."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens
        self._sent = ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._sent = self._tokens.current()
        request.headers["Authorization"] = f"Bearer {self._sent}"
        return request

    def renew(self) -> bool:
        """Forgets the token that was sent: the PACS may have forgotten it before its time."""
        return self._tokens.forget(self._sent)


class SignedRequests(requests.auth.AuthBase):
    """Signs each request with the function's own AWS credentials (Signature Version 4).

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """

    def __init__(self, region: str, service: str = HEALTH_IMAGING) -> None:
        self._region = region
        self._service = service

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.session import get_session

        credentials = get_session().get_credentials()
        if credentials is None:
            raise ConfigurationError("There are no AWS credentials to sign requests to the PACS with")
        hashed = {"X-Amz-Content-SHA256": _digest(request.body)}
        signed = AWSRequest(request.method, request.url, headers=hashed)
        SigV4Auth(credentials, self._service, self._region).add_auth(signed)
        request.headers.update(signed.headers.items())
        return request

    def renew(self) -> bool:
        return False


def credentials(kind: Authorization, url: str) -> Credentials:
    """What the configuration says for the PACS at the URL."""
    if kind == "oauth2":
        return TokenAuthorization(access_tokens())
    if kind == "sigv4":
        return SignedRequests(_region(url))
    return VerbatimAuthorization(settings.header("PACS_AUTHORIZATION_TOKEN"))


def _region(url: str) -> str:
    named = REGION.fullmatch(urlsplit(url).hostname or "")
    return named[1] if named else os.environ.get("AWS_REGION") or settings.required("AWS_DEFAULT_REGION")


def _digest(body: Any) -> str:
    """The SHA-256 of the body, which is signed; a body in pieces is read once more for it, not held."""
    if isinstance(body, str):
        body = body.encode()
    digest = hashlib.sha256()
    for piece in (body,) if isinstance(body, bytes) else body or ():
        digest.update(piece)
    return digest.hexdigest()
