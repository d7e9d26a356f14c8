"""A limit to all that finding out takes: a connection's timeouts begin anew with every request and every byte."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread

from dicom_service.access.caller import Caller
from dicom_service.errors import StoreUnavailable

SECONDS = 7.0
"""Below the authorizer's own timeout, which the gateway would answer with a 500 that says nothing."""


def in_time(find: Callable[[], Caller]) -> Caller:
    """What `find` answers or raises; raises StoreUnavailable where it does neither in time.

    It goes on behind: what it learns late serves the next request.
    """
    found: Future[Caller] = Future()

    def run() -> None:
        try:
            found.set_result(find())
        except Exception as error:  # noqa: BLE001 - it is raised by `result`
            found.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return found.result(SECONDS)
    except TimeoutError as error:
        raise StoreUnavailable(f"The issuer of tokens did not answer within {SECONDS:g} s") from error
