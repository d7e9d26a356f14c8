"""A folder with a DICOMDIR, as pydicom reads it."""

from pathlib import Path

from pydicom.fileset import FileSet


def file_set(folder: Path) -> FileSet:
    """The file-set in a folder, without the temporary one that pydicom keeps for changes until the interpreter ends."""
    found = FileSet(folder / "DICOMDIR")
    found._stage["t"].cleanup()
    return found
