"""DICOM objects to store, and how they are sent."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import requests
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

BOUNDARY = "a-boundary"
MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def make_object(transfer_syntax_uid: UID = ExplicitVRLittleEndian, **attributes: Any) -> bytes:
    """A small CT image of its own study, with the attributes given instead of its own; None leaves one out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = transfer_syntax_uid
    dataset = Dataset()
    dataset.file_meta = meta
    own = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "Modality": "CT",
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "Rows": 8,
        "Columns": 8,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": np.arange(64, dtype="<u2").tobytes(),
    }
    for keyword, value in (own | attributes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", generate_uid())
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def real_object(name: str) -> bytes:
    """One of pydicom's own test files, byte for byte."""
    with open(get_testdata_file(name), "rb") as file:
        return file.read()


def header(content: bytes) -> Dataset:
    """The object's attributes without its pixels."""
    return pydicom.dcmread(BytesIO(content), stop_before_pixels=True)


def uids(content: bytes) -> tuple[str, str, str]:
    """Study, series and SOP Instance UID."""
    dataset = header(content)
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def multipart(*objects: bytes) -> bytes:
    """The objects as the parts of one body."""
    parts = [
        f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + content + b"\r\n" for content in objects
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send(url: str, *objects: bytes, **options: Any) -> requests.Response:
    """One STOW-RS request to the address of a store resource."""
    headers = {"Content-Type": MULTIPART} | options.pop("headers", {})
    return requests.post(url, data=multipart(*objects), headers=headers, timeout=30, **options)


def stored_uids(answer: requests.Response) -> list[str]:
    """The SOP Instance UIDs that an answer to a store names as stored."""
    return [item["00081155"]["Value"][0] for item in answer.json().get("00081199", {}).get("Value", [])]


def failure_reasons(answer: requests.Response) -> list[int]:
    """The failure reasons that an answer to a store names."""
    return [item["00081197"]["Value"][0] for item in answer.json().get("00081198", {}).get("Value", [])]
