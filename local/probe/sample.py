"""The object that a probe may store: a tiny image of nobody, under UIDs of its own."""

from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

PATIENT_ID = "DICOM-SERVICE-PROBE"
SIDE = 16


def sample_object() -> tuple[bytes, tuple[str, str, str]]:
    """The file, and its study, series and SOP Instance UID."""
    uids = (generate_uid(), generate_uid(), generate_uid())
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, uids[2]
    dataset = Dataset()
    dataset.file_meta = meta
    attributes = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": SecondaryCaptureImageStorage,
        "StudyInstanceUID": uids[0],
        "SeriesInstanceUID": uids[1],
        "SOPInstanceUID": uids[2],
        "StudyDate": "20000101",
        "StudyTime": "000000",
        "Modality": "OT",
        "ConversionType": "WSD",
        "PatientID": PATIENT_ID,
        "PatientName": "PROBE^DICOM SERVICE",
        "StudyID": "PROBE",
        "AccessionNumber": "PROBE",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "Rows": SIDE,
        "Columns": SIDE,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": bytes(range(SIDE * SIDE)),
    }
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue(), uids
