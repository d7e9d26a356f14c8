"""An object of the PACS whose beginning is held: what breaks until then is tried again, unseen by the reader."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from dicom_service.errors import PacsError, PacsObjectUnknown, PacsRefusedCredentials, PacsTimeout
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.retrieve import Instance, ObjectStream, stream_instance
from dicom_service.pacs.session import PacsSession

MOST_TRIES = 3
AHEAD = 3
"""Objects that are fetched while the reader is at one before them."""

FINAL = (PacsObjectUnknown, PacsRefusedCredentials, PacsTimeout)


@dataclass(frozen=True)
class Opened:
    """An object's beginning, whether that is all of it, its rest while it comes, and its size, 0 if not known."""

    beginning: bytes
    whole: bool
    rest: Iterator[bytes]
    size: int

    def pieces(self) -> Iterator[bytes]:
        """All of it, once."""
        yield self.beginning
        yield from self.rest


@contextmanager
def opened(session: PacsSession, dialect: Dialect, instance: Instance, held: int) -> Iterator[Opened]:
    """The object with at most about `held` bytes of its beginning; raises what `stream_instance` does."""
    with ExitStack() as streams:
        for attempt in range(1, MOST_TRIES + 1):
            try:
                stream = streams.enter_context(stream_instance(session, dialect, instance))
                found = _begun(stream, held)
            except FINAL:
                raise
            except PacsError:
                streams.close()
                if attempt == MOST_TRIES:
                    raise
            else:
                yield found
                return


def each_opened(session: PacsSession, dialect: Dialect, instances: Sequence[Instance], held: int) -> Generator[Opened]:
    """The objects in turn, to be read one after the other; raises what `opened` does. To be closed where it is left.

    Those of at most `held` bytes are fetched ahead. A larger one is not: its connection would wait for its reader.
    """
    waiting, fetched = deque(instances), deque[tuple[Instance, Future[Opened | None]]]()
    with ThreadPoolExecutor(AHEAD, "fetch") as threads:
        try:
            while waiting or fetched:
                while waiting and len(fetched) < AHEAD:
                    instance = waiting.popleft()
                    fetched.append((instance, threads.submit(_whole, session, dialect, instance, held)))
                instance, future = fetched.popleft()
                if found := future.result():
                    yield found
                else:
                    with opened(session, dialect, instance, 0) as found:
                        yield found
        finally:
            threads.shutdown(cancel_futures=True)


def _whole(session: PacsSession, dialect: Dialect, instance: Instance, held: int) -> Opened | None:
    with opened(session, dialect, instance, held) as found:
        return found if found.whole else None


def _begun(stream: ObjectStream, held: int) -> Opened:
    if stream.size > held:
        return Opened(b"", False, stream.pieces, stream.size)
    pieces, length = [], 0
    for piece in stream.pieces:
        pieces.append(piece)
        length += len(piece)
        if length > held:
            return Opened(b"".join(pieces), False, stream.pieces, stream.size)
    return Opened(b"".join(pieces), True, stream.pieces, length)
