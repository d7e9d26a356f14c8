"""What kinds of objects there are, by SOP class and transfer syntax (PS3.6 Table A-1), for those without a picture."""

from dataclasses import dataclass
from enum import Enum, auto

from dicom_service.exams.pictures.reading.dataset import StoredObject
from dicom_service.uid import nearest


class Symbol(Enum):
    """What a placeholder shows beside the name."""

    PAGE = auto()
    LIST = auto()
    FILM = auto()
    CURVE = auto()
    TARGET = auto()
    SOLID = auto()
    IMAGE = auto()


@dataclass(frozen=True)
class Kind:
    """A kind of object by its everyday name."""

    name: str
    symbol: Symbol


UNKNOWN = Kind("DICOM object", Symbol.PAGE)
PDF = Kind("PDF", Symbol.PAGE)
VIDEO = Kind("Video", Symbol.FILM)

STORAGE = "1.2.840.10008.5.1.4.1.1."
KINDS = {
    "1.2.840.10008.1.3.10": Kind("Media directory", Symbol.LIST),
    STORAGE + "4.2": Kind("MR spectroscopy", Symbol.CURVE),
    STORAGE + "9": Kind("Waveform", Symbol.CURVE),
    STORAGE + "9.1.1": Kind("ECG", Symbol.CURVE),
    STORAGE + "9.1.2": Kind("ECG", Symbol.CURVE),
    STORAGE + "9.1.3": Kind("Ambulatory ECG", Symbol.CURVE),
    STORAGE + "9.1.4": Kind("ECG", Symbol.CURVE),
    STORAGE + "9.2": Kind("Hemodynamic waveform", Symbol.CURVE),
    STORAGE + "9.3": Kind("Electrophysiology", Symbol.CURVE),
    STORAGE + "9.4": Kind("Audio", Symbol.CURVE),
    STORAGE + "9.5": Kind("Arterial pulse", Symbol.CURVE),
    STORAGE + "9.6": Kind("Respiratory waveform", Symbol.CURVE),
    STORAGE + "9.7.1": Kind("EEG", Symbol.CURVE),
    STORAGE + "9.7.2": Kind("EMG", Symbol.CURVE),
    STORAGE + "9.7.3": Kind("EOG", Symbol.CURVE),
    STORAGE + "9.7.4": Kind("Sleep EEG", Symbol.CURVE),
    STORAGE + "11": Kind("Presentation state", Symbol.LIST),
    STORAGE + "66": Kind("Raw data", Symbol.PAGE),
    STORAGE + "66.1": Kind("Spatial registration", Symbol.TARGET),
    STORAGE + "66.2": Kind("Spatial fiducials", Symbol.TARGET),
    STORAGE + "66.3": Kind("Spatial registration", Symbol.TARGET),
    STORAGE + "66.4": Kind("Segmentation", Symbol.IMAGE),
    STORAGE + "66.5": Kind("Surface segmentation", Symbol.SOLID),
    STORAGE + "66.6": Kind("Tractography", Symbol.CURVE),
    STORAGE + "66.7": Kind("Segmentation", Symbol.IMAGE),
    STORAGE + "67": Kind("Real world value mapping", Symbol.LIST),
    STORAGE + "68": Kind("Surface scan", Symbol.SOLID),
    STORAGE + "77.1.1.1": Kind("Video", Symbol.FILM),
    STORAGE + "77.1.2.1": Kind("Video", Symbol.FILM),
    STORAGE + "77.1.4.1": Kind("Video", Symbol.FILM),
    STORAGE + "77.1.5.3": Kind("Stereometric relationship", Symbol.LIST),
    STORAGE + "78": Kind("Eye measurements", Symbol.LIST),
    STORAGE + "79": Kind("Eye measurements", Symbol.LIST),
    STORAGE + "80": Kind("Visual field", Symbol.LIST),
    STORAGE + "88": Kind("Structured report", Symbol.LIST),
    STORAGE + "88.40": Kind("Procedure log", Symbol.LIST),
    STORAGE + "88.59": Kind("Key object selection", Symbol.LIST),
    STORAGE + "88.67": Kind("Dose report", Symbol.LIST),
    STORAGE + "88.68": Kind("Dose report", Symbol.LIST),
    STORAGE + "88.73": Kind("Dose report", Symbol.LIST),
    STORAGE + "88.76": Kind("Dose report", Symbol.LIST),
    STORAGE + "90": Kind("Assessment results", Symbol.LIST),
    STORAGE + "91": Kind("Annotations", Symbol.LIST),
    STORAGE + "104.1": PDF,
    STORAGE + "104.2": Kind("CDA document", Symbol.PAGE),
    STORAGE + "104.3": Kind("3D model", Symbol.SOLID),
    STORAGE + "104.4": Kind("3D model", Symbol.SOLID),
    STORAGE + "104.5": Kind("3D model", Symbol.SOLID),
    STORAGE + "131": Kind("Structured display", Symbol.LIST),
    STORAGE + "200": Kind("Protocol", Symbol.LIST),
    STORAGE + "201": Kind("Inventory", Symbol.LIST),
    STORAGE + "481": Kind("RT object", Symbol.TARGET),
    STORAGE + "481.1": Kind("RT image", Symbol.IMAGE),
    STORAGE + "481.2": Kind("RT dose", Symbol.TARGET),
    STORAGE + "481.3": Kind("RT structure set", Symbol.TARGET),
    STORAGE + "481.4": Kind("RT treatment record", Symbol.LIST),
    STORAGE + "481.5": Kind("RT plan", Symbol.TARGET),
    STORAGE + "481.6": Kind("RT treatment record", Symbol.LIST),
    STORAGE + "481.7": Kind("RT treatment summary", Symbol.LIST),
    STORAGE + "481.8": Kind("RT ion plan", Symbol.TARGET),
    STORAGE + "481.9": Kind("RT treatment record", Symbol.LIST),
    "1.2.840.10008.5.1.4.38.1": Kind("Hanging protocol", Symbol.LIST),
    "1.2.840.10008.5.1.4.39.1": Kind("Colour palette", Symbol.LIST),
    "1.2.840.10008.5.1.4.43.1": Kind("Implant template", Symbol.SOLID),
    "1.2.840.10008.5.1.4.44.1": Kind("Implant template", Symbol.SOLID),
    "1.2.840.10008.5.1.4.45.1": Kind("Implant template", Symbol.SOLID),
}
"""By SOP class or by the longest beginning of one; images have their registered names."""

VIDEO_SYNTAXES = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))


def is_video(stored: StoredObject) -> bool:
    """Whether its pixel data is a stream of video, which is not decoded."""
    return ".".join(stored.transfer_syntax.split(".")[:8]) in VIDEO_SYNTAXES


def kind_of(stored: StoredObject) -> Kind:
    """The kind of an object. Its name is never taken from the object, so it holds no text of a patient.

    For placeholders: the names of images are pydicom's, whose import takes longer than drawing one.
    """
    if is_video(stored):
        return VIDEO
    sop_class = stored.dataset.text("SOPClassUID") or stored.meta.text("MediaStorageSOPClassUID")
    return nearest(KINDS, sop_class) or _image_kind(sop_class)


def _image_kind(sop_class: str) -> Kind:
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    name = UID(sop_class, IGNORE).name
    if name == sop_class or " Storage" not in name:
        return UNKNOWN
    return Kind(name.split(" Storage")[0].replace(" Image", " image"), Symbol.IMAGE)
