"""An object of the PACS whose beginning is held: what breaks until then is tried again, unseen by the reader."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from dicom_service.errors import PacsError, PacsObjectUnknown, PacsRefusedCredentials, PacsTimeout
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.retrieve import Instance, ObjectStream, stream_instance
from dicom_service.pacs.session import PacsSession

MOST_TRIES = 3
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
