"""A folder of data has one holder at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes the folder, and holds it until the process ends at the latest; raises OSError where another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "holder.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"another service uses the data in {folder.parent}") from error
        yield
