"""Whether an object that is to be stored is a patient's: by what it says itself, and whose its study is already."""

from dicom_service.exams.part10 import Part10
from dicom_service.exams.patients.head import read_patient_id
from dicom_service.exams.patients.studies import study_patients
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.patients import unpadded
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import SizedBody

NOT_THE_PATIENTS = "it is not, or not for certain, of the patient whom the caller may write for"


def belongs_to(
    session: PacsSession, dialect: Dialect, patient_id: str, content: bytes | SizedBody, identity: Part10
) -> bool:
    """Whether the object says that it is the patient's, and its study holds nothing of another.

    A file may state a patient twice, and readers differ in which they take: the first and the last have to agree.
    Raises what searching does.
    """
    first, _ = read_patient_id(iter((content,)) if isinstance(content, bytes) else iter(content))
    own = unpadded(patient_id)
    if not first == unpadded(identity.patient_id) == own != "":
        return False
    return study_patients(session, dialect, identity.study_uid) <= {own}
