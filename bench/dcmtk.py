"""Pictures by DCMTK's command-line tools, an independent implementation."""

from pathlib import Path

from dicom_service.exams.pictures.reading.dataset import StoredObject, read_object

JPEG_LS = "1.2.840.10008.1.2.4.8"


def dcmtk_command(file: Path, target: Path, *options: str) -> list[str]:
    """The command that draws the middle frame of a file as a picture of the kind that the options name."""
    stored = read_object(file.read_bytes())
    middle = max(1, stored.dataset.whole("NumberOfFrames", 1)) // 2 + 1
    tool = "dcml2pnm" if stored.transfer_syntax.startswith(JPEG_LS) else "dcmj2pnm"
    return [tool, *options, "+F", str(middle), *_window_options(stored), str(file), str(target)]


def _window_options(stored: StoredObject) -> list[str]:
    """The first window or VOI LUT of the object, else the histogram without its outer percents."""
    if stored.dataset.number("WindowCenter") is not None:
        return ["+Wi", "1"]
    if "VOILUTSequence" in stored.dataset:
        return ["+Wl", "1"]
    return ["+Wh", "1"] if stored.dataset.whole("BitsStored", 8) > 8 else []
