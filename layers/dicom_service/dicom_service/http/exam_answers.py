"""What the OpenAPI document shows of exams: example datasets, the upload's body, the answers of a retrieval."""

from typing import Any

from dicom_service.http.parameters import EXAMPLE_INSTANCE, EXAMPLE_SERIES, EXAMPLE_STUDY


def _attribute(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)}


STUDY_EXAMPLE = {
    "00080005": _attribute("CS", "ISO_IR 192"),
    "00080020": _attribute("DA", "20260115"),
    "00080061": _attribute("CS", "CT"),
    "00100010": _attribute("PN", {"Alphabetic": "ROSSI^MARIO"}),
    "00100020": _attribute("LO", "SDJ38WMD1MS01"),
    "0020000D": _attribute("UI", EXAMPLE_STUDY),
    "00201206": _attribute("IS", 1),
    "00201208": _attribute("IS", 239),
}
SERIES_EXAMPLE = {
    "00080005": _attribute("CS", "ISO_IR 192"),
    "00080060": _attribute("CS", "CT"),
    "0020000D": _attribute("UI", EXAMPLE_STUDY),
    "0020000E": _attribute("UI", EXAMPLE_SERIES),
    "00201209": _attribute("IS", 239),
}
INSTANCE_EXAMPLE = {
    "00080005": _attribute("CS", "ISO_IR 192"),
    "00080016": _attribute("UI", "1.2.840.10008.5.1.4.1.1.2"),
    "00080018": _attribute("UI", EXAMPLE_INSTANCE),
    "0020000D": _attribute("UI", EXAMPLE_STUDY),
    "0020000E": _attribute("UI", EXAMPLE_SERIES),
    "00280010": _attribute("US", 512),
    "00280011": _attribute("US", 512),
}

_SOP = {
    "00081150": _attribute("UI", "1.2.840.10008.5.1.4.1.1.2"),
    "00081155": _attribute("UI", EXAMPLE_INSTANCE),
}
STORED_EXAMPLE = {
    "00081199": _attribute(
        "SQ",
        {
            **_SOP,
            "00081190": _attribute("UR", f"https://pacs.example.org/wado?requestType=WADO&studyUID={EXAMPLE_STUDY}"),
        },
    )
}
CHANGED_EXAMPLE = {
    "00081199": _attribute("SQ", {**_SOP, "00081196": _attribute("US", 0xB000)}),
    "file": "file 2 (scan.dcm)",
    "changed": ["AccessionNumber", "PatientName"],
}
REFUSED_EXAMPLE = {
    "00081198": _attribute("SQ", {**_SOP, "00081197": _attribute("US", 0xA700)}),
    "file": "file 2 (scan.dcm)",
    "reason": "Out of resources (A700)",
}

_BINARY = {"type": "string", "format": "binary"}
UPLOAD_BODY = {
    "required": True,
    "description": "One or more DICOM Part 10 files; the parts of a form may have any name",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "array", "items": _BINARY, "minItems": 1}},
            },
        },
        "application/dicom": {"schema": _BINARY},
        'multipart/related; type="application/dicom"': {"schema": _BINARY},
    },
}

_PICTURE_HEADERS: dict[str, Any] = {
    "X-Thumbnail": {"description": "`placeholder`", "schema": {"type": "string"}},
    "ETag": {"description": "Of a thumbnail", "schema": {"type": "string"}},
    "Cache-Control": {"description": "A thumbnail may be kept by the client itself", "schema": {"type": "string"}},
}
_NOT_MODIFIED: dict[int, Any] = {304: {"description": "The thumbnail is the one that `If-None-Match` names"}}

THUMBNAIL_ANSWERS: dict[int, Any] = {
    200: {
        "description": "A thumbnail; `X-Thumbnail: placeholder` where there is no image that can be shown",
        "content": {"image/jpeg": {"schema": _BINARY}},
        "headers": _PICTURE_HEADERS,
    },
} | _NOT_MODIFIED

EXAM_ANSWERS: dict[int, Any] = {
    200: {
        "description": "The stored object byte for byte, or its thumbnail; `X-Thumbnail: placeholder` where the object "
        "has no image that can be shown",
        "content": {"application/dicom": {"schema": _BINARY}, "image/jpeg": {"schema": _BINARY}},
        "headers": {
            "Content-Disposition": {"description": "The DICOM file's name", "schema": {"type": "string"}},
            **_PICTURE_HEADERS,
        },
    },
    303: {
        "description": "The object is larger than a function may answer: fetch it from `Location` within five minutes",
        "headers": {"Location": {"description": "A signed URL", "schema": {"type": "string", "format": "uri"}}},
    },
} | _NOT_MODIFIED
