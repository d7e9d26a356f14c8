"""The directory records of the standard: which object has which, and what each says of it (PS3.3 Annex F.5)."""

STORAGE = "1.2.840.10008.5.1.4.1.1."
IMAGE = "IMAGE"

RECORD_TYPES = {
    STORAGE + "4.2": "SPECTROSCOPY",
    STORAGE + "9": "WAVEFORM",
    STORAGE + "9.100": "PRESENTATION",
    STORAGE + "11": "PRESENTATION",
    STORAGE + "66": "RAW DATA",
    STORAGE + "66.1": "REGISTRATION",
    STORAGE + "66.2": "FIDUCIAL",
    STORAGE + "66.3": "REGISTRATION",
    STORAGE + "66.4": IMAGE,
    STORAGE + "66.5": "SURFACE",
    STORAGE + "66.6": "TRACT",
    STORAGE + "66.7": IMAGE,
    STORAGE + "66.8": IMAGE,
    STORAGE + "67": "VALUE MAP",
    STORAGE + "68": "SURFACE SCAN",
    STORAGE + "77.1.5.3": "STEREOMETRIC",
    STORAGE + "78": "MEASUREMENT",
    STORAGE + "78.6": "SR DOCUMENT",
    STORAGE + "79.1": "SR DOCUMENT",
    STORAGE + "80.1": "MEASUREMENT",
    STORAGE + "88": "SR DOCUMENT",
    STORAGE + "88.59": "KEY OBJECT DOC",
    STORAGE + "90": "ASSESSMENT",
    STORAGE + "104": "ENCAP DOC",
    STORAGE + "131": "PRESENTATION",
    STORAGE + "481.2": "RT DOSE",
    STORAGE + "481.3": "RT STRUCTURE SET",
    STORAGE + "481.4": "RT TREAT RECORD",
    STORAGE + "481.5": "RT PLAN",
    STORAGE + "481.6": "RT TREAT RECORD",
    STORAGE + "481.7": "RT TREAT RECORD",
    STORAGE + "481.8": "RT PLAN",
    STORAGE + "481.9": "RT TREAT RECORD",
    **{STORAGE + f"481.{number}": "RADIOTHERAPY" for number in (*range(10, 23), 25)},
    "1.2.840.10008.5.1.4.34": "PLAN",
}
"""By SOP class or by the longest beginning of one; every other object is an image."""

_CONTENT = ("ContentDate", "ContentTime", "InstanceNumber")
_CONTENT_IDENTIFICATION = (*_CONTENT, "ContentLabel", "ContentDescription", "ContentCreatorName")

KEYS: dict[str, tuple[str, ...]] = {
    "PATIENT": ("PatientName", "PatientID"),
    "STUDY": ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber"),
    "SERIES": ("Modality", "SeriesInstanceUID", "SeriesNumber"),
    IMAGE: ("InstanceNumber",),
    "ASSESSMENT": ("InstanceNumber", "InstanceCreationDate", "InstanceCreationTime"),
    "ENCAP DOC": (*_CONTENT, "DocumentTitle", "ConceptNameCodeSequence", "MIMETypeOfEncapsulatedDocument"),
    "FIDUCIAL": _CONTENT_IDENTIFICATION,
    "KEY OBJECT DOC": (*_CONTENT, "ConceptNameCodeSequence"),
    "MEASUREMENT": _CONTENT_IDENTIFICATION,
    "PLAN": (),
    "PRESENTATION": ("PresentationCreationDate", "PresentationCreationTime", *_CONTENT_IDENTIFICATION[2:]),
    "RADIOTHERAPY": ("InstanceNumber", "ContentDescription", "ContentCreatorName"),
    "RAW DATA": _CONTENT,
    "REGISTRATION": _CONTENT_IDENTIFICATION,
    "RT DOSE": ("InstanceNumber", "DoseSummationType"),
    "RT PLAN": ("InstanceNumber", "RTPlanLabel", "RTPlanDate", "RTPlanTime"),
    "RT STRUCTURE SET": ("InstanceNumber", "StructureSetLabel", "StructureSetDate", "StructureSetTime"),
    "RT TREAT RECORD": ("InstanceNumber", "TreatmentDate", "TreatmentTime"),
    "SPECTROSCOPY": ("ImageType", *_CONTENT, "NumberOfFrames", "Rows", "Columns", "DataPointRows", "DataPointColumns"),
    "SR DOCUMENT": (*_CONTENT, "CompletionFlag", "VerificationFlag", "ConceptNameCodeSequence"),
    "STEREOMETRIC": (),
    "SURFACE": _CONTENT_IDENTIFICATION,
    "SURFACE SCAN": ("ContentDate", "ContentTime"),
    "TRACT": _CONTENT_IDENTIFICATION,
    "VALUE MAP": _CONTENT_IDENTIFICATION,
    "WAVEFORM": _CONTENT,
}
"""Keywords of the keys of type 1 and 2 by Directory Record Type."""

KEYS_WHERE_PRESENT: dict[str, tuple[str, ...]] = {
    "PATIENT": ("PatientBirthDate", "PatientSex"),
    "SERIES": ("SeriesDescription",),
    "ENCAP DOC": ("HL7InstanceIdentifier",),
    "KEY OBJECT DOC": ("ContentSequence",),
    "PRESENTATION": ("ReferencedSeriesSequence", "BlendingSequence"),
    "RADIOTHERAPY": ("UserContentLabel", "UserContentLongLabel"),
    "SPECTROSCOPY": ("ReferencedImageEvidenceSequence",),
    "SR DOCUMENT": ("VerificationDateTime", "ContentSequence"),
}
"""Those of type 1C, and what viewers show of a patient and a series; of a content tree only what modifies its title."""

NUMBERS = ("StudyID", "SeriesNumber", "InstanceNumber")
"""Keys of type 1 that say which of several it is: where the object has none, the place among those of the directory."""

STAND_INS = {"Modality": "OT", "CompletionFlag": "PARTIAL", "VerificationFlag": "UNVERIFIED"}
"""Values of keys of type 1 that claim least, for objects that have none (PS3.3 sections C.7.3.1.1.1 and C.17.2)."""

TITLED = ("SR DOCUMENT", "KEY OBJECT DOC")
NO_TITLE = {"CodeValue": "121144", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Document Title"}
"""What stands for the title of a document that has none (PS3.16 Annex D); the key is of type 1 there."""
