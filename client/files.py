"""Which files a command line names, and what is left out of the folders."""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from client.endings import Ending

NOWHERE = (errno.ENOENT, errno.ELOOP)


@dataclass
class Files:
    """The files to send, in order and each once; the folders that cannot be read, with the reason; what is left out."""

    files: dict[Path, None] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def sentence(self) -> str:
        """What is left out, in words; empty where nothing is."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.left_out.items()))
        return f"left out of the folders: {kinds}" if kinds else ""


def files_in(paths: Iterable[Path]) -> Files:
    """The files that are named, and those in the folders that are; raises Ending for a path that is neither.

    Left out of folders are hidden files and folders, links to folders, what is no file, and a disc's DICOMDIR, which
    holds no object. One of these that is named itself is taken.
    """
    files = Files()
    for path in paths:
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            _walk(path, files)
        elif stat.S_ISREG(mode):
            files.files[path] = None
        else:
            raise Ending(f"{path} is neither a file nor a folder")
    return files


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError as error:
        raise Ending(f"there is no {path}") from error
    except OSError as error:
        raise Ending(f"{path} cannot be read ({error.strerror})") from error


def _walk(folder: Path, files: Files) -> None:
    def note(error: OSError) -> None:
        files.unreadable[Path(error.filename)] = f"the folder cannot be read ({error.strerror})"

    for place, folders, names in os.walk(folder, onerror=note):
        for name in sorted(folders + names):
            path = Path(place, name)
            kind = _left_out(path)
            if kind:
                files.left_out[kind] += 1
            elif name in names:
                files.files[path] = None
        folders[:] = sorted(name for name in folders if not _left_out(Path(place, name)))


def _left_out(path: Path) -> str:
    """What it is that is not sent; empty for a file or folder that is."""
    if path.name.startswith("."):
        return "hidden"
    if path.name.upper() == "DICOMDIR":
        return "DICOMDIR"
    try:
        mode = path.stat().st_mode
    except OSError as error:  # one that leads nowhere is no loss; whatever else it is shows when it is read
        return "links that lead nowhere" if error.errno in NOWHERE and path.is_symlink() else ""
    if stat.S_ISDIR(mode):
        return "links to folders" if path.is_symlink() else ""
    return "" if stat.S_ISREG(mode) else "that are no files"
