"""DICOM objects made on the spot, and pictures read back as arrays."""

from io import BytesIO

import numpy as np
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest

FINEST = PictureRequest(size=2048, quality=100)
UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
STAND_IN = "1.2.840.10008.1.2.4.201"
"""Written, then replaced, where pydicom does not know a transfer syntax."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def image_object(pixels: bytes, syntax: str = ExplicitVRLittleEndian, **attributes: object) -> bytes:
    """A Part 10 object with the given pixel data; attributes by keyword, over those of 8-bit MONOCHROME2."""
    dataset = Dataset()
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Secret^Patient"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 8
    dataset.PixelRepresentation = 0
    keyword = attributes.pop("pixel_keyword", "PixelData")
    vr = attributes.pop("pixel_vr", None)
    for name, value in attributes.items():
        setattr(dataset, name, value)
    if "BitsStored" not in dataset:
        dataset.BitsStored = dataset.BitsAllocated
    if "HighBit" not in dataset:
        dataset.HighBit = dataset.BitsStored - 1
    padded = pixels + b"\0" * (len(pixels) % 2)
    dataset.add_new(
        Tag(keyword), vr or {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}.get(keyword, "OW"), padded
    )
    if syntax not in UNCOMPRESSED:
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    return written(dataset, syntax)


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Any dataset as Part 10 bytes."""
    meta = FileMetaDataset()
    known = UID(syntax).name != syntax
    meta.TransferSyntaxUID = syntax if known else STAND_IN
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.file_meta = meta
    target = BytesIO()
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    dcmwrite(target, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    whole = target.getvalue()
    return whole if known else whole.replace(STAND_IN.encode(), syntax.encode().ljust(len(STAND_IN), b"\0"), 1)


def array_object(array: np.ndarray, syntax: str = ExplicitVRLittleEndian, **attributes: object) -> bytes:
    """An object of one frame that holds an array of shape (rows, columns) or (rows, columns, 3)."""
    shape = {"Rows": array.shape[0], "Columns": array.shape[1], "BitsAllocated": array.dtype.itemsize * 8}
    if array.ndim == 3:
        shape |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    pixels = array.astype(array.dtype.newbyteorder(order)).tobytes()
    return image_object(pixels, syntax, **{**shape, "PixelRepresentation": int(array.dtype.kind == "i"), **attributes})


def compressed_object(array: np.ndarray, stream: bytes, syntax: str, **attributes: object) -> bytes:
    """An object of one encapsulated frame; the array tells its shape."""
    shape = {"Rows": array.shape[0], "Columns": array.shape[1], "BitsAllocated": array.dtype.itemsize * 8}
    if array.ndim == 3:
        shape |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    representation = {"PixelRepresentation": int(array.dtype.kind == "i")}
    return image_object(encapsulate([stream]), syntax, **{**shape, **representation, **attributes})


def shown(part10: bytes, wanted: PictureRequest = FINEST) -> np.ndarray:
    """The picture of an object as an array, which must be a real one."""
    picture = draw_picture(part10, wanted)
    assert not picture.placeholder
    return np.asarray(opened(picture.jpeg)).astype(int)


def opened(jpeg: bytes) -> Image.Image:
    """A decoded JPEG, grey or RGB, baseline and without metadata."""
    image = Image.open(BytesIO(jpeg))
    image.load()
    assert image.format == "JPEG"
    assert image.mode in ("L", "RGB")
    assert not {"exif", "comment", "icc_profile", "progressive", "progression"} & image.info.keys()
    return image


def ramp(first: int, last: int, dtype: str, rows: int = 32, columns: int = 256) -> np.ndarray:
    """Columns that rise evenly from `first` to `last`."""
    return np.tile(np.linspace(first, last, columns).round().astype(dtype), (rows, 1))


def nearly(found: np.ndarray, expected: np.ndarray | float, tolerance: float = 3) -> bool:
    """Whether two arrays of shades agree within the error that JPEG of quality 100 makes."""
    return bool((np.abs(np.asarray(found, float) - expected) <= tolerance).all())
