"""Who may announce an exam: whoever shows CALLBACK_SECRET, where there is one."""

import hmac
from collections.abc import Iterable

from dicom_service import settings
from dicom_service.errors import CallerRefused


def check_caller(shown: Iterable[str]) -> None:
    """Raises CallerRefused unless one of the strings shown is CALLBACK_SECRET; anyone may call where none is set.

    Each comparison takes the same time whatever the strings have in common, and all of them are made.
    """
    secret = settings.secret("CALLBACK_SECRET").encode()
    if not secret:
        return
    matches = [hmac.compare_digest(secret, text.encode(errors="surrogatepass")) for text in shown]
    if not any(matches):
        raise CallerRefused("The callback's secret is missing or wrong")
