"""The attributes of the three levels of a search, by keyword, as PS3.18 section 10.6 requires them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """What a search at one level matches and answers.

    `keys` are matched, and each is a column of the level's table; `required` are in every answer, empty where the
    object has no value; `conditional` are answered when there is a value; `optional` when `includefield` asks for them.
    """

    name: str
    keys: tuple[str, ...]
    required: tuple[str, ...]
    conditional: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """Everything that is kept of an object at this level."""
        return tuple(dict.fromkeys((*self.keys, *self.required, *self.conditional, *self.optional)))


# PS3.18 Table 10.6.1-5 (matched) and Table 10.6.3-3 (answered); PS3.4 C.6.2.1.2 (optional keys)
STUDY = Level(
    name="study",
    keys=(
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "StudyDescription",
    ),
    required=(
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyID",
    ),
    conditional=("TimezoneOffsetFromUTC", "StudyDescription", "IssuerOfPatientID"),
    optional=(
        "AdmissionID",
        "AdmittingDiagnosesDescription",
        "NameOfPhysiciansReadingStudy",
        "PhysiciansOfRecord",
        "PatientBirthTime",
        "OtherPatientIDs",
        "PatientAge",
        "PatientSize",
        "PatientWeight",
        "EthnicGroup",
        "Occupation",
        "AdditionalPatientHistory",
        "PatientComments",
        "ProcedureCodeSequence",
    ),
)

# PS3.18 Table 10.6.1-5 and Table 10.6.3-4; PS3.4 C.6.1.1.4
SERIES = Level(
    name="series",
    keys=(
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "BodyPartExamined",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
    ),
    required=("Modality", "SeriesInstanceUID", "SeriesNumber"),
    conditional=(
        "TimezoneOffsetFromUTC",
        "SeriesDescription",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "RequestAttributesSequence",
    ),
    optional=(
        "SeriesDate",
        "SeriesTime",
        "BodyPartExamined",
        "Laterality",
        "ProtocolName",
        "OperatorsName",
        "PerformingPhysicianName",
        "Manufacturer",
        "ManufacturerModelName",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "StationName",
        "PatientPosition",
        "FrameOfReferenceUID",
        "PerformedProcedureStepID",
        "PerformedProcedureStepDescription",
        "ContainerIdentifier",
    ),
)

# PS3.18 Table 10.6.1-5 and Table 10.6.3-5; every attribute of an instance may be asked for
INSTANCE = Level(
    name="instance",
    keys=("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
    required=("SOPClassUID", "SOPInstanceUID", "InstanceNumber"),
    conditional=("TimezoneOffsetFromUTC", "Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
)

LEVELS = (STUDY, SERIES, INSTANCE)
"""From the top down: a search may match on the attributes of its own level and of those above it."""

REQUEST_KEYS = ("ScheduledProcedureStepID", "RequestedProcedureID")
"""What is matched inside an item of RequestAttributesSequence, at series level."""

DATE_TIME_PAIRS = (
    ("StudyDate", "StudyTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
)
"""Dates and times that are matched as one moment when a search names both (PS3.4 C.2.2.2.5.4)."""
