"""Ports that a restart takes again where it can, so that addresses that were given out go on working."""

from pathlib import Path


def last_port(folder: Path | None, name: str) -> int:
    """The port that a server of this name had last; 0 where there is none."""
    try:
        return int((folder / f"{name}.port").read_text()) if folder else 0
    except (OSError, ValueError):
        return 0


def note_port(folder: Path | None, name: str, port: int) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.port").write_text(f"{port}\n")
