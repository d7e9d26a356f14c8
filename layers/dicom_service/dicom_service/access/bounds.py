"""What a caller may see and write: the one place that compares patients and studies with the caller's own.

Whoever is bound to a patient or a study learns nothing of the rest: a search finds none, everything else is as unknown
as what does not exist. An answer is held back where a bound caller's request was never compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dicom_service.access.caller import Caller
from dicom_service.errors import FieldError, NotFound, PatientRefused, ServiceError
from dicom_service.pacs.patients import unpadded

UNKNOWN_STUDY = "The patient has no such study"
OTHER_PATIENT = "is not the patient that the caller may write for"


@dataclass(frozen=True)
class Subject:
    """What a request is about, each part empty where it is not known."""

    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    accession: str = ""


@dataclass
class Access:
    """One request's caller; `applied` once its bounds were compared with what the request is about, if with anybody.

    `entered_at` is when, in epoch seconds; `subjects` are what the request showed or changed.
    """

    caller: Caller
    entered_at: float
    applied: bool = False
    subjects: list[Subject] = field(default_factory=list)

    def may_see(self, patient_id: str, study_uid: str = "") -> bool:
        """Whether a search may look for that patient, and in that study where it names one."""
        self.applied = True
        if patient_id or study_uid:
            self.note(Subject(unpadded(patient_id), study_uid))
        return self._is_own(unpadded(patient_id), study_uid)

    def patient_for(self, patient_id: str | None, subject: Subject, unknown: str) -> str:
        """The Patient ID that what is asked for must be of, empty where it may be anyone's.

        `patient_id` is the one that the request names. Raises NotFound, with `unknown`, where it is not the caller's.
        """
        self.applied = True
        wanted = unpadded(patient_id or "") or unpadded(self.caller.patient_id)
        self.note(replace(subject, patient=wanted))
        if not self._is_own(wanted, subject.study):
            raise NotFound(unknown)
        return wanted

    def only_patient(self) -> str:
        """The one patient that the caller may see and write, empty where there is no such bound."""
        self.applied = True
        return unpadded(self.caller.patient_id)

    def only_study(self) -> str:
        """The one study that the caller may see, empty where there is no such bound."""
        self.applied = True
        return self.caller.study_uid

    def check_written(self, patient_id: str, field_name: str) -> None:
        """Raises PatientRefused, naming the field, where the caller may not write for the patient."""
        self.applied = True
        if not self._is_own(unpadded(patient_id), self.caller.study_uid):
            raise PatientRefused(
                "The request is for another patient than the caller's", [FieldError(field_name, OTHER_PATIENT)]
            )

    def note(self, subject: Subject) -> None:
        """Remembers what the request showed or changed, or was asked to."""
        if subject not in self.subjects:
            self.subjects.append(subject)

    def name_patients(self, patients: Iterable[str]) -> None:
        """Says whose those subjects are that were noted without a patient."""
        names = sorted({unpadded(patient) for patient in patients} - {""}) or [""]
        self.subjects = [
            replace(subject, patient=name)
            for subject in self.subjects
            for name in ([subject.patient] if subject.patient else names)
        ]

    def check_applied(self) -> None:
        """Raises ServiceError where the caller is bound and nothing asked what to: the answer may be about anyone."""
        if self.caller.bound and not self.applied:
            raise ServiceError("The answer was withheld: it is not known whose it is")

    def _is_own(self, patient_id: str, study_uid: str) -> bool:
        own = unpadded(self.caller.patient_id)
        if own and patient_id != own:
            return False
        return not self.caller.study_uid or study_uid == self.caller.study_uid
