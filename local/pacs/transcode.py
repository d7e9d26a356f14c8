"""Other transfer syntaxes of a stored object."""

from io import BytesIO

import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from local.pacs.dicom_json import quiet_pydicom

EXPLICIT_VR_LITTLE_ENDIAN = str(ExplicitVRLittleEndian)


def to_explicit_vr_little_endian(content: bytes) -> bytes:
    """The Part 10 object uncompressed in Explicit VR Little Endian (PS3.5 A.2), or as it is where that fails."""
    quiet_pydicom()
    try:
        dataset = pydicom.dcmread(BytesIO(content))
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax == ExplicitVRLittleEndian:
            return content
        if syntax.is_compressed:
            dataset.decompress(generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        written = BytesIO()
        dataset.save_as(written, implicit_vr=False, little_endian=True)
    except Exception:  # noqa: BLE001 - decoders raise whatever a broken object provokes
        return content
    return written.getvalue()
