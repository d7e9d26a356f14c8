"""What the demo stores: the CT and the MR image that come with pydicom, as a new study of a patient of its own."""

import io

import pydicom
from pydicom.data import get_testdata_file

SOURCES = ("CT_small.dcm", "MR_small.dcm")


def new_study(study_uid: str, patient_id: str, accession_number: str) -> dict[str, bytes]:
    """The two images by file name, as Part 10 files of the study and the patient given."""
    files: dict[str, bytes] = {}
    for number, name in enumerate(SOURCES, start=1):
        dataset = pydicom.dcmread(get_testdata_file(name))
        dataset.StudyInstanceUID = study_uid
        dataset.SeriesInstanceUID = pydicom.uid.generate_uid()
        dataset.SOPInstanceUID = pydicom.uid.generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.PatientID, dataset.PatientName = patient_id, "DEMO^PATIENT"
        dataset.AccessionNumber, dataset.SeriesNumber = accession_number, number
        written = io.BytesIO()
        dataset.save_as(written)
        files[name] = written.getvalue()
    return files


def uids(content: bytes) -> tuple[str, str]:
    """A file's Series Instance UID and SOP Instance UID."""
    dataset = pydicom.dcmread(io.BytesIO(content), specific_tags=["SeriesInstanceUID", "SOPInstanceUID"])
    return str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)
