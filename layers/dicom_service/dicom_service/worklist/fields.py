"""What a workitem holds: its fields and their DICOM attributes, the one place where they are listed.

Attributes and where they stand: DICOM PS3.4 Table K.6-1 (Modality Worklist Information Model). VR, VM and names: PS3.6
section 6. Enumerated values: PS3.3 sections C.2.3 and C.2.4.
"""

from dataclasses import dataclass

CHARACTER_SET_TAG = "00080005"
CHARACTER_SET = "ISO_IR 192"
"""UTF-8, the only character set of DICOM JSON (PS3.18 section F.2; PS3.3 section C.12.1.1.2)."""

STEPS_TAG = "00400100"
"""Scheduled Procedure Step Sequence: the sequence that holds what is done, when, and on which station."""


Value = str | int | list[str]
"""A field's value in keyword JSON: a string, PregnancyStatus a number, a field of VM 1-n a string or several."""


@dataclass(frozen=True)
class Field:
    """One field of a workitem.

    `name` is the client's name, which is the attribute's keyword unless `keyword` says otherwise; that one is accepted
    too. `in_step` attributes stand inside the item of 00400100, the others at the top level. `many` is VM 1-n. `terms`
    are all the values there are, `forbidden` characters that the VR allows and this field does not. One with a
    `default` is left out of a dataset where it is empty or has that value, the others stand there with their VR alone.
    """

    name: str
    tag: str
    vr: str
    description: str
    example: str | int
    required: bool = False
    in_step: bool = False
    many: bool = False
    terms: tuple[str | int, ...] = ()
    forbidden: str = ""
    keyword: str = ""
    default: str = ""


FIELDS = (
    Field(
        "AccessionNumber",
        "00080050",
        "SH",
        "Identifies the order in the system that placed it",
        "NDS83JF784N209D2",
        required=True,
    ),
    Field("ReferringPhysicianName", "00080090", "PN", "Physician who referred the patient", "BIANCHI^ANNA"),
    Field("PatientName", "00100010", "PN", "Name of the patient", "ROSSI^MARIO", required=True),
    Field(
        "PatientID",
        "00100020",
        "LO",
        "Identifies the patient; without the wildcards `*` and `?`",
        "SDJ38WMD1MS01",
        required=True,
        forbidden="*?",
    ),
    Field("PatientBirthDate", "00100030", "DA", "Date of birth, YYYYMMDD", "19600101"),
    Field("PatientSex", "00100040", "CS", "M male, F female, O other", "F", terms=("M", "F", "O")),
    Field("MedicalAlerts", "00102000", "LO", "Conditions to be aware of, one or several", "PACEMAKER", many=True),
    Field(
        "PregnancyStatus",
        "001021C0",
        "US",
        "1 not pregnant, 2 possibly, 3 definitely pregnant, 4 unknown",
        4,
        terms=(1, 2, 3, 4),
    ),
    Field(
        "StudyInstanceUID",
        "0020000D",
        "UI",
        "The study that the images will belong to; generated where it is not given",
        "1.2.752.24.5.2584605181.20150129083013.816906",
    ),
    Field("RequestingPhysician", "00321032", "PN", "Physician who requested the procedure", "VERDI^LUCA"),
    Field("RequestedProcedureDescription", "00321060", "LO", "What was requested", "CT of the chest"),
    Field("AdmissionID", "00380010", "LO", "Identifies the visit", "ADM-2031"),
    Field("ServiceEpisodeID", "00380060", "LO", "Identifies the episode of care", "EP-77"),
    Field("CurrentPatientLocation", "00380300", "LO", "Where the patient is", "WARD 4"),
    Field("PatientState", "00380500", "LO", "State of the patient", "Walks with help"),
    Field(
        "RequestedProcedureID", "00401001", "SH", "Identifies the requested procedure; generated if absent", "RP-5512"
    ),
    Field("PlacerOrderNumberImagingServiceRequest", "00402016", "LO", "The orderer's number of the order", "ORD-90441"),
    Field(
        "ConfidentialityConstraintOnPatientDataDescription",
        "00403001",
        "LO",
        "Special indications on confidentiality",
        "VIP",
    ),
    Field("Modality", "00080060", "CS", "Kind of equipment", "CT", required=True, in_step=True),
    Field(
        "ScheduledStationAETitle",
        "00400001",
        "AE",
        "Application entity that will do the step, one or several",
        "NGV",
        required=True,
        in_step=True,
        many=True,
    ),
    Field(
        "ScheduledProcedureStepStartDate",
        "00400002",
        "DA",
        "Start date, YYYYMMDD",
        "20300115",
        required=True,
        in_step=True,
    ),
    Field(
        "ScheduledProcedureStepStartTime",
        "00400003",
        "TM",
        "Start time, HH[MM[SS[.FFFFFF]]]",
        "093000",
        required=True,
        in_step=True,
    ),
    Field(
        "ScheduledPerformingPhysiciansName",
        "00400006",
        "PN",
        "Physician who will perform the step",
        "NERI^PAOLA",
        in_step=True,
        keyword="ScheduledPerformingPhysicianName",
    ),
    Field(
        "ScheduledProcedureStepDescription",
        "00400007",
        "LO",
        "What will be done",
        "CT chest without contrast",
        required=True,
        in_step=True,
    ),
    Field(
        "ScheduledProcedureStepID", "00400009", "SH", "Identifies the step; generated if absent", "SPS-1", in_step=True
    ),
    Field(
        "status",
        "00400020",
        "CS",
        "Where the step stands; SCHEDULED where it is not given",
        "ARRIVED",
        in_step=True,
        terms=("SCHEDULED", "ARRIVED", "STARTED", "COMPLETED", "CANCELED"),
        keyword="ScheduledProcedureStepStatus",
        default="SCHEDULED",
    ),
    Field("ScheduledStationName", "00400010", "SH", "Name of the station", "CT ROOM 2", in_step=True),
)

START_DATE, START_TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"

BY_NAME = {field.name: field for field in FIELDS}

ENDED = frozenset({"COMPLETED", "CANCELED"})
"""The states behind which none comes."""

EXAMPLE: dict[str, str | int] = {field.name: field.example for field in FIELDS if field.required}
