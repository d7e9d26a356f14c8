"""Bodies that are too large to be held: what is sent piece by piece, and what is read while it comes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


class SizedBody(Protocol):
    """A body to be sent: its length in bytes, and its pieces."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class PacsStream:
    """An answer whose body still comes: `pieces` can be read once; `length` is the body's in bytes, 0 if unknown."""

    status: int
    headers: Mapping[str, str]
    length: int
    pieces: Iterator[bytes]
    close: Callable[[], None]
