"""The one client of the identity provider on this machine: its ID, its secret, what it may have."""

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote_plus

from dicom_service.access.scopes import ALL_SCOPES
from local.first_keys import write_private

FILE = "identity-client.json"


@dataclass(frozen=True)
class Client:
    """A confidential client, which may have every scope."""

    client_id: str
    secret: str

    @classmethod
    def kept(cls, folder: Path | None) -> Self:
        """The client of the folder's file, else a new one; raises OSError where the file is damaged."""
        path = folder / FILE if folder else None
        if path and path.exists():
            try:
                return cls(**json.loads(path.read_text()))
            except (ValueError, TypeError) as error:
                raise OSError(f"{path} is damaged") from error
        made = cls("demo", secrets.token_urlsafe(24))
        if path:
            write_private(path, asdict(made))
        return made

    def is_shown(self, client_id: str, secret: str) -> bool:
        """Whether these are its credentials."""
        same = [hmac.compare_digest(self.client_id.encode(), client_id.encode())]
        same.append(hmac.compare_digest(self.secret.encode(), secret.encode()))
        return all(same)

    def granted(self, asked: str) -> list[str]:
        """The scopes of a token: all where none is asked for, none where one is unknown."""
        names = asked.split() or list(ALL_SCOPES)
        return names if set(names) <= set(ALL_SCOPES) else []


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User and password of a Basic header (RFC 6749 section 2.3.1); None where it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(user), unquote_plus(password)
