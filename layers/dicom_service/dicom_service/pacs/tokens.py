"""Access tokens for the PACS by OAuth2 client credentials (RFC 6749 section 4.4)."""

import threading
import time
from collections.abc import Callable
from functools import cache

import requests

from dicom_service import settings
from dicom_service.errors import PacsError, PacsRefusedCredentials, PacsTimeout
from dicom_service.pacs.tls import authorities_beside_the_pacs

EARLY_SECONDS = 60.0
"""So long before its end a token is replaced: a request under way must not outlive it."""

SHORTEST_USE_SECONDS = 5.0
DEFAULT_LIFETIME_SECONDS = 300.0
"""Of a token whose `expires_in` is missing, which RFC 6749 section 5.1 allows."""

TIMEOUT_SECONDS = (3.0, 7.0)


class AccessTokens:
    """The token of one client, fetched when it is first needed and again before it ends; `clock` is monotonic.

    `authorities` is the path of those that the endpoint's certificate may come from; None for what the machine trusts.
    Threads that need a token at the same moment fetch it once.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        scope: str,
        *,
        authorities: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._authorities = authorities
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        if scope:
            self._form["scope"] = scope
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._use_until = 0.0

    def current(self) -> str:
        """A token that has not ended; raises PacsRefusedCredentials, PacsTimeout or PacsError where there is none."""
        with self._lock:
            if not self._token or self._clock() >= self._use_until:
                self._token, lifetime = self._fetch()
                self._use_until = self._clock() + max(lifetime - EARLY_SECONDS, min(lifetime, SHORTEST_USE_SECONDS))
            return self._token

    def forget(self, token: str) -> bool:
        """Drops the token, unless another one has taken its place; True, for there is another one to be had."""
        with self._lock:
            if token == self._token:
                self._token = ""
        return True

    def _fetch(self) -> tuple[str, float]:
        try:
            answer = requests.post(
                self._url,
                data=self._form,
                timeout=TIMEOUT_SECONDS,
                verify=self._authorities,
                allow_redirects=False,
            )
            if answer.status_code in (400, 401, 403):
                raise PacsRefusedCredentials("The token endpoint of the PACS refused our credentials")
            content = answer.json() if answer.ok else {}
            token, lifetime = content["access_token"], float(content.get("expires_in") or DEFAULT_LIFETIME_SECONDS)
        except requests.Timeout as error:
            raise PacsTimeout("The token endpoint of the PACS did not answer in time") from error
        except (requests.RequestException, ValueError, TypeError, KeyError, AttributeError) as error:
            raise PacsError(f"The token endpoint of the PACS gave no token ({type(error).__name__})") from error
        if not isinstance(token, str) or not token.isprintable() or not token:
            raise PacsError("The token endpoint of the PACS gave no token")
        return token, lifetime


def access_tokens() -> AccessTokens:
    """The tokens of the client that the environment names: the same for every session of this process.

    A client without a secret may not use this grant (RFC 6749 section 4.4).
    """
    settings.required("PACS_OAUTH_CLIENT_SECRET")
    return _tokens(
        settings.url("PACS_OAUTH_TOKEN_URL", settings.URL),
        settings.required("PACS_OAUTH_CLIENT_ID"),
        settings.secret("PACS_OAUTH_CLIENT_SECRET"),
        settings.optional("PACS_OAUTH_SCOPE"),
        authorities_beside_the_pacs(),
    )


@cache
def _tokens(url: str, client_id: str, client_secret: str, scope: str, authorities: str | None) -> AccessTokens:
    return AccessTokens(url, client_id, client_secret, scope, authorities=authorities)
