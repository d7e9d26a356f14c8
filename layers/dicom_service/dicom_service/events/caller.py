"""Who may announce an exam: whoever shows CALLBACK_SECRET, or everybody where that says `none`."""

import hmac
from collections.abc import Iterable

from dicom_service import settings
from dicom_service.errors import CallerRefused

OPEN = (b"", b"none")
"""The first is `make run`'s: a deployment has to say the word."""


def check_caller(shown: Iterable[str]) -> None:
    """Raises CallerRefused unless one of the strings shown is CALLBACK_SECRET; anyone may call where it is `none`.

    Each comparison takes the same time whatever the strings have in common, and all of them are made.
    """
    secret = settings.secret("CALLBACK_SECRET").encode()
    if secret in OPEN:
        return
    matches = [hmac.compare_digest(secret, text.encode(errors="surrogatepass")) for text in shown]
    if not any(matches):
        raise CallerRefused("The callback's secret is missing or wrong")
