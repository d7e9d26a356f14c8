"""What the client shows of who is asking: a token it was given, one in a file, or one that it fetches itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from client.endings import Ending
from client.identity_provider import Client, fetch_token

RENEWED_BEFORE_SECONDS = 60.0


class Credentials(Protocol):
    """A source of tokens. One may be used from several threads."""

    def token(self) -> str:
        """What `Authorization: Bearer` shows, empty for nothing; raises Ending where there is none to be had."""

    def another(self, refused: str) -> bool:
        """Whether there is another token than the one that the service has just refused."""


@dataclass(frozen=True)
class GivenToken:
    """A token, or none, that stays the same."""

    value: str = ""

    def token(self) -> str:
        return self.value

    def another(self, refused: str) -> bool:  # noqa: ARG002 - there never is
        return False


@dataclass(frozen=True)
class TokenFile:
    """A token in a file, which something else may keep fresh."""

    path: Path

    def token(self) -> str:
        try:
            return checked(self.path.read_text(encoding="utf-8").strip(), str(self.path))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is no text"
            raise Ending(f"the token file {self.path} cannot be read ({reason})") from error

    def another(self, refused: str) -> bool:
        return self.token() != refused


@dataclass
class FetchedToken:
    """A token by client credentials (RFC 6749 section 4.4), fetched anew before it ends or once it is refused."""

    client: Client
    clock: Callable[[], float] = time.monotonic
    _value: str = ""
    _until: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def token(self) -> str:
        with self._lock:
            if self.clock() >= self._until:
                self._value, seconds = fetch_token(self.client)
                self._until = self.clock() + max(0.0, seconds - RENEWED_BEFORE_SECONDS)
            return self._value

    def another(self, refused: str) -> bool:
        with self._lock:
            if self._value == refused:
                self._until = 0.0
        return self.token() != refused


def checked(token: str, where: str) -> str:
    """The token; raises Ending for what no header can have."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Ending(f"{where} must be one word of printable ASCII characters")
    return token
